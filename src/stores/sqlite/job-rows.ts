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

/** By index: taking a row apart by pattern costs as much as all the rest. */
export function toJob(row: JobRow): Job {
  const payload = row[4]
  const history = row[23]
  const job: { -readonly [Field in keyof Job]: Job[Field] } = {
    id: row[1],
    kind: row[2],
    target: row[3],
    payload: payload === null ? undefined : JSON.parse(payload),
    state: row[5],
    priority: row[6],
    attempts: row[7],
    createdAt: row[11],
    runAt: row[12],
    token: row[17],
    lostLeases: row[18],
    generation: row[19],
    cancelRequested: row[20] === 1,
    history: history === null ? NO_HISTORY : (JSON.parse(history) as HistoryEntry[]),
  }
  if (row[8] !== null) job.maxAttempts = row[8]
  if (row[9] !== null) job.idempotencyKey = row[9]
  if (row[10] !== null) job.traceparent = row[10]
  if (row[13] !== null) job.startedAt = row[13]
  if (row[14] !== null) job.finishedAt = row[14]
  if (row[15] !== null) job.worker = row[15]
  if (row[16] !== null) job.leaseUntil = row[16]
  if (row[21] !== null) job.lastError = JSON.parse(row[21]) as ErrorSummary
  if (row[22] !== null) job.result = JSON.parse(row[22])
  if (row[24] !== null) job.concurrencyKey = row[24]
  if (row[25] !== null) job.batchId = row[25]
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
