/**
 * A job as a row, and back.
 */
import type { ErrorSummary } from '../../core/errors.ts'
import type { HistoryEntry, Job, JobState } from '../../work/job.ts'
import type { Transaction } from './database.ts'

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
  readonly cancel_requested: number
  readonly last_error: string | null
  readonly result: string | null
  readonly history: string | null
}

export const JOB_COLUMNS = `seq, id, kind, target, payload, state, priority, attempts, max_attempts, idempotency_key, traceparent,
  created_at, run_at, started_at, finished_at, worker, lease_until, token, lost_leases, generation, cancel_requested,
  last_error, result, history`

/** JSON text, or NULL for what JSON cannot say. */
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
    cancelRequested: row.cancel_requested === 1,
    history: row.history === null ? NO_HISTORY : (fromJson(row.history) as HistoryEntry[]),
  }
  if (row.max_attempts !== null) job.maxAttempts = row.max_attempts
  if (row.idempotency_key !== null) job.idempotencyKey = row.idempotency_key
  if (row.traceparent !== null) job.traceparent = row.traceparent
  if (row.started_at !== null) job.startedAt = row.started_at
  if (row.finished_at !== null) job.finishedAt = row.finished_at
  if (row.worker !== null) job.worker = row.worker
  if (row.lease_until !== null) job.leaseUntil = row.lease_until
  if (row.last_error !== null) job.lastError = fromJson(row.last_error) as ErrorSummary
  if (row.result !== null) job.result = fromJson(row.result)
  return job
}

export interface FoundJob {
  readonly seq: number
  readonly job: Job
}

const BY_ID = `SELECT ${JOB_COLUMNS} FROM holdfast_jobs WHERE id = ?`

export function findJob(tx: Transaction, id: string): FoundJob | undefined {
  const row = tx.sql(BY_ID).get(id) as JobRow | undefined
  return row && { seq: row.seq, job: toJob(row) }
}

const WRITE = `
  UPDATE holdfast_jobs SET state = ?, attempts = ?, run_at = ?, started_at = ?, finished_at = ?, settled_at = ?, worker = ?,
    lease_until = ?, token = ?, lost_leases = ?, generation = ?, cancel_requested = ?, last_error = ?, result = ?, history = ?
  WHERE seq = ?`

/** Writes all that may change of a job, and counts it anew. */
export function writeJob(tx: Transaction, { seq, job: before }: FoundJob, job: Job): void {
  tx.sql(WRITE).run(
    job.state,
    job.attempts,
    job.runAt,
    job.startedAt ?? null,
    job.finishedAt ?? null,
    job.state === 'succeeded' || job.state === 'cancelled' ? (job.finishedAt ?? null) : null,
    job.worker ?? null,
    job.leaseUntil ?? null,
    job.token,
    job.lostLeases,
    job.generation,
    job.cancelRequested ? 1 : 0,
    toJson(job.lastError),
    toJson(job.result),
    job.history.length === 0 ? null : toJson(job.history),
    seq,
  )
  tx.tally.move('job', job, before.state, job.state)
}
