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
    RETURNING id, kind, target, state, idempotency_key, batch_id),
  -- The key goes on answering until its window is over.
  keys AS (
    UPDATE @keys AS k SET last_state = g.state FROM gone AS g
    WHERE k.kind = g.kind AND k.key = g.idempotency_key AND k.job_id = g.id),
  -- From now on the batch itself remembers them.
  batches AS (
    UPDATE @batches AS b SET succeeded = b.succeeded + p.succeeded, dead = b.dead + p.dead, cancelled = b.cancelled + p.cancelled
    FROM (
      SELECT batch_id, count(*) FILTER (WHERE state = 'succeeded') AS succeeded, count(*) FILTER (WHERE state = 'dead') AS dead,
        count(*) FILTER (WHERE state = 'cancelled') AS cancelled
      FROM gone WHERE batch_id IS NOT NULL GROUP BY batch_id) AS p
    WHERE b.id = p.batch_id),
  letters AS (DELETE FROM @dead_letters AS l USING gone AS g WHERE l.id = g.id RETURNING l.kind, l.target, l.status),
  tally AS (
    INSERT INTO @count_changes (subject, kind, target, state, n)
    SELECT 'job', kind, target, state, -count(*) FROM gone GROUP BY kind, target, state
    UNION ALL SELECT 'given-up', kind, target, state, -count(*) FROM gone WHERE state = 'dead' GROUP BY kind, target, state
    UNION ALL SELECT 'letter', kind, target, status, -count(*) FROM letters GROUP BY kind, target, status)
  SELECT count(*) AS n, coalesce(array_agg(DISTINCT batch_id) FILTER (WHERE batch_id IS NOT NULL), '{}')::text AS batches FROM gone`
/** Those that have ended, and whose last job is gone or which are old. */
const BATCHES = `
  WITH ${CLOCK},
  empty AS MATERIALIZED (
    SELECT b.id FROM @batches AS b WHERE b.completed_at IS NOT NULL AND b.id = ANY ($3::text[])
      AND NOT EXISTS (SELECT FROM @jobs AS j WHERE j.batch_id = b.id)),
  old AS MATERIALIZED (
    SELECT b.id FROM @batches AS b
    WHERE b.completed_at IS NOT NULL AND b.completed_at < (SELECT now FROM clock) - $2::bigint
      AND b.id <> ALL (ARRAY(SELECT id FROM empty))
    ORDER BY b.completed_at, b.id LIMIT $4),
  gone AS (
    DELETE FROM @batches WHERE id = ANY (ARRAY(SELECT id FROM empty UNION ALL SELECT id FROM old)) RETURNING 1)
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
  const [jobs] = await session.rows<{ n: number; batches: string }>(PRUNE, [session.told, age, keep, limit])
  const gone = jobs?.n ?? 0
  // An array as the server writes it, to be handed back.
  const touched = jobs?.batches ?? '{}'
  const [batches] = await session.rows<{ n: number }>(BATCHES, [session.told, age, touched, limit - gone])
  const ended = batches?.n ?? 0
  const [keys] = await session.rows<{ n: number }>(EXPIRED, [session.told, Math.max(0, limit - gone - ended)])
  return gone + ended + (keys?.n ?? 0)
}
