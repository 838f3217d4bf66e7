/**
 * Takes jobs for a worker: running, one token and one attempt on, under a lease.
 */
import type { Job } from '../../work/job.ts'
import type { ClaimRequest, Lane, LaneClaim } from '../../work/store.ts'
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
/** Of each lane that is given, so many; in no order. */
const FIRST_OF_LANES = `
  WITH lane (lane_kind, lane_target) AS (SELECT value->>0, value->>1 FROM json_each(?))
  SELECT ${JOB_COLUMNS} FROM lane CROSS JOIN holdfast_jobs WHERE seq IN (
    SELECT a.seq FROM holdfast_jobs AS a INDEXED BY holdfast_jobs_available
    WHERE a.state = 'available' AND a.kind = lane_kind AND a.target = lane_target
    ORDER BY a.priority DESC, a.run_at, a.seq LIMIT ?)`
const BY_NUMBER = `
  SELECT ${JOB_COLUMNS} FROM holdfast_jobs WHERE seq IN (SELECT value FROM json_each(?)) ORDER BY priority DESC, run_at, seq`
/** All in one statement: a call per job costs as much as the change itself. */
const TAKE = `
  UPDATE holdfast_jobs
  SET state = 'running', attempts = attempts + 1, token = token + 1, started_at = ?, worker = ?, lease_until = ?
  WHERE seq IN (SELECT value FROM json_each(?))`

export function claim(tx: Transaction, { worker, leaseMs, lanes }: ClaimRequest, last: LastServed): readonly Job[] {
  promote(tx)
  const plain = lanes.filter(({ perKey }) => perKey === undefined)
  const found = areSeveral(plain) ? firstOfMany(tx, plain) : undefined
  const take = (rows: readonly JobRow[]): void => {
    if (rows.length > 0) tx.sql(TAKE).run(tx.now, worker, after(tx.now, leaseMs), JSON.stringify(rows.map(([seq]) => seq)))
  }
  if (found !== undefined) take([...found.values()].flat())
  return lanes.flatMap((lane) => {
    const known = found?.get(lane)
    const rows = known ?? firstOf(tx, lane, last)
    // What is taken of a lane is seen by the next one: it may have the same keys.
    if (known === undefined) take(rows)
    tx.tally.move('job', lane, 'available', 'running', rows.length)
    return rows.map((row) => claimed(toJob(row), worker, leaseMs, tx.now))
  })
}

function areSeveral(lanes: readonly LaneClaim[]): boolean {
  return lanes.length > 1 && new Set(lanes.map(nameOf)).size === lanes.length
}

/** Of many lanes in as many statements as there are limits, mostly one. */
function firstOfMany(tx: Transaction, lanes: readonly LaneClaim[]): ReadonlyMap<LaneClaim, readonly JobRow[]> {
  const found = new Map<string, JobRow[]>(lanes.map((lane) => [nameOf(lane), []]))
  for (const [limit, alike] of Map.groupBy(lanes, (lane) => lane.limit)) {
    const given = JSON.stringify(alike.map(({ kind, target }) => [kind, target]))
    for (const row of tx.tuples(FIRST_OF_LANES).all(given, limit) as unknown as JobRow[])
      found.get(nameOf({ kind: row[2], target: row[3] }))?.push(row)
  }
  return new Map(lanes.map((lane) => [lane, (found.get(nameOf(lane)) as JobRow[]).sort(inClaimOrder)]))
}

/** As `FIRST_OF_LANE` has them: by priority, time and number. */
function inClaimOrder(a: JobRow, b: JobRow): number {
  return b[6] - a[6] || a[12] - b[12] || a[0] - b[0]
}

function nameOf({ kind, target }: Lane): string {
  return `${kind}\n${target}`
}

function firstOf(tx: Transaction, lane: LaneClaim, last: LastServed): readonly JobRow[] {
  const { kind, target, limit, perKey } = lane
  if (perKey === undefined) return tx.tuples(FIRST_OF_LANE).all(kind, target, limit) as unknown as JobRow[]
  const { seqs, lastKey } = chooseByKey(tx, { ...lane, perKey }, last.of(lane))
  last.note(lane, lastKey)
  return seqs.length === 0 ? [] : (tx.tuples(BY_NUMBER).all(JSON.stringify(seqs)) as unknown as JobRow[])
}
