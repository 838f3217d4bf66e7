/**
 * The common case, many at a time in one statement: jobs that succeed with nothing to tell (no history), and so without a
 * dead letter. Everything else goes through changes.ts.
 */
import type { Settlement } from '../../work/store.ts'
import { columns } from './columns.ts'
import { toJson } from './job-rows.ts'
import type { Session } from './session.ts'
import { CLOCK } from './session.ts'

type Success = Settlement & { readonly type: 'succeeded' }

const SUCCEED = `
  WITH ${CLOCK},
  given AS (SELECT * FROM unnest($2::text[], $3::int[], $4::text[]) AS g (id, token, result)),
  done AS (
    UPDATE @jobs AS j SET state = 'succeeded', finished_at = now, settled_at = now, worker = NULL, lease_until = NULL,
      cancel_requested = false, result = g.result
    FROM given AS g, clock
    WHERE j.id = g.id AND j.token = g.token AND j.state = 'running' AND j.history IS NULL
    RETURNING j.id, j.kind, j.target),
  tally AS (
    INSERT INTO @count_changes (subject, kind, target, state, n)
    SELECT 'job', n.kind, n.target, s.state, s.by * n.n
    FROM (SELECT kind, target, count(*) AS n FROM done GROUP BY kind, target) AS n, (VALUES ('running', -1), ('succeeded', 1)) AS s (state, by))
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
  const values = columns(
    successes,
    ({ id }) => id,
    ({ token }) => token,
    ({ result }) => toJson(result),
  )
  const done = new Set((await session.rows<{ id: string }>(SUCCEED, [session.told, ...values])).map(({ id }) => id))
  return settlements.filter(({ type, id }) => type !== 'succeeded' || !done.has(id))
}
