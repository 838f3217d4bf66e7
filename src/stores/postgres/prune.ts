/**
 * Lets go of what is finished, and of idempotency keys whose window is over. Rows that somebody else has locked are left for
 * the next time.
 */
import type { PruneRequest } from '../../work/store.ts'
import type { Session } from './session.ts'
import { CLOCK } from './session.ts'
import { ALL_COUNTS } from './tally.ts'

const PRUNE = `
  WITH ${CLOCK},
  surplus AS MATERIALIZED (
    SELECT coalesce(sum(n), 0) - $3::bigint AS n FROM ${ALL_COUNTS}
    WHERE subject = 'job' AND state IN ('succeeded', 'cancelled') OR subject = 'given-up'),
  oldest AS MATERIALIZED (
    SELECT seq, settled_at FROM @jobs WHERE settled_at IS NOT NULL
    ORDER BY settled_at, seq LIMIT $4 FOR NO KEY UPDATE SKIP LOCKED),
  numbered AS (SELECT seq, settled_at, row_number() OVER (ORDER BY settled_at, seq) AS nth FROM oldest),
  gone AS (
    DELETE FROM @jobs WHERE seq = ANY (ARRAY(
      SELECT seq FROM numbered WHERE nth <= (SELECT n FROM surplus) OR settled_at < (SELECT now FROM clock) - $2::bigint))
    RETURNING id, kind, target, state, idempotency_key),
  -- The key goes on answering until its window is over.
  keys AS (
    UPDATE @keys AS k SET last_state = g.state FROM gone AS g
    WHERE k.kind = g.kind AND k.key = g.idempotency_key AND k.job_id = g.id),
  letters AS (DELETE FROM @dead_letters AS l USING gone AS g WHERE l.id = g.id RETURNING l.kind, l.target, l.status),
  tally AS (
    INSERT INTO @count_changes (subject, kind, target, state, n)
    SELECT 'job', kind, target, state, -count(*) FROM gone GROUP BY kind, target, state
    UNION ALL SELECT 'given-up', kind, target, state, -count(*) FROM gone WHERE state = 'dead' GROUP BY kind, target, state
    UNION ALL SELECT 'letter', kind, target, status, -count(*) FROM letters GROUP BY kind, target, status)
  SELECT count(*) AS n FROM gone`
const EXPIRED = `
  WITH ${CLOCK},
  over AS MATERIALIZED (
    SELECT kind, key FROM @keys WHERE expires_at <= (SELECT now FROM clock)
    ORDER BY expires_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED),
  gone AS (DELETE FROM @keys AS k USING over AS o WHERE k.kind = o.kind AND k.key = o.key RETURNING 1)
  SELECT count(*) AS n FROM gone`

export async function prune(session: Session, request: PruneRequest): Promise<number> {
  const limit = Math.max(0, request.limit)
  const age = Math.min(Math.ceil(request.olderThanMs), Number.MAX_SAFE_INTEGER)
  const keep = Math.min(request.keep, Number.MAX_SAFE_INTEGER)
  const [jobs] = await session.rows<{ n: number }>(PRUNE, [session.told, age, keep, limit])
  const gone = jobs?.n ?? 0
  const [keys] = await session.rows<{ n: number }>(EXPIRED, [session.told, limit - gone])
  return gone + (keys?.n ?? 0)
}
