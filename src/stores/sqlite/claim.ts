/**
 * Takes jobs for a worker: running, one token and one attempt on, under a lease.
 */
import type { Job } from '../../work/job.ts'
import type { ClaimRequest, LaneClaim } from '../../work/store.ts'
import { after, claimed } from '../rules/job-changes.ts'
import type { LastServed } from '../rules/last-served.ts'
import type { JobRow } from './job-rows.ts'
import { JOB_COLUMNS, toJob } from './job-rows.ts'
import { chooseByKey } from './keyed-lane.ts'
import { promote } from './lanes.ts'
import type { Transaction } from './transaction.ts'

const FIRST_OF_LANE = `
  SELECT ${JOB_COLUMNS} FROM holdfast_jobs INDEXED BY holdfast_jobs_available
  WHERE state = 'available' AND kind = ? AND target = ?
  ORDER BY priority DESC, run_at, seq LIMIT ?`
const BY_NUMBER = `
  SELECT ${JOB_COLUMNS} FROM holdfast_jobs WHERE seq IN (SELECT value FROM json_each(?)) ORDER BY priority DESC, run_at, seq`
/** All in one statement: a call per job costs as much as the change itself. */
const TAKE = `
  UPDATE holdfast_jobs
  SET state = 'running', attempts = attempts + 1, token = token + 1, started_at = ?, worker = ?, lease_until = ?
  WHERE seq IN (SELECT value FROM json_each(?))`

export function claim(tx: Transaction, { worker, leaseMs, lanes }: ClaimRequest, last: LastServed): readonly Job[] {
  promote(tx)
  return lanes.flatMap((lane) => {
    const rows = firstOf(tx, lane, last)
    if (rows.length === 0) return []
    tx.sql(TAKE).run(tx.now, worker, after(tx.now, leaseMs), JSON.stringify(rows.map(([seq]) => seq)))
    tx.tally.move('job', lane, 'available', 'running', rows.length)
    return rows.map((row) => claimed(toJob(row), worker, leaseMs, tx.now))
  })
}

function firstOf(tx: Transaction, lane: LaneClaim, last: LastServed): readonly JobRow[] {
  const { kind, target, limit, perKey } = lane
  if (perKey === undefined) return tx.tuples(FIRST_OF_LANE).all(kind, target, limit) as unknown as JobRow[]
  const { seqs, lastKey } = chooseByKey(tx, { ...lane, perKey }, last.of(lane))
  last.note(lane, lastKey)
  return seqs.length === 0 ? [] : (tx.tuples(BY_NUMBER).all(JSON.stringify(seqs)) as unknown as JobRow[])
}
