/**
 * A job as a row, and back.
 */
import type { ErrorSummary } from '../../core/errors.ts'
import type { HistoryEntry, Job, JobState } from '../../work/job.ts'

export interface JobRow {
  readonly seq: number
  readonly id: string
  readonly kind: string
  readonly target: string
  readonly payload: string | null
  readonly state: JobState
  readonly priority: number
  readonly attempts: number
  readonly max_attempts: number | null
  readonly idempotency_key: string | null
  readonly traceparent: string | null
  readonly created_at: number
  readonly run_at: number
  readonly started_at: number | null
  readonly finished_at: number | null
  readonly worker: string | null
  readonly lease_until: number | null
  readonly token: number
  readonly lost_leases: number
  readonly generation: number
  readonly cancel_requested: boolean
  readonly last_error: string | null
  readonly result: string | null
  readonly history: string | null
  readonly concurrency_key: string | null
  readonly batch_id: string | null
}

const NAMES = [
  ...['seq', 'id', 'kind', 'target', 'payload', 'state', 'priority', 'attempts', 'max_attempts', 'idempotency_key'],
  ...['traceparent', 'created_at', 'run_at', 'started_at', 'finished_at', 'worker', 'lease_until', 'token', 'lost_leases'],
  ...['generation', 'cancel_requested', 'last_error', 'result', 'history', 'concurrency_key', 'batch_id'],
]

/** Of a table that is called `j` in the query. */
export const JOB_COLUMNS = NAMES.map((name) => `j.${name}`).join(', ')

/** JSON text, or null for what JSON cannot say. */
export function toJson(value: unknown): string | null {
  return (JSON.stringify(value) as string | undefined) ?? null
}

export function fromJson(text: string | null): unknown {
  return text === null ? undefined : JSON.parse(text)
}

const NO_HISTORY: readonly HistoryEntry[] = Object.freeze([])

export function toJob(row: JobRow): Job {
  const job: { -readonly [Field in keyof Job]: Job[Field] } = {
    id: row.id,
    kind: row.kind,
    target: row.target,
    payload: fromJson(row.payload),
    state: row.state,
    priority: row.priority,
    attempts: row.attempts,
    createdAt: row.created_at,
    runAt: row.run_at,
    token: row.token,
    lostLeases: row.lost_leases,
    generation: row.generation,
    cancelRequested: row.cancel_requested,
    history: row.history === null ? NO_HISTORY : (fromJson(row.history) as HistoryEntry[]),
  }
  if (row.max_attempts !== null) job.maxAttempts = row.max_attempts
  if (row.idempotency_key !== null) job.idempotencyKey = row.idempotency_key
  if (row.traceparent !== null) job.traceparent = row.traceparent
  if (row.concurrency_key !== null) job.concurrencyKey = row.concurrency_key
  if (row.batch_id !== null) job.batchId = row.batch_id
  if (row.started_at !== null) job.startedAt = row.started_at
  if (row.finished_at !== null) job.finishedAt = row.finished_at
  if (row.worker !== null) job.worker = row.worker
  if (row.lease_until !== null) job.leaseUntil = row.lease_until
  if (row.last_error !== null) job.lastError = fromJson(row.last_error) as ErrorSummary
  if (row.result !== null) job.result = fromJson(row.result)
  return job
}
