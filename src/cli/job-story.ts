/**
 * Why a job is where it is, in sentences: the answer to «why is it not running?».
 */
import type { ErrorSummary } from '../core/errors.ts'
import type { JobView } from '../ops/source.ts'
import type { HistoryEntry } from '../work/job.ts'
import { plainText } from './text-width.ts'
import { isoTime, relativeTime, spanText } from './time-text.ts'

/** The sentences, the most important one first. */
export function jobStory(job: JobView, now: number): string[] {
  return [...standing(job, now), ...past(job)].map(plainText)
}

/** The first sentence alone, for a list of fields. */
export function jobReason(job: JobView, now: number): string {
  return jobStory(job, now)[0] ?? ''
}

function standing(job: JobView, now: number): string[] {
  switch (job.state) {
    case 'available':
      return job.heldBy === undefined ? waiting(job, now) : held(job, now)
    case 'scheduled':
      return scheduled(job, now)
    case 'running':
      return running(job, now)
    case 'succeeded':
      return [`It succeeded ${ago(job.finishedAt, now)}, ${attempts(job)}.`]
    case 'dead':
      return dead(job, now)
    case 'parked':
      return [
        `It is set aside for a person to decide${because(lastReason(job, 'parked'))}.`,
        `Run it again with: npx holdfast jobs retry ${job.id}. Give it up with: npx holdfast jobs cancel ${job.id}.`,
      ]
    case 'cancelled':
      return [
        `It was cancelled ${ago(job.finishedAt, now)}${because(lastReason(job, 'cancelled'))}.`,
        `Run it after all with: npx holdfast jobs retry ${job.id}.`,
      ]
  }
}

function waiting(job: JobView, now: number): string[] {
  return [
    `It is due since ${spanText(Math.max(0, now - job.runAt))} and waits for a free place in a worker.`,
    'If it stays so: npx holdfast status shows whether a worker runs, and how busy it is.',
  ]
}

function held(job: JobView, now: number): string[] {
  const until = job.heldUntil === undefined ? undefined : relativeTime(job.heldUntil, now)
  const detail = job.heldReason === undefined ? '' : ` (${job.heldReason})`
  const hold = {
    breaker: [
      `It is held: the circuit breaker of ${job.target} is open${detail}.`,
      until === undefined ? 'The breaker stays open until somebody resets it.' : `The next probe may go ${until}.`,
    ],
    limit: [
      `It is held: the rate limit of ${job.target} is used up${detail}.`,
      until === undefined ? '' : `The next place is free ${until}.`,
    ],
    pause: [
      `It is held: ${job.target} is paused${detail}.`,
      until === undefined ? `It goes on with: npx holdfast targets resume ${job.target}.` : `The pause ends ${until}.`,
    ],
    concurrency: [
      job.heldKey === undefined
        ? `It is held: as many calls to ${job.target} run as may run at a time${detail}.`
        : `It is held: as many jobs of kind ${job.kind} with the same key run as may run at a time${detail}.`,
      'It goes when one of them ends.',
    ],
  }[job.heldBy as NonNullable<JobView['heldBy']>]
  return [...hold.filter((sentence) => sentence !== ''), 'While it is held it uses up no attempt.']
}

function scheduled(job: JobView, now: number): string[] {
  const at = job.nextRunAt ?? job.runAt
  const when = `${relativeTime(at, now)} (${isoTime(at)})`
  const failed = job.history.findLast(({ event }) => event === 'failed')
  const returned = job.history.at(-1)?.event === 'returned' ? lastReason(job, 'returned') : undefined
  if (returned !== undefined) return [`It was handed back without using up an attempt${because(returned)}, and runs ${when}.`]
  if (job.attempts > 0)
    return [`${capital(attempts(job))} failed${withError(failed?.error ?? job.lastError)}; it runs again ${when}.`]
  return [`It is scheduled: it runs ${when}.`]
}

function running(job: JobView, now: number): string[] {
  const since = job.startedAt === undefined ? '' : ` since ${spanText(Math.max(0, now - job.startedAt))}`
  const lines = [`It runs${since}, attempt ${job.attempts}${job.worker === undefined ? '' : `, in worker ${job.worker}`}.`]
  if (job.leaseUntil !== undefined && job.leaseUntil < now)
    lines.push(`Its lease ended ${relativeTime(job.leaseUntil, now)}: if the worker is gone, another takes the job up.`)
  if (job.cancelRequested) lines.push('Somebody asked to cancel it: it stops as soon as its handler heeds that.')
  return lines
}

function dead(job: JobView, now: number): string[] {
  return [
    `It failed for good ${ago(job.finishedAt, now)}, ${attempts(job)}${withError(job.lastError)}.`,
    `Bring it back with: npx holdfast dlq redrive ${job.id}. Give it up with: npx holdfast dlq discard ${job.id}.`,
  ]
}

function past(job: JobView): string[] {
  const lines: string[] = []
  if (job.lostLeases > 0) lines.push(`Its worker vanished ${times(job.lostLeases)} while it ran.`)
  if (job.generation > 0) lines.push(`It came back from the dead letters ${times(job.generation)}.`)
  return lines
}

function attempts({ attempts }: JobView): string {
  return attempts === 1 ? 'after 1 attempt' : `after ${attempts} attempts`
}

function capital(text: string): string {
  return text.replace('after 1 attempt', 'Attempt 1').replace(/after (\d+) attempts/, 'Attempt $1')
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`
}

function ago(at: number | undefined, now: number): string {
  return at === undefined ? '' : relativeTime(at, now)
}

function because(reason: string | undefined): string {
  return reason === undefined ? '' : `: ${reason}`
}

function withError(error: ErrorSummary | undefined): string {
  return error === undefined ? '' : ` with ${errorText(error)}`
}

/** `HTTP 503`-like when there is a status, else name and message. */
export function errorText({ name, message, status }: ErrorSummary): string {
  const text = message === '' ? name : name === 'Error' || message.startsWith(name) ? message : `${name}: ${message}`
  return status === undefined || text.includes(String(status)) ? text : `${text} (status ${status})`
}

function lastReason(job: JobView, event: HistoryEntry['event']): string | undefined {
  return job.history.findLast((entry) => entry.event === event)?.reason
}
