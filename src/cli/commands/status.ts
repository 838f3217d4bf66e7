/** `holdfast status`: how it goes, on one page. */
import type { Health, Status, TargetStatus } from '../../ops/source.ts'
import { DEAD_LETTER_STATUSES, JOB_STATES } from '../../work/job.ts'
import { CliError } from '../cli-error.ts'
import type { Context, TalkOptions } from '../context.ts'
import { connect } from '../context.ts'
import type { Cell, Printer } from '../printer.ts'
import { relativeTime, spanText } from '../time-text.ts'
import { breakerCell, toned } from '../tones.ts'
import { printBatches } from './batches.ts'
import { printSchedules } from './schedules.ts'

const EXIT_OF: Readonly<Record<Health, number>> = { healthy: 0, degraded: 1, unhealthy: 2 }
const UNHEALTHY = EXIT_OF.unhealthy

/** Prints the status; answers 0 healthy, 1 degraded, 2 unhealthy. Unreachable is 2 as well. */
export async function status(context: Context, options: TalkOptions): Promise<number> {
  const client = await connect(context, options)
  const seen = await client.get<Status>('/v1/status').catch((error: unknown) => {
    // Whatever keeps us from seeing the status, a script must not read it as «degraded».
    throw error instanceof CliError ? new CliError(error.message, { hint: error.hint, exitCode: UNHEALTHY }) : error
  })
  if (options.json) context.printer.json(seen)
  else print(context.printer, seen, client.url)
  return EXIT_OF[seen.status] ?? UNHEALTHY
}

function print(printer: Printer, seen: Status, url: string): void {
  const { worker, store } = seen
  printer.fields([
    ['status', toned(seen.status)],
    ['holdfast', `${seen.version} at ${url}, up ${spanText(seen.now - seen.startedAt)}`],
    ['store', store.ok ? store.description : { text: `${store.description}: ${store.message ?? 'not ok'}`, tone: 'bad' }],
    ['shared by', sharedCell(seen)],
    ['worker', `${worker.state}, ${worker.running} of ${worker.concurrency} places taken`],
    ['at its start', recoveryCell(seen)],
    ['jobs', counts(JOB_STATES, seen.jobs)],
    ['held', seen.held === 0 ? undefined : { text: String(seen.held), tone: 'warn' }],
    ['waiting', seen.oldestWaitingMs > 0 ? `the oldest for ${spanText(seen.oldestWaitingMs)}` : undefined],
    ['dead letters', counts(DEAD_LETTER_STATUSES, seen.deadLetters)],
  ])
  if (seen.reasons.length > 0) printReasons(printer, seen)
  if (seen.targets.length > 0) {
    printer.line()
    printTargets(printer, seen.targets, seen.now)
    if (seen.moreTargets !== undefined) printer.note(`And ${seen.moreTargets} more: npx holdfast targets list`)
  }
  const open = (seen.batches ?? []).filter(({ completedAt }) => completedAt === undefined)
  if (open.length > 0) {
    printer.line()
    printBatches(printer, open, seen.now)
  }
  if (seen.schedules.length > 0) {
    printer.line()
    printSchedules(printer, seen.schedules, seen.now)
  }
  if (seen.operations.length > 0) printOperations(printer, seen)
}

/** A process alone shares with nobody, which is not worth a line. */
function sharedCell({ shared, store }: Status): Cell {
  if (shared === undefined) return undefined
  const where = shared.description === store.description ? '' : ` at ${shared.description}`
  if (!shared.ok) return { text: `${shared.message ?? 'not there'}${where}`, tone: 'warn' }
  return shared.processes > 1 || where !== '' ? `${shared.processes} processes${where}` : undefined
}

/** What earlier processes had left behind; nothing is said of a start that found nothing. */
function recoveryCell({ recovery }: Status): Cell {
  if (recovery === undefined) return undefined
  if (recovery.error !== undefined) return { text: `recovery failed, and is tried again: ${recovery.error.message}`, tone: 'bad' }
  const { recovered, requeued, parked, poison } = recovery
  if (recovered === 0) return undefined
  const rest = [...(parked > 0 ? [`${parked} set aside`] : []), ...(poison > 0 ? [`${poison} poison`] : [])]
  return `recovered ${recovered}: ${[`${requeued} taken up again`, ...rest].join(', ')}`
}

function counts<K extends string>(names: readonly K[], numbers: Readonly<Record<K, number>>): string {
  const present = names.filter((name) => numbers[name] > 0).map((name) => `${numbers[name]} ${name}`)
  return present.length === 0 ? 'none' : present.join(', ')
}

function printReasons(printer: Printer, { reasons, now }: Status): void {
  printer.line()
  printer.table(
    [{ title: 'WHAT IS WRONG' }, { title: '' }, { title: 'SINCE' }, { title: 'WHY', flexible: true }],
    reasons.map(({ check, status: health, message, since }) => [check, toned(health), relativeTime(since, now), message]),
  )
}

/** A table of targets, for this command and for `targets list`. */
export function printTargets(printer: Printer, targets: readonly TargetStatus[], now: number): void {
  printer.table(
    [
      { title: 'TARGET' },
      { title: 'BREAKER' },
      { title: 'HELD', align: 'right' },
      { title: 'OK', align: 'right' },
      { title: 'FAILED', align: 'right' },
      { title: 'P95', align: 'right' },
      { title: 'NEXT', flexible: true },
    ],
    targets.map((target) => [
      target.name,
      breakerCell(target.breaker),
      target.held === 0 ? 0 : { text: String(target.held), tone: 'warn' },
      target.successes,
      target.failures,
      target.latency.count === 0 ? '-' : spanText(target.latency.p95Ms),
      nextOf(target, now),
    ]),
  )
}

/** What happens next at a target that holds its jobs. */
function nextOf({ heldBy, heldUntil, heldReason, breaker, paused }: TargetStatus, now: number): Cell {
  if (paused !== undefined)
    return paused.until === undefined ? 'paused until resumed' : `pause ends ${relativeTime(paused.until, now)}`
  if (breaker?.state === 'isolated') return 'isolated until reset'
  if (breaker?.probeAt !== undefined && breaker.state === 'open') return `probe ${relativeTime(breaker.probeAt, now)}`
  if (heldBy === undefined) return ''
  return heldUntil === undefined ? (heldReason ?? heldBy) : `${heldBy}, ${relativeTime(heldUntil, now)}`
}

function printOperations(printer: Printer, { operations }: Status): void {
  const right = { align: 'right' } as const
  printer.line()
  printer.table(
    [
      { title: 'OPERATION' },
      { title: 'CALLS', ...right },
      { title: 'FAILED', ...right },
      { title: 'RETRIES', ...right },
      { title: 'MIN', ...right },
      { title: 'AVG', ...right },
      { title: 'P95', ...right },
    ],
    operations.map(({ operation, count, failures, retries, minMs, avgMs, p95Ms }) => [
      operation,
      count,
      failures,
      retries,
      spanText(minMs),
      spanText(avgMs),
      spanText(p95Ms),
    ]),
  )
}
