/** `holdfast dlq`: jobs that failed for good. */
import type { DeadLetterStats } from '../../ops/source.ts'
import type { DeadLetter } from '../../work/job.ts'
import { DEAD_LETTER_STATUSES } from '../../work/job.ts'
import { CliError, EXIT } from '../cli-error.ts'
import type { Context, TalkOptions } from '../context.ts'
import { connect } from '../context.ts'
import { eachOf } from '../each-of.ts'
import { errorText } from '../job-story.ts'
import type { Cell } from '../printer.ts'
import { relativeTime } from '../time-text.ts'
import { toned } from '../tones.ts'
import { moreHint } from './jobs.ts'

export interface DeadLetterListOptions extends TalkOptions {
  readonly status?: string
  readonly kind?: string
  readonly target?: string
  readonly limit?: number
  readonly cursor?: string
}

export interface RedriveOptions extends TalkOptions {
  readonly target?: string
  readonly kind?: string
  readonly limit?: number
  readonly all?: boolean
  readonly dryRun?: boolean
  /** At most so many a second. */
  readonly pace?: number
}

interface Redriven {
  readonly ids: readonly string[]
  readonly count: number
  readonly dryRun: boolean
}

export async function listDeadLetters(context: Context, options: DeadLetterListOptions): Promise<undefined> {
  const { io, printer } = context
  const client = await connect(context, options)
  const { status, kind, target, limit, cursor } = options
  const page = await client.get<{ deadLetters: readonly DeadLetter[]; nextCursor?: string }>('/v1/dead-letters', {
    status,
    kind,
    target,
    limit,
    cursor,
  })
  if (options.json) return printer.json(page) as undefined
  if (page.deadLetters.length === 0) return printer.note('No such dead letters.') as undefined
  const now = io.clock.wallNow()
  printer.table(
    [
      { title: 'ID' },
      { title: 'KIND' },
      { title: 'TARGET' },
      { title: 'STATUS' },
      { title: 'CAUSE' },
      { title: 'DIED' },
      { title: 'RETRY' },
      { title: 'ERROR', flexible: true },
    ],
    page.deadLetters.map((letter) => [
      letter.id,
      letter.kind,
      letter.target,
      toned(letter.status),
      letter.cause,
      relativeTime(letter.createdAt, now),
      letter.nextRetryAt === undefined ? '-' : relativeTime(letter.nextRetryAt, now),
      errorText(letter.error),
    ]),
  )
  moreHint(printer, page.nextCursor)
}

export async function deadLetterStats(context: Context, options: TalkOptions): Promise<undefined> {
  const { printer } = context
  const client = await connect(context, options)
  const stats = await client.get<DeadLetterStats>('/v1/dead-letters/stats')
  if (options.json) return printer.json(stats) as undefined
  if (stats.groups.length === 0) return printer.note('No dead letters.') as undefined
  const numbers = (of: DeadLetterStats['deadLetters']): Cell[] => DEAD_LETTER_STATUSES.map((status) => of[status])
  printer.table(
    [
      { title: 'TARGET' },
      { title: 'KIND' },
      ...DEAD_LETTER_STATUSES.map((status) => ({ title: status.toUpperCase(), align: 'right' as const })),
    ],
    [...stats.groups.map((group) => [group.target, group.kind, ...numbers(group)]), ['all', '', ...numbers(stats.deadLetters)]],
  )
  if (stats.moreGroups !== undefined) printer.note(`${stats.moreGroups} more in the sum: these have the most that are open.`)
  printLetterFacts(context, stats)
}

/** Of those that are pending or exhausted. */
function printLetterFacts({ io, printer }: Context, { oldestAt, nextRetryAt, causes }: DeadLetterStats): void {
  if (oldestAt === undefined) return
  const now = io.clock.wallNow()
  const told = Object.entries(causes).toSorted(([, a], [, b]) => b - a)
  printer.line()
  printer.fields([
    ['oldest', relativeTime(oldestAt, now)],
    ['next automatic retry', nextRetryAt === undefined ? 'none' : nextRetryAt <= now ? 'now' : relativeTime(nextRetryAt, now)],
    ['causes', told.length === 0 ? undefined : told.map(([cause, count]) => `${cause} ${count}`).join(', ')],
  ])
}

export async function redriveDeadLetters(context: Context, ids: readonly string[], options: RedriveOptions): Promise<number> {
  const { target, kind, limit, all, dryRun, pace } = options
  const filtered = target !== undefined || kind !== undefined || all === true
  if (ids.length === 0 && !filtered) throw usage('Say which dead letters: ids, --target, --kind, or --all.')
  if (ids.length > 0 && (filtered || dryRun)) throw usage('Give either ids or --target, --kind, --all, --limit, --dry-run.')
  if (pace !== undefined && (pace < 1 || dryRun))
    throw usage('--pace is a number of dead letters a second from 1, and goes without --dry-run.')
  const client = await connect(context, options)
  const each = {
    change: (id: string) => client.post<Redriven>(`/v1/dead-letters/${encodeURIComponent(id)}/redrive`),
    say: (answer: Redriven) => `${answer.ids.join(', ')} runs again.`,
    pace,
  }
  if (ids.length > 0) return eachOf(context, ids, options, each)
  if (pace !== undefined) {
    // Which ones is settled once: what dies again meanwhile is not taken a second time.
    const found = await client.post<Redriven>('/v1/dead-letters/redrive', { target, kind, limit, dryRun: true })
    return eachOf(context, found.ids, options, each)
  }
  const answer = await client.post<Redriven>('/v1/dead-letters/redrive', { target, kind, limit, dryRun })
  printRedriven(context, answer, options)
  return EXIT.ok
}

function printRedriven({ printer }: Context, { ids, count, dryRun }: Redriven, { json }: TalkOptions): void {
  if (json) return printer.json({ ids, count, dryRun })
  for (const id of ids) printer.line(id)
  printer.note(dryRun ? `${count} would run again; nothing was changed.` : `${count} run again.`)
}

export async function discardDeadLetters(context: Context, ids: readonly string[], options: TalkOptions): Promise<number> {
  const client = await connect(context, options)
  return eachOf(context, ids, options, {
    change: (id) => client.post<DeadLetter>(`/v1/dead-letters/${encodeURIComponent(id)}/discard`),
    say: (letter) => `${letter.id} is ${letter.status}.`,
  })
}

function usage(message: string): CliError {
  return new CliError(message, { exitCode: EXIT.usage })
}
