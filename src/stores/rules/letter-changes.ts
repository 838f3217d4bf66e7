/**
 * What a dead letter looks like after each thing that happens to its job: pure, and the same in every store.
 */
import type { DeadLetter, Job } from '../../work/job.ts'
import type { Settlement } from '../../work/store.ts'
import { after } from './job-changes.ts'

/** The letter of a job that just died; an earlier one of the same job keeps when it came and when it was last retried. */
export function letterOf(
  job: Job,
  death: Settlement & { type: 'dead' },
  earlier: DeadLetter | undefined,
  now: number,
): DeadLetter {
  return {
    id: job.id,
    kind: job.kind,
    target: job.target,
    cause: death.cause,
    error: death.error,
    attempts: job.attempts,
    generation: job.generation,
    status: death.retryInMs === undefined ? 'exhausted' : 'pending',
    targetDown: death.targetDown,
    createdAt: earlier?.createdAt ?? now,
    ...(earlier?.lastRetryAt === undefined ? {} : { lastRetryAt: earlier.lastRetryAt }),
    ...(death.retryInMs === undefined ? {} : { nextRetryAt: after(now, death.retryInMs) }),
  }
}

/** The letter as its job ends otherwise: a success resolves it, a cancel discards it. Undefined when it stays as it is. */
export function closedLetter(letter: DeadLetter, job: Job): DeadLetter | undefined {
  if (letter.status !== 'retrying') return undefined
  if (job.state === 'succeeded') return { ...letter, status: 'resolved' }
  if (job.state === 'cancelled') return { ...letter, status: 'discarded' }
  return undefined
}

/** The letter while its job has another chance. */
export function retryingLetter(letter: DeadLetter, job: Job, now: number): DeadLetter {
  return { ...letter, status: 'retrying', generation: job.generation, lastRetryAt: now, nextRetryAt: undefined }
}

/** A person gave it up. Undefined when it is not theirs to give up: it is being retried, or settled already. */
export function discardedLetter(letter: DeadLetter): DeadLetter | undefined {
  if (letter.status !== 'pending' && letter.status !== 'exhausted') return undefined
  return { ...letter, status: 'discarded', nextRetryAt: undefined }
}
