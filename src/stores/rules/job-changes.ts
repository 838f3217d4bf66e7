/**
 * What a job looks like after each thing that can happen to it: pure, and the same in every store.
 *
 * Whether it may happen (the fence, the state) is the store's to check, in the transaction that writes the answer.
 */
import type { HistoryEntry, Job, JobState, NewJob } from '../../work/job.ts'
import { HISTORY_LIMIT } from '../../work/job.ts'
import type { Settlement } from '../../work/store.ts'

/** A time so far from `now`, as whole ms that every store can keep. */
export function after(now: number, delayMs: number): number {
  return delayMs > 0 ? Math.min(Math.ceil(now + delayMs), Number.MAX_SAFE_INTEGER) : now
}

export function newJob(job: NewJob, now: number, batchId?: string): Job {
  const runAt = job.runAt === undefined ? now : Math.trunc(job.runAt)
  return {
    id: job.id,
    kind: job.kind,
    target: job.target,
    payload: job.payload,
    state: runAt > now ? 'scheduled' : 'available',
    priority: job.priority,
    attempts: 0,
    ...(job.maxAttempts === undefined ? {} : { maxAttempts: job.maxAttempts }),
    ...(job.idempotencyKey === undefined ? {} : { idempotencyKey: job.idempotencyKey }),
    ...(job.traceparent === undefined ? {} : { traceparent: job.traceparent }),
    ...(job.concurrencyKey === undefined ? {} : { concurrencyKey: job.concurrencyKey }),
    ...(batchId === undefined ? {} : { batchId }),
    createdAt: now,
    runAt,
    token: 0,
    lostLeases: 0,
    generation: 0,
    cancelRequested: false,
    history: [],
  }
}

export function claimed(job: Job, worker: string, leaseMs: number, now: number): Job {
  return {
    ...job,
    state: 'running',
    attempts: job.attempts + 1,
    token: job.token + 1,
    startedAt: now,
    worker,
    leaseUntil: after(now, leaseMs),
  }
}

/**
 * Carries out a settlement whose fence held. A job that somebody asked to cancel does not wait again: it is cancelled, as it
 * would have been had they asked a moment later.
 */
export function settled(job: Job, settlement: Settlement, now: number): Job {
  const next = carriedOut(job, settlement, now)
  return job.cancelRequested && WAITS.has(next.state) ? cancelled(next, now, 'cancelled on request') : next
}
const WAITS: ReadonlySet<JobState> = new Set(['scheduled', 'available', 'parked'])

function carriedOut(job: Job, settlement: Settlement, now: number): Job {
  switch (settlement.type) {
    case 'succeeded':
      return {
        ...released(job, 'succeeded'),
        finishedAt: now,
        ...(settlement.result === undefined ? {} : { result: settlement.result }),
        history: job.history.length === 0 ? job.history : told(job, 'succeeded', now),
      }
    case 'retry': {
      const next = waiting(job, settlement.delayMs, now)
      return {
        ...next,
        lastError: settlement.error,
        history: told(job, 'failed', now, { ...about(settlement), nextRunAt: next.runAt }),
      }
    }
    case 'returned':
    case 'rescued': {
      const next = waiting(job, settlement.delayMs, now)
      return {
        ...next,
        attempts: Math.max(0, job.attempts - 1),
        lostLeases: lostLeases(job, settlement.type === 'rescued'),
        lastError: about(settlement).error ?? job.lastError,
        history: told(job, settlement.type, now, { ...about(settlement), nextRunAt: next.runAt }),
      }
    }
    case 'dead':
      return {
        ...released(job, 'dead'),
        finishedAt: now,
        lostLeases: lostLeases(job, settlement.workerLost),
        lastError: settlement.error,
        history: told(job, 'dead', now, { reason: settlement.cause, error: settlement.error }),
      }
    case 'parked':
      return {
        ...released(job, 'parked'),
        lostLeases: lostLeases(job, settlement.workerLost),
        lastError: settlement.error ?? job.lastError,
        history: told(job, 'parked', now, about(settlement)),
      }
    case 'cancelled':
      return cancelled(job, now, settlement.reason)
  }
}

function lostLeases(job: Job, isLost: boolean | undefined): number {
  return job.lostLeases + (isLost === true ? 1 : 0)
}

/** By a person while it waits, or by its worker. */
export function cancelled(job: Job, now: number, reason?: string): Job {
  return {
    ...released(job, 'cancelled'),
    finishedAt: now,
    history: told(job, 'cancelled', now, reason === undefined ? {} : { reason }),
  }
}

/** A person wants it to run now. Undefined when its state does not let it. */
export function retried(job: Job, now: number): Job | undefined {
  if (job.state === 'scheduled') return { ...waiting(job, 0, now), history: told(job, 'retried', now) }
  if (job.state !== 'parked' && job.state !== 'dead' && job.state !== 'cancelled') return undefined
  return { ...fresh(job, now), history: told(job, 'retried', now) }
}

export function redriven(job: Job, by: string, now: number): Job {
  return { ...fresh(job, now), generation: job.generation + 1, history: told(job, 'redriven', now, { reason: by }) }
}

function fresh(job: Job, now: number): Job {
  return { ...waiting(job, 0, now), attempts: 0, lostLeases: 0, finishedAt: undefined }
}

function waiting(job: Job, delayMs: number, now: number): Job {
  return { ...released(job, delayMs > 0 ? 'scheduled' : 'available'), runAt: after(now, delayMs) }
}

/** Nobody holds it any more. */
function released(job: Job, state: JobState): Job {
  return { ...job, state, worker: undefined, leaseUntil: undefined, cancelRequested: false }
}

type Telling = Pick<HistoryEntry, 'reason' | 'error' | 'nextRunAt'>

function about(settlement: Settlement): Telling {
  return {
    ...('reason' in settlement && settlement.reason !== undefined ? { reason: settlement.reason } : {}),
    ...('error' in settlement && settlement.error !== undefined ? { error: settlement.error } : {}),
  }
}

function told(job: Job, event: string, now: number, telling: Telling = {}): readonly HistoryEntry[] {
  const entry: HistoryEntry = {
    at: now,
    event,
    attempt: job.attempts,
    ...telling,
    ...(job.worker === undefined ? {} : { worker: job.worker }),
  }
  return [...job.history, entry].slice(-HISTORY_LIMIT)
}
