/**
 * Which lanes have work, and what becomes due. The cost is per lane, never per job.
 */
import type { Lane, ReadyLane } from '../../work/store.ts'
import { inLaneOrder } from '../rules/lane-order.ts'
import type { Transaction } from './transaction.ts'

const NEXT_SCHEDULED = `SELECT run_at FROM holdfast_jobs WHERE state = 'scheduled' ORDER BY run_at, seq LIMIT 1`
/** Many becoming due at once are taken in portions, so that no call blocks the loop for long. */
const PROMOTED_AT_ONCE = 5000
const PROMOTE = `
  UPDATE holdfast_jobs SET state = 'available'
  WHERE seq IN (
    SELECT seq FROM holdfast_jobs WHERE state = 'scheduled' AND run_at <= ? ORDER BY run_at, seq LIMIT ${PROMOTED_AT_ONCE})
  RETURNING kind, target`

export function nextRunAt(tx: Transaction): number | undefined {
  return (tx.sql(NEXT_SCHEDULED).get() as { run_at: number } | undefined)?.run_at
}

/** Makes available what has become due; needs a write transaction. */
export function promote(tx: Transaction): void {
  const next = nextRunAt(tx)
  if (next === undefined || next > tx.now) return
  for (const lane of tx.sql(PROMOTE).all(tx.now) as unknown as Lane[]) tx.tally.move('job', lane, 'scheduled', 'available')
}

/** From one target of a kind to the next: a loose index scan. */
const firstBeyond = (comparison: '>' | '>='): string => `
  SELECT kind, target, priority, run_at AS runAt FROM holdfast_jobs INDEXED BY holdfast_jobs_available
  WHERE state = 'available' AND kind = ? AND target ${comparison} ?
  ORDER BY target, priority DESC, run_at, seq LIMIT 1`
const FIRST_LANE = firstBeyond('>=')
const NEXT_LANE = firstBeyond('>')

export function readyLanes(tx: Transaction, kinds: readonly string[], limit: number): readonly ReadyLane[] {
  const ready: ReadyLane[] = []
  for (const kind of new Set(kinds)) {
    let lane = tx.sql(FIRST_LANE).get(kind, '') as ReadyLane | undefined
    while (lane !== undefined) {
      ready.push({ kind, target: lane.target, priority: lane.priority, runAt: lane.runAt })
      lane = tx.sql(NEXT_LANE).get(kind, lane.target) as ReadyLane | undefined
    }
  }
  return inLaneOrder(ready).slice(0, limit)
}
