/**
 * Takes jobs of kinds of which only so many with the same concurrency key run at once. A function in the schema does it, under
 * a lock of the kind: see migrations/0002-keys-and-batches.ts.
 */
import type { ClaimRequest, LaneClaim } from '../../work/store.ts'
import { WINDOW } from '../rules/key-slots.ts'
import type { LastServed } from '../rules/last-served.ts'
import type { JobRow } from './job-rows.ts'
import { JOB_COLUMNS } from './job-rows.ts'
import { nextRunAt, promote } from './lanes.ts'
import type { Session } from './session.ts'

type KeyedLane = LaneClaim & { readonly perKey: number }

export function hasKeys(lane: LaneClaim): lane is KeyedLane {
  return lane.perKey !== undefined
}

const TAKE = `
  WITH taken AS MATERIALIZED (SELECT * FROM @take_keyed($1, $2, $3, $4, $5, $6, $7, $8, ${WINDOW})),
  tally AS (
    INSERT INTO @count_changes (subject, kind, target, state, n)
    SELECT 'job', kind, target, s.state, s.by * count(*) FROM taken, (VALUES ('available', -1), ('running', 1)) AS s (state, by)
    GROUP BY kind, target, s.state, s.by)
  SELECT ${JOB_COLUMNS} FROM taken AS j`

/**
 * Lane by lane, each in a transaction of its own: the locks are short, and nobody holds two. When one fails, what was taken
 * before it is answered.
 */
export async function claimKeyed(
  session: Session,
  { worker, leaseMs }: ClaimRequest,
  lanes: readonly KeyedLane[],
  last: LastServed,
  hasTaken: boolean,
): Promise<readonly JobRow[]> {
  const taken: JobRow[] = []
  try {
    if ((await nextRunAt(session)) !== undefined) await promote(session)
    const lease = Math.min(Math.ceil(leaseMs), Number.MAX_SAFE_INTEGER)
    for (const lane of lanes) {
      const { kind, target, limit, perKey } = lane
      const values = [session.told, worker, lease, kind, target, limit, perKey, last.of(lane)]
      const rows = await session.rows<JobRow>(TAKE, values)
      last.note(lane, rows.at(-1)?.concurrency_key)
      taken.push(...rows)
    }
  } catch (error) {
    if (taken.length === 0 && !hasTaken) throw error
  }
  return taken
}
