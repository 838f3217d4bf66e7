/**
 * Takes jobs for a worker: running, one token and one attempt on, under a lease.
 */
import type { Job } from '../../work/job.ts'
import type { ClaimRequest } from '../../work/store.ts'
import { claimed } from '../rules/job-changes.ts'
import type { Transaction } from './database.ts'
import type { JobRow } from './job-rows.ts'
import { JOB_COLUMNS, toJob } from './job-rows.ts'
import { promote } from './lanes.ts'

const FIRST_OF_LANE = `
  SELECT ${JOB_COLUMNS} FROM holdfast_jobs INDEXED BY holdfast_jobs_available
  WHERE state = 'available' AND kind = ? AND target = ?
  ORDER BY priority DESC, run_at, seq LIMIT ?`
const TAKE = `
  UPDATE holdfast_jobs
  SET state = 'running', attempts = attempts + 1, token = token + 1, started_at = ?, worker = ?, lease_until = ?
  WHERE seq = ?`

export function claim(tx: Transaction, request: ClaimRequest): readonly Job[] {
  promote(tx)
  const taken: Job[] = []
  for (const lane of request.lanes) {
    const rows = tx.sql(FIRST_OF_LANE).all(lane.kind, lane.target, lane.limit) as unknown as JobRow[]
    for (const row of rows) {
      const job = claimed(toJob(row), request.worker, request.leaseMs, tx.now)
      tx.sql(TAKE).run(tx.now, request.worker, job.leaseUntil as number, row.seq)
      taken.push(job)
    }
    tx.tally.move('job', lane, 'available', 'running', rows.length)
  }
  return taken
}
