/**
 * Who works, and what they hold.
 */
import type { Job } from '../../work/job.ts'
import type { Fence, RenewResult, RunningKey, WorkerRow } from '../../work/store.ts'
import { after } from '../rules/job-changes.ts'
import type { JobRow } from './job-rows.ts'
import { JOB_COLUMNS, toJob } from './job-rows.ts'
import type { Transaction } from './transaction.ts'

const SEEN = `
  INSERT INTO holdfast_workers (id, host, pid, boot_id, started_at, seen_at) VALUES (?, ?, ?, ?, ?, ?)
  ON CONFLICT (id) DO UPDATE SET host = excluded.host, pid = excluded.pid, boot_id = excluded.boot_id, seen_at = excluded.seen_at`
const RENEW = `
  UPDATE holdfast_jobs SET lease_until = ? WHERE id = ? AND token = ? AND state = 'running' AND worker = ?
  RETURNING cancel_requested`
const ABANDONED = `
  SELECT ${JOB_COLUMNS} FROM holdfast_jobs INDEXED BY holdfast_jobs_rare
  WHERE state = 'running' AND (lease_until <= ? OR worker IN (SELECT value FROM json_each(?))
    OR NOT EXISTS (SELECT 1 FROM holdfast_workers AS w WHERE w.id = holdfast_jobs.worker))
  ORDER BY seq LIMIT ?`

export function renew(tx: Transaction, worker: WorkerRow, leaseMs: number, held: readonly Fence[]): RenewResult {
  tx.sql(SEEN).run(worker.id, worker.host, worker.pid, worker.bootId, tx.now, tx.now)
  const lost: string[] = []
  const cancelled: string[] = []
  for (const { id, token } of held) {
    const row = tx.sql(RENEW).get(after(tx.now, leaseMs), id, token, worker.id) as { cancel_requested: number } | undefined
    if (row === undefined) lost.push(id)
    else if (row.cancel_requested === 1) cancelled.push(id)
  }
  return { lost, cancelled }
}

export function workers(tx: Transaction): readonly WorkerRow[] {
  return tx
    .sql('SELECT id, host, pid, boot_id AS bootId, started_at AS startedAt, seen_at AS seenAt FROM holdfast_workers ORDER BY id')
    .all()
    .map((row) => ({ ...row }) as unknown as WorkerRow)
}

export function removeWorkers(tx: Transaction, ids: readonly string[]): void {
  for (const id of ids) tx.sql('DELETE FROM holdfast_workers WHERE id = ?').run(id)
}

/** Every running job is looked at: there are as many as all workers together have slots. */
export function abandoned(tx: Transaction, deadWorkers: readonly string[], limit: number): readonly Job[] {
  return (tx.tuples(ABANDONED).all(tx.now, JSON.stringify(deadWorkers), limit) as unknown as JobRow[]).map(toJob)
}

const RUNNING_KEYS = `
  SELECT kind, concurrency_key AS key, count(*) AS count FROM holdfast_jobs INDEXED BY holdfast_jobs_running_keys
  WHERE state = 'running' AND concurrency_key IS NOT NULL AND concurrency_key <> '' GROUP BY kind, concurrency_key`

export function runningKeys(tx: Transaction): readonly RunningKey[] {
  return tx
    .sql(RUNNING_KEYS)
    .all()
    .map((row) => ({ ...row }) as unknown as RunningKey)
}
