/**
 * Who works, and what they hold.
 */
import type { Job } from '../../work/job.ts'
import type { Fence, RenewResult, RunningKey, WorkerRow } from '../../work/store.ts'
import { columns } from './columns.ts'
import type { JobRow } from './job-rows.ts'
import { JOB_COLUMNS, toJob } from './job-rows.ts'
import type { Session } from './session.ts'
import { CLOCK } from './session.ts'

/**
 * Waits for no lock: a job that somebody is changing at this moment is answered as it was before, and the next renewal tells.
 * So renewals and settlements of one worker, which name the same jobs, never wait for each other in a circle.
 */
const RENEW = `
  WITH ${CLOCK},
  seen AS (
    INSERT INTO @workers (id, host, pid, boot_id, started_at, seen_at) SELECT $2, $3, $4, $5, now, now FROM clock
    ON CONFLICT (id) DO UPDATE SET host = excluded.host, pid = excluded.pid, boot_id = excluded.boot_id,
      seen_at = excluded.seen_at),
  held AS MATERIALIZED (
    SELECT j.seq, j.id, j.cancel_requested FROM unnest($6::text[], $7::int[]) AS g (id, token) JOIN @jobs AS j ON j.id = g.id
    WHERE j.token = g.token AND j.state = 'running' AND j.worker = $2),
  free AS MATERIALIZED (
    SELECT seq FROM @jobs WHERE seq = ANY (ARRAY(SELECT seq FROM held)) AND state = 'running' AND worker = $2 FOR NO KEY UPDATE SKIP LOCKED),
  renewed AS (
    UPDATE @jobs SET lease_until = least((SELECT now FROM clock) + $8::bigint, ${Number.MAX_SAFE_INTEGER})
    WHERE seq = ANY (ARRAY(SELECT seq FROM free)))
  SELECT id, cancel_requested FROM held`

interface HeldRow {
  readonly id: string
  readonly cancel_requested: boolean
}

export async function renew(session: Session, worker: WorkerRow, leaseMs: number, held: readonly Fence[]): Promise<RenewResult> {
  const fences = columns(
    held,
    ({ id }) => id,
    ({ token }) => token,
  )
  const identity = [worker.id, worker.host, worker.pid, worker.bootId]
  const lease = Math.min(Math.ceil(leaseMs), Number.MAX_SAFE_INTEGER)
  const rows = await session.rows<HeldRow>(RENEW, [session.told, ...identity, ...fences, lease])
  const kept = new Map(rows.map((row) => [row.id, row.cancel_requested]))
  const ids = held.map(({ id }) => id)
  return { lost: ids.filter((id) => !kept.has(id)), cancelled: ids.filter((id) => kept.get(id) === true) }
}

const WORKERS = `
  SELECT id, host, pid, boot_id AS "bootId", started_at AS "startedAt", seen_at AS "seenAt" FROM @workers ORDER BY id`

export function workers(session: Session): Promise<readonly WorkerRow[]> {
  return session.rows<WorkerRow>(WORKERS, [])
}

export async function removeWorkers(session: Session, ids: readonly string[]): Promise<void> {
  await session.rows('DELETE FROM @workers WHERE id = ANY ($1::text[])', [ids])
}

/** Every running job is looked at: there are as many as all workers together have slots. */
const ABANDONED = `
  WITH ${CLOCK}
  SELECT ${JOB_COLUMNS} FROM @jobs AS j
  WHERE j.state = 'running' AND (j.lease_until <= (SELECT now FROM clock) OR j.worker = ANY ($2::text[])
    OR NOT EXISTS (SELECT FROM @workers AS w WHERE w.id = j.worker))
  ORDER BY j.seq LIMIT $3`

export async function abandoned(session: Session, deadWorkers: readonly string[], limit: number): Promise<readonly Job[]> {
  return (await session.rows<JobRow>(ABANDONED, [session.told, deadWorkers, limit])).map(toJob)
}

const RUNNING_KEYS = `
  SELECT kind, concurrency_key AS key, count(*) AS count FROM @jobs
  WHERE state = 'running' AND concurrency_key IS NOT NULL AND concurrency_key <> '' GROUP BY kind, concurrency_key`

export function runningKeys(session: Session): Promise<readonly RunningKey[]> {
  return session.rows<RunningKey>(RUNNING_KEYS, [])
}
