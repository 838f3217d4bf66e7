/**
 * What a batch is: jobs that were enqueued together, and one job that is enqueued when all of them have ended.
 */
import type { Enqueued, NewJob } from './job.ts'

/** A batch as the queue hands it to the store. */
export interface NewBatch {
  readonly id: string
  /** Stored with the batch, and enqueued once; its payload then gets the summary as `batch`. Its id is its own from the start. */
  readonly callback?: NewJob | undefined
}

/** How a batch ended. A job that dies and is redriven before that is waited for again; afterwards it changes nothing. */
export interface BatchSummary {
  readonly id: string
  readonly total: number
  readonly succeeded: number
  readonly dead: number
  readonly cancelled: number
}

/** Where a batch stands. Jobs that were known already, by their idempotency keys, are not of it. */
export interface Batch extends BatchSummary {
  /** Jobs that have not ended. */
  readonly pending: number
  /** Of these, those that are set aside until a person decides; absent when there are none. */
  readonly parked?: number
  readonly createdAt: number
  /** When all had ended for the first time. */
  readonly completedAt?: number
  /** The job that is enqueued, or was, when all have ended. */
  readonly callback?: string
  /** And its kind. */
  readonly callbackKind?: string
}

export interface BatchEnqueued {
  readonly id: string
  /** True when the id was known: nothing was stored, and `jobs` are the first one's that are still kept. */
  readonly duplicate: boolean
  readonly jobs: readonly Enqueued[]
}

/** A batch that has just ended, and its callback as it was stored. */
export interface CompletedBatch {
  readonly summary: BatchSummary
  readonly callback?: NewJob
}

/** The callback as it is enqueued. */
export function withSummary(callback: NewJob, batch: BatchSummary): NewJob {
  return { ...callback, payload: { ...(callback.payload as object | undefined), batch } }
}
