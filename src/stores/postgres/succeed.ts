/**
 * The common case, many at a time in one statement: jobs that succeed with nothing to tell (no history), and so without a
 * dead letter. Everything else goes through changes.ts.
 */
import type { Settlement } from '../../work/store.ts'
import { toJson } from './job-rows.ts'
import type { Session } from './session.ts'
import { CLOCK } from './session.ts'

type Success = Settlement & { readonly type: 'succeeded' }

/**
 * The jobs are found by their ids, each by itself, and changed by their numbers. A join would let the planner read the whole
 * index of what runs, because it expects one row there; and that index keeps what ran until it is vacuumed.
 */
const SUCCEED = `
  WITH ${CLOCK},
  results AS MATERIALIZED (SELECT $4::jsonb AS of),
  found AS MATERIALIZED (
    SELECT j.seq FROM unnest($2::text[]) AS g (id) CROSS JOIN LATERAL (SELECT seq FROM @jobs WHERE id = g.id LIMIT 1) AS j),
  done AS (
    UPDATE @jobs AS j SET state = 'succeeded', finished_at = (SELECT now FROM clock), settled_at = (SELECT now FROM clock),
      worker = NULL, lease_until = NULL, cancel_requested = false, result = (SELECT of FROM results) ->> j.id
    WHERE j.seq = ANY (ARRAY(SELECT seq FROM found)) AND j.state = 'running' AND j.history IS NULL
      AND j.token || ' ' || j.id = ANY ($3::text[])
    RETURNING j.id, j.kind, j.target),
  tally AS (
    INSERT INTO @count_changes (subject, kind, target, state, n)
    SELECT 'job', n.kind, n.target, s.state, s.by * n.n
    FROM (SELECT kind, target, count(*) AS n FROM done GROUP BY kind, target) AS n,
      (VALUES ('running', -1), ('succeeded', 1)) AS s (state, by))
  SELECT id FROM done`

/** Whether all of them are successes of different jobs: what it leaves undone may then go in another transaction. */
export function areSuccesses(settlements: readonly Settlement[]): settlements is readonly Success[] {
  return settlements.every(({ type }) => type === 'succeeded') && areDistinct(settlements)
}

/** Of two settlements of one job the first counts: that needs them one by one. */
export function areDistinct(settlements: readonly Settlement[]): boolean {
  return new Set(settlements.map(({ id }) => id)).size === settlements.length
}

/** Answers what it has not carried out. */
export async function succeedAtOnce(session: Session, settlements: readonly Settlement[]): Promise<readonly Settlement[]> {
  // In one order, so that two batches of the same jobs do not wait for each other.
  const successes = settlements
    .filter((settlement): settlement is Success => settlement.type === 'succeeded')
    .sort((a, b) => (a.id < b.id ? -1 : 1))
  if (successes.length === 0) return settlements
  const results = successes.flatMap(({ id, result }) => (toJson(result) === null ? [] : [[id, toJson(result)]]))
  const rows = await session.rows<{ id: string }>(SUCCEED, [
    session.told,
    successes.map(({ id }) => id),
    successes.map(({ id, token }) => `${token} ${id}`),
    results.length === 0 ? null : JSON.stringify(Object.fromEntries(results)),
  ])
  const done = new Set(rows.map(({ id }) => id))
  return settlements.filter(({ type, id }) => type !== 'succeeded' || !done.has(id))
}
