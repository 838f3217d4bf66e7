/**
 * A job as a row, and back.
 */
import type { ErrorSummary } from '../../core/errors.ts'
import type { HistoryEntry, Job, JobState } from '../../work/job.ts'
import type { Transaction } from './transaction.ts'

/** The columns of `JOB_COLUMNS`, in that order: rows come as arrays, which costs half of what objects do. */
export type JobRow = readonly [
  seq: number,
  id: string,
  kind: string,
  target: string,
  payload: string | null,
  state: JobState,
  priority: number,
  attempts: number,
  maxAttempts: number | null,
  idempotencyKey: string | null,
  traceparent: string | null,
  createdAt: number,
  runAt: number,
  startedAt: number | null,
  finishedAt: number | null,
  worker: string | null,
  leaseUntil: number | null,
  token: number,
  lostLeases: number,
  generation: number,
  cancelRequested: number,
  lastError: string | null,
  result: string | null,
  history: string | null,
  concurrencyKey: string | null,
  batchId: string | null,
]

export const JOB_COLUMNS = `seq, id, kind, target, payload, state, priority, attempts, max_attempts, idempotency_key, traceparent,
  created_at, run_at, started_at, finished_at, worker, lease_until, token, lost_leases, generation, cancel_requested,
  last_error, result, history, concurrency_key, batch_id`

/** JSON text, or NULL for what JSON cannot say. */
export function toJson(value: unknown): string | null {
  return (JSON.stringify(value) as string | undefined) ?? null
}

export function fromJson(text: string | null): unknown {
  return text === null ? undefined : JSON.parse(text)
}

const NO_HISTORY: readonly HistoryEntry[] = Object.freeze([])

export function toJob(row: JobRow): Job {
  const [
    ,
    id,
    kind,
    target,
    payload,
    state,
    priority,
    attempts,
    maxAttempts,
    idempotencyKey,
    traceparent,
    createdAt,
    runAt,
    ...rest
  ] = row
  const [startedAt, finishedAt, worker, leaseUntil, token, lostLeases, generation, cancelRequested, ...last] = rest
  const [lastError, result, history, concurrencyKey, batchId] = last
  const job: { -readonly [Field in keyof Job]: Job[Field] } = {
    id,
    kind,
    target,
    payload: fromJson(payload),
    state,
    priority,
    attempts,
    createdAt,
    runAt,
    token,
    lostLeases,
    generation,
    cancelRequested: cancelRequested === 1,
    history: history === null ? NO_HISTORY : (fromJson(history) as HistoryEntry[]),
  }
  if (maxAttempts !== null) job.maxAttempts = maxAttempts
  if (idempotencyKey !== null) job.idempotencyKey = idempotencyKey
  if (traceparent !== null) job.traceparent = traceparent
  if (concurrencyKey !== null) job.concurrencyKey = concurrencyKey
  if (batchId !== null) job.batchId = batchId
  if (startedAt !== null) job.startedAt = startedAt
  if (finishedAt !== null) job.finishedAt = finishedAt
  if (worker !== null) job.worker = worker
  if (leaseUntil !== null) job.leaseUntil = leaseUntil
  if (lastError !== null) job.lastError = fromJson(lastError) as ErrorSummary
  if (result !== null) job.result = fromJson(result)
  return job
}

export interface FoundJob {
  readonly seq: number
  readonly job: Job
}

const BY_ID = `SELECT ${JOB_COLUMNS} FROM holdfast_jobs WHERE id = ?`

export function findJob(tx: Transaction, id: string): FoundJob | undefined {
  const row = tx.tuples(BY_ID).get(id) as JobRow | undefined
  return row && { seq: row[0], job: toJob(row) }
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
