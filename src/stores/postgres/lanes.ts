/**
 * Which lanes have work, and what becomes due. The cost is per lane, never per job.
 */
import type { ReadyLane } from '../../work/store.ts'
import { inLaneOrder } from '../rules/lane-order.ts'
import type { Session } from './session.ts'
import { CLOCK } from './session.ts'

const NEXT_SCHEDULED = `SELECT run_at FROM @jobs WHERE state = 'scheduled' ORDER BY run_at, seq LIMIT 1`

export async function nextRunAt(session: Session): Promise<number | undefined> {
  return (await session.rows<{ run_at: number }>(NEXT_SCHEDULED, []))[0]?.run_at
}

/** Many becoming due at once are taken in portions. What another process is promoting is passed over. */
const PROMOTED_AT_ONCE = 5000
const PROMOTE = `
  WITH ${CLOCK},
  due AS MATERIALIZED (
    SELECT seq FROM @jobs WHERE state = 'scheduled' AND run_at <= (SELECT now FROM clock)
    ORDER BY run_at, seq LIMIT ${PROMOTED_AT_ONCE} FOR NO KEY UPDATE SKIP LOCKED),
  promoted AS (
    UPDATE @jobs SET state = 'available' WHERE seq = ANY (ARRAY(SELECT seq FROM due)) RETURNING kind, target)
  INSERT INTO @count_changes (subject, kind, target, state, n)
  SELECT 'job', kind, target, s.state, s.by * count(*) FROM promoted, (VALUES ('scheduled', -1), ('available', 1)) AS s (state, by)
  GROUP BY kind, target, s.state, s.by`

/** Makes available what has become due. */
export async function promote(session: Session): Promise<void> {
  await session.rows(PROMOTE, [session.told])
}

/** The first of each lane, from one target of a kind to the next: a loose index scan. */
const READY = `
  WITH RECURSIVE ${CLOCK},
  lanes AS (
    SELECT f.* FROM (SELECT DISTINCT kind FROM unnest($2::text[]) AS k (kind)) AS kinds CROSS JOIN LATERAL (
      SELECT j.kind, j.target, j.priority, j.run_at FROM @jobs AS j WHERE j.state = 'available' AND j.kind = kinds.kind
      ORDER BY j.target, j.priority DESC, j.run_at, j.seq LIMIT 1) AS f
    UNION ALL
    SELECT n.* FROM lanes AS l CROSS JOIN LATERAL (
      SELECT j.kind, j.target, j.priority, j.run_at FROM @jobs AS j
      WHERE j.state = 'available' AND j.kind = l.kind AND j.target > l.target
      ORDER BY j.target, j.priority DESC, j.run_at, j.seq LIMIT 1) AS n),
  first AS (SELECT * FROM lanes ORDER BY priority DESC, run_at, kind, target LIMIT $3)
  SELECT kind, target, priority, run_at AS "runAt",
    coalesce((${NEXT_SCHEDULED}) <= (SELECT now FROM clock), false) AS due
  FROM (SELECT) AS always LEFT JOIN first ON true`

type ReadyRow = { readonly due: boolean } & ({ readonly kind: null } | ReadyLane)

export async function readyLanes(session: Session, kinds: readonly string[], limit: number): Promise<readonly ReadyLane[]> {
  const values = [session.told, kinds, limit]
  let rows = await session.rows<ReadyRow>(READY, values)
  if (rows[0]?.due) {
    await promote(session)
    rows = await session.rows<ReadyRow>(READY, values)
  }
  const lanes = rows.filter((row): row is { due: boolean } & ReadyLane => row.kind !== null)
  return inLaneOrder(lanes.map(({ kind, target, priority, runAt }) => ({ kind, target, priority, runAt })))
}
