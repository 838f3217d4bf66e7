/**
 * Takes in new jobs: the whole batch, or none of it.
 */
import type { Enqueued, JobState, NewJob } from '../../work/job.ts'
import { keyMismatch } from '../rules/key-mismatch.ts'
import { toJson } from './job-rows.ts'
import type { Transaction } from './transaction.ts'

interface KeyRow {
  readonly fingerprint: string
  readonly job_id: string
  readonly last_state: JobState | null
}

const LIVE_KEY = 'SELECT fingerprint, job_id, last_state FROM holdfast_keys WHERE kind = ? AND key = ? AND expires_at > ?'
const KEEP_KEY = `
  INSERT INTO holdfast_keys (kind, key, fingerprint, job_id, expires_at) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT (kind, key) DO UPDATE SET fingerprint = excluded.fingerprint, job_id = excluded.job_id,
    expires_at = excluded.expires_at, last_state = NULL`
const STATE_OF = 'SELECT state FROM holdfast_jobs WHERE id = ?'
const INSERT = `
  INSERT INTO holdfast_jobs
    (id, kind, target, payload, state, priority, max_attempts, idempotency_key, traceparent, created_at, run_at,
      concurrency_key, batch_id)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (id) DO NOTHING`

/** @throws HoldfastError with `ERR_IDEMPOTENCY_MISMATCH`; the caller's transaction must then be rolled back */
export function enqueue(tx: Transaction, jobs: readonly NewJob[], batchId: string | null = null): readonly Enqueued[] {
  return jobs.map((job, index) => answerByKey(tx, job, index) ?? insert(tx, job, batchId))
}

/** The first job of the same key, while its window lasts. */
function answerByKey(tx: Transaction, job: NewJob, index: number): Enqueued | undefined {
  if (job.idempotencyKey === undefined) return undefined
  const key = tx.sql(LIVE_KEY).get(job.kind, job.idempotencyKey, tx.now) as KeyRow | undefined
  if (key === undefined) return undefined
  if (key.fingerprint !== job.fingerprint) throw keyMismatch(job, index, key.job_id)
  if (key.job_id === job.id) return undefined
  return { id: key.job_id, state: stateOf(tx, key.job_id) ?? key.last_state ?? 'succeeded', duplicate: true }
}

function insert(tx: Transaction, job: NewJob, batchId: string | null): Enqueued {
  const runAt = job.runAt === undefined ? tx.now : Math.trunc(job.runAt)
  const state = runAt > tx.now ? 'scheduled' : 'available'
  const { changes } = tx
    .sql(INSERT)
    .run(
      job.id,
      job.kind,
      job.target,
      toJson(job.payload),
      state,
      job.priority,
      job.maxAttempts ?? null,
      job.idempotencyKey ?? null,
      job.traceparent ?? null,
      tx.now,
      runAt,
      job.concurrencyKey ?? null,
      batchId,
    )
  // The same id again is the same request, repeated because its answer was lost.
  if (changes === 0) return { id: job.id, state: stateOf(tx, job.id) as JobState, duplicate: false }
  if (job.idempotencyKey !== undefined)
    tx.sql(KEEP_KEY).run(job.kind, job.idempotencyKey, job.fingerprint, job.id, tx.now + Math.ceil(job.idempotencyWindowMs))
  tx.tally.add('job', job, state, 1)
  return { id: job.id, state, duplicate: false }
}

function stateOf(tx: Transaction, id: string): JobState | undefined {
  return (tx.sql(STATE_OF).get(id) as { state: JobState } | undefined)?.state
}
