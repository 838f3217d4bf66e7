/**
 * Takes jobs for a worker: running, one token and one attempt on, under a lease. One statement for all lanes, which waits for
 * nobody: what another process is taking is passed over. Lanes of kinds with concurrency keys are another matter, see
 * claim-keyed.ts.
 */
import type { Job } from '../../work/job.ts'
import type { ClaimRequest, LaneClaim } from '../../work/store.ts'
import type { LastServed } from '../rules/last-served.ts'
import { claimKeyed, hasKeys } from './claim-keyed.ts'
import type { JobRow } from './job-rows.ts'
import { JOB_COLUMNS, toJob } from './job-rows.ts'
import { promote } from './lanes.ts'
import type { Session } from './session.ts'
import { CLOCK } from './session.ts'

/**
 * Takes nothing, and says so, when scheduled work has become due and `$7` asks to look: that work may come first.
 * The numbers of the jobs go through an array: however many the planner expects, it fetches each by its key.
 */
const TAKE = `
  WITH ${CLOCK},
  due AS MATERIALIZED (
    SELECT $7::boolean AND coalesce(
      (SELECT run_at FROM @jobs WHERE state = 'scheduled' ORDER BY run_at, seq LIMIT 1) <= (SELECT now FROM clock), false) AS due),
  lanes AS (SELECT * FROM unnest($4::text[], $5::text[], $6::int[]) AS l (kind, target, most)),
  first AS MATERIALIZED (
    SELECT f.seq FROM lanes AS l CROSS JOIN LATERAL (
      SELECT j.seq FROM @jobs AS j WHERE j.state = 'available' AND j.kind = l.kind AND j.target = l.target
      ORDER BY j.priority DESC, j.run_at, j.seq LIMIT l.most FOR NO KEY UPDATE SKIP LOCKED) AS f
    WHERE NOT (SELECT due FROM due)),
  taken AS (
    UPDATE @jobs AS j SET state = 'running', attempts = j.attempts + 1, token = j.token + 1, started_at = (SELECT now FROM clock),
      worker = $2, lease_until = least((SELECT now FROM clock) + $3::bigint, ${Number.MAX_SAFE_INTEGER})
    WHERE j.seq = ANY (ARRAY(SELECT seq FROM first))
    RETURNING ${JOB_COLUMNS}),
  tally AS (
    INSERT INTO @count_changes (subject, kind, target, state, n)
    SELECT 'job', n.kind, n.target, s.state, s.by * n.n
    FROM (SELECT kind, target, count(*) AS n FROM taken GROUP BY kind, target) AS n, (VALUES ('available', -1), ('running', 1)) AS s (state, by))
  SELECT due.due, taken.* FROM due LEFT JOIN taken ON true`

type TakenRow = { readonly due: boolean } & ({ readonly seq: null } | JobRow)

export async function claim(session: Session, request: ClaimRequest, last: LastServed): Promise<readonly Job[]> {
  const lanes = request.lanes.filter(({ limit }) => limit > 0)
  const keyed = lanes.filter(hasKeys)
  const plain = keyed.length === 0 ? lanes : lanes.filter((lane) => !hasKeys(lane))
  const rows = plain.length === 0 ? [] : await takePlain(session, { ...request, lanes: plain })
  if (keyed.length > 0) rows.push(...(await claimKeyed(session, request, keyed, last, rows.length > 0)))
  return inLanes(rows, lanes)
}

async function takePlain(session: Session, request: ClaimRequest): Promise<JobRow[]> {
  let rows = await take(session, request, true)
  if (rows[0]?.due) {
    await promote(session)
    rows = await take(session, request, false)
  }
  return rows.filter((row): row is { due: boolean } & JobRow => row.seq !== null)
}

function take(session: Session, { worker, leaseMs, lanes }: ClaimRequest, lookAtDue: boolean): Promise<TakenRow[]> {
  return session.rows(TAKE, [
    session.told,
    worker,
    Math.min(Math.ceil(leaseMs), Number.MAX_SAFE_INTEGER),
    lanes.map(({ kind }) => kind),
    lanes.map(({ target }) => target),
    lanes.map(({ limit }) => limit),
    lookAtDue,
  ])
}

/** In the order of the lanes asked for, each as it waits. An update answers in an order of its own. */
function inLanes(rows: readonly JobRow[], lanes: readonly LaneClaim[]): readonly Job[] {
  const place = new Map(lanes.map(({ kind, target }, index) => [JSON.stringify([kind, target]), index]))
  const placeOf = (row: JobRow): number => place.get(JSON.stringify([row.kind, row.target])) as number
  return rows
    .map((row) => [placeOf(row), row] as const)
    .sort(([p, a], [q, b]) => p - q || b.priority - a.priority || a.run_at - b.run_at || a.seq - b.seq)
    .map(([, row]) => toJob(row))
}
