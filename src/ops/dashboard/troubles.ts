/**
 * What the page says first: what is wrong, since when, what is held because of it, what happens next. The worst comes first.
 */
import type { HealthReason, Status, TargetStatus } from '../source.ts'
import type { Content } from './html.ts'
import { html } from './html.ts'
import { countdown, countText, plural } from './moments.ts'

export interface Trouble {
  readonly severity: 'unhealthy' | 'degraded' | 'note'
  /** A whole sentence without its full stop. */
  readonly what: string
  readonly since?: number
  readonly held: string
  readonly next: Content
  /** A short form of `next` for the headline. */
  readonly nextShort?: Content
  readonly error?: string
}

const ORDER = { unhealthy: 0, degraded: 1, note: 2 } as const

/** By severity; within it outages before what they leave behind, and the oldest first. */
export function troublesOf(status: Status): readonly Trouble[] {
  const outages = status.targets.flatMap((target) => targetTrouble(target, status))
  outages.sort((a, b) => (a.since ?? 0) - (b.since ?? 0))
  const others = [...otherTroubles(status), ...deadLetterTrouble(status), ...parkedTrouble(status), ...workerTrouble(status)]
  return [...storeTrouble(status), ...outages, ...others].sort((a, b) => ORDER[a.severity] - ORDER[b.severity])
}

function reason(status: Status, check: string): HealthReason | undefined {
  return status.reasons.find((known) => known.check === check)
}

function storeTrouble(status: Status): readonly Trouble[] {
  if (status.store.ok) return []
  return [
    {
      severity: 'unhealthy',
      what: 'The store takes no writes',
      ...since(reason(status, 'store')?.since),
      held: 'All work',
      next: 'New jobs are refused until the store is back. What was accepted is kept, and goes on by itself then.',
      nextShort: 'new jobs are refused until it is back',
      ...(status.store.message === undefined ? {} : { error: status.store.message }),
    },
  ]
}

function targetTrouble(target: TargetStatus, status: Status): readonly Trouble[] {
  const { name, breaker, paused, held, lastError } = target
  const { now } = status
  const jobs = held === 0 ? 'No job' : plural(held, 'job')
  const error = lastError === undefined ? {} : { error: `${lastError.name}: ${lastError.message}` }
  if (breaker?.state === 'isolated')
    return [
      {
        severity: 'degraded',
        what: `${name} is isolated by hand`,
        since: breaker.since,
        held: jobs,
        next: 'Nothing, until somebody resets it.',
        nextShort: 'waits for a reset',
      },
    ]
  if (breaker?.state === 'open') {
    const { probeAt } = breaker
    const probe = probeAt === undefined ? 'when a call comes' : countdown(probeAt, now)
    return [
      {
        severity: 'degraded',
        what: `${name} is not answering`,
        since: breaker.since,
        held: jobs,
        next: html`One probe goes ${probe}. If it succeeds, the held jobs run; if not, the wait grows.`,
        nextShort: html`next probe ${probe}`,
        ...error,
      },
    ]
  }
  if (breaker?.state === 'half-open')
    return [
      {
        severity: 'degraded',
        what: `${name} is being probed`,
        since: breaker.since,
        held: jobs,
        next: 'A probe is under way. If it succeeds, the held jobs run in growing steps.',
        nextShort: 'a probe is under way',
        ...error,
      },
    ]
  if (paused === undefined) return []
  const resume = paused.until === undefined ? undefined : countdown(paused.until, now)
  return [
    {
      severity: 'note',
      what: `${name} is paused by hand`,
      ...since(paused.since ?? reason(status, `target:${name}`)?.since),
      held: jobs,
      next: resume === undefined ? 'Nothing, until somebody resumes it.' : html`It resumes by itself ${resume}.`,
      nextShort: resume === undefined ? 'waits for somebody to resume it' : html`resumes ${resume}`,
    },
  ]
}

function deadLetterTrouble(status: Status): readonly Trouble[] {
  const { pending, exhausted } = status.deadLetters
  const all = pending + exhausted
  if (all === 0) return []
  const again = pending === 1 ? '1 is tried again by itself.' : `${countText(pending)} are tried again by themselves.`
  const waiting = `${countText(exhausted)} ${exhausted === 1 ? 'waits' : 'wait'} for a person`
  const next = `${pending === 0 ? '' : again} ${exhausted === 0 ? '' : `${waiting}: redrive or discard them below.`}`.trim()
  return [
    {
      severity: 'degraded',
      what: `${plural(all, 'job')} failed for good`,
      ...since(reason(status, 'dead-letters')?.since),
      held: `${plural(all, 'dead letter')}`,
      next,
      nextShort: exhausted === 0 ? 'tried again by themselves' : waiting,
    },
  ]
}

function parkedTrouble({ jobs }: Status): readonly Trouble[] {
  const { parked } = jobs
  if (parked === 0) return []
  return [
    {
      severity: 'note',
      what: parked === 1 ? '1 job is set aside' : `${countText(parked)} jobs are set aside`,
      held: `${parked === 1 ? 'It' : 'They'}, and what waits for ${parked === 1 ? 'its' : 'their'} end`,
      next: html`Nothing, until a person retries or cancels <a href="/?state=parked#jobs">${parked === 1 ? 'it' : 'them'}</a>.`,
      nextShort: 'waits for a person',
    },
  ]
}

function workerTrouble({ worker }: Status): readonly Trouble[] {
  if (worker.state === 'running') return []
  return [
    {
      severity: 'note',
      what: worker.state === 'draining' ? 'The worker is shutting down' : 'The worker is stopped',
      held: worker.state === 'draining' ? `${plural(worker.running, 'job')} still running` : 'All work',
      next:
        worker.state === 'draining' ? 'It finishes what it runs, and hands the rest back.' : 'Nothing, until a worker starts.',
    },
  ]
}

const TOLD = /^(store|dead-letters|worker|target:.*|breaker:.*)$/s

const NEXT: Readonly<Record<string, string>> = {
  backlog: 'The jobs run as soon as a worker is free.',
  'shared-state': 'Each process goes by what it finds itself until it is well again. No call and no job fails of it.',
}

/** Reasons of health that nothing above has told in its own words. */
function otherTroubles(status: Status): readonly Trouble[] {
  return status.reasons
    .filter(({ check, status: health }) => health !== 'healthy' && !TOLD.test(check))
    .map(({ check, message, since, status: health }) => ({
      severity: health === 'unhealthy' ? 'unhealthy' : 'degraded',
      what: sentence(message),
      since,
      held: check === 'backlog' ? plural(status.jobs.available, 'waiting job') : 'Nothing known',
      next: NEXT[check] ?? 'The check is asked again in a moment.',
    }))
}

function since(at: number | undefined): { since?: number } {
  return at === undefined ? {} : { since: at }
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
