/**
 * What a durable job is. Times are epoch ms by the store's clock; ids sort by creation.
 */
import type { ErrorSummary } from '../core/errors.ts'

/**
 * Where a job stands. *Held* is not a state but an answer: an `available` job whose target does not admit.
 * The transitions are in lifecycle.ts.
 */
export type JobState = 'scheduled' | 'available' | 'running' | 'succeeded' | 'dead' | 'cancelled' | 'parked'

export const JOB_STATES: readonly JobState[] = ['scheduled', 'available', 'running', 'succeeded', 'dead', 'cancelled', 'parked']

/** One line of a job's story. Only what is worth telling is kept: a job that succeeds at once has none. */
export interface HistoryEntry {
  readonly at: number
  /** `failed`, `returned`, `rescued`, `dead`, `parked`, `cancelled`, `redriven`, `retried`, `succeeded`. */
  readonly event: string
  readonly attempt: number
  readonly reason?: string
  readonly error?: ErrorSummary
  readonly worker?: string
  readonly nextRunAt?: number
}

/** At most so many entries are kept with a job; the oldest go first. */
export const HISTORY_LIMIT = 50

/** Priorities lie between this and its opposite. */
export const MAX_PRIORITY = 1000

export interface Job {
  readonly id: string
  readonly kind: string
  readonly target: string
  readonly payload: unknown
  readonly state: JobState
  /** Higher first; 0 by default. */
  readonly priority: number
  /** Attempts that count: started, and neither refused, handed back nor lost. */
  readonly attempts: number
  /** This job's own limit, when it differs from its kind's. */
  readonly maxAttempts?: number
  /** What the caller gave; a handler gets this or the id, the same in every attempt. */
  readonly idempotencyKey?: string
  /** W3C trace context to pass on. */
  readonly traceparent?: string
  /** Of jobs of its kind with the same key only so many run at once; empty when its kind has keys and this job has none. */
  readonly concurrencyKey?: string
  /** The batch that it belongs to. */
  readonly batchId?: string
  readonly createdAt: number
  /** When it may run; in the past for an available job. */
  readonly runAt: number
  readonly startedAt?: number
  readonly finishedAt?: number
  /** Who holds the lease while running. */
  readonly worker?: string
  readonly leaseUntil?: number
  /** The fence: grows with every claim; a write with an older token changes nothing. */
  readonly token: number
  /** How often its worker vanished; see `maxLostLeases`. */
  readonly lostLeases: number
  /** How often it was redriven out of the dead letters. */
  readonly generation: number
  readonly cancelRequested: boolean
  readonly lastError?: ErrorSummary
  readonly result?: unknown
  readonly history: readonly HistoryEntry[]
}

/** A job as the queue hands it to the store: validated, named, with its target resolved. */
export interface NewJob {
  readonly id: string
  readonly kind: string
  readonly target: string
  readonly payload: unknown
  readonly priority: number
  readonly maxAttempts?: number | undefined
  /** Epoch ms; absent means now. */
  readonly runAt?: number | undefined
  readonly idempotencyKey?: string | undefined
  /** Hash of kind and payload; the same key with another one is refused. */
  readonly fingerprint: string
  /** For how long the key answers with the first job, in ms. */
  readonly idempotencyWindowMs: number
  readonly traceparent?: string | undefined
  /** See `Job.concurrencyKey`. */
  readonly concurrencyKey?: string | undefined
}

export interface Enqueued {
  readonly id: string
  readonly state: JobState
  /** True when the key was known: `id` is the first job's, and nothing was stored. */
  readonly duplicate: boolean
}

export type DeadLetterStatus = 'pending' | 'retrying' | 'exhausted' | 'resolved' | 'discarded'

export const DEAD_LETTER_STATUSES: readonly DeadLetterStatus[] = ['pending', 'retrying', 'exhausted', 'resolved', 'discarded']

/**
 * Why a job died: `attempts` (all used up), `rejected` (the target said never), `poison` (it took its worker down, or lost
 * its lease too often), `expired`, `forbidden` (policy of this installation, such as the address allow-list).
 */
export type DeadCause = 'attempts' | 'rejected' | 'poison' | 'forbidden' | 'expired'

/** A job that failed for good. Its id is the job's id; a redrive raises `generation` and keeps the row. */
export interface DeadLetter {
  readonly id: string
  readonly kind: string
  readonly target: string
  readonly cause: DeadCause
  readonly error: ErrorSummary
  readonly attempts: number
  readonly generation: number
  readonly status: DeadLetterStatus
  /** True when the target's breaker was open as it died: it comes back when the breaker closes. */
  readonly targetDown: boolean
  readonly createdAt: number
  readonly lastRetryAt?: number
  readonly nextRetryAt?: number
}
