/**
 * Lets go of what is finished, and of idempotency keys whose window is over. Rows that somebody else has locked are left for
 * the next time.
 */
import type { PruneRequest } from '../../work/store.ts'
import { longestAge } from '../rules/due.ts'
import type { Session } from './session.ts'
import { CLOCK } from './session.ts'
import { ALL_COUNTS } from './tally.ts'

export const PRUNE = `
  WITH ${CLOCK},
  settled AS (
    SELECT kind, sum(n) AS n FROM ${ALL_COUNTS}
    WHERE subject = 'job' AND state IN ('succeeded', 'cancelled') OR subject = 'given-up' GROUP BY kind),
  -- Kinds without a rule of their own are counted together.
  rules AS MATERIALIZED (
    SELECT s.kind, o.kind AS own, (SELECT now FROM clock) - coalesce(o.older, $2::bigint) AS cutoff,
      sum(s.n) OVER (PARTITION BY o.kind) - coalesce(o.keep, $3::bigint) AS surplus
    FROM settled AS s LEFT JOIN unnest($5::text[], $6::bigint[], $7::bigint[]) AS o (kind, older, keep) ON o.kind = s.kind),
  oldest AS MATERIALIZED (
    SELECT j.seq, j.settled_at, j.settled_at < r.cutoff AS aged, r.surplus,
      row_number() OVER (PARTITION BY r.own ORDER BY j.settled_at, j.seq) AS nth
    FROM rules AS r CROSS JOIN LATERAL (
      SELECT seq, settled_at FROM @jobs
      WHERE kind = r.kind AND settled_at < CASE WHEN r.surplus > 0 THEN ${Number.MAX_SAFE_INTEGER} ELSE r.cutoff END
      ORDER BY settled_at, seq LIMIT $4) AS j),
  due AS MATERIALIZED (
    SELECT seq, settled_at FROM oldest WHERE aged OR nth <= surplus ORDER BY settled_at, seq LIMIT $4),
  -- As they are now: one that is being retried, or ended again since, is not taken.
  mine AS MATERIALIZED (
    SELECT seq, settled_at FROM @jobs WHERE seq = ANY (ARRAY(SELECT seq FROM due)) FOR NO KEY UPDATE SKIP LOCKED),
  gone AS (
    DELETE FROM @jobs WHERE seq = ANY (ARRAY(SELECT seq FROM mine JOIN due USING (seq, settled_at)))
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
  const own = [...(request.kinds ?? [])]
  const [jobs] = await session.rows<{ n: number; batches: string }>(PRUNE, [
    session.told,
    whole(request.olderThanMs),
    whole(request.keep),
    limit,
    own.map(([kind]) => kind),
    own.map(([, rule]) => whole(rule.olderThanMs)),
    own.map(([, rule]) => whole(rule.keep)),
  ])
  const gone = jobs?.n ?? 0
  // An array as the server writes it, to be handed back.
  const touched = jobs?.batches ?? '{}'
  const [batches] = await session.rows<{ n: number }>(BATCHES, [session.told, whole(longestAge(request)), touched, limit - gone])
  const ended = batches?.n ?? 0
  const [keys] = await session.rows<{ n: number }>(EXPIRED, [session.told, Math.max(0, limit - gone - ended)])
  return gone + ended + (keys?.n ?? 0)
}

function whole(number: number): number {
  return Math.min(Math.ceil(number), Number.MAX_SAFE_INTEGER)
}
