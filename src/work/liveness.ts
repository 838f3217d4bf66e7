/**
 * Who is dead, and whose work may be taken over. Liveness first, age second: work that is merely late must not run twice.
 * Pure, but for the port that asks the operating system.
 */
import type { Job } from './job.ts'
import type { WorkerRow } from './store.ts'

export interface Onlooker {
  readonly host: string
  readonly pid: number
  readonly bootId: string
  /** Asks this host's operating system; undefined where it cannot tell. */
  readonly isAlive: (pid: number, bootId: string) => boolean | undefined
  /** A live process of this host that was not heard of for so long has lost its work, in ms. */
  readonly unresponsiveMs: number
}

/** Certainly dead: a process of this host that is gone, or an earlier boot under this very pid. */
export function isDead(row: WorkerRow, by: Onlooker): boolean {
  const alive = stateOf(row, by)
  return alive === false || (alive === true && row.pid === by.pid && row.bootId !== by.bootId)
}

/** True of a worker elsewhere, on another host or in another container: nobody here knows more than its row says. */
export function isOutOfSight(row: WorkerRow, by: Onlooker): boolean {
  return stateOf(row, by) === undefined
}

function stateOf(row: WorkerRow, by: Onlooker): boolean | undefined {
  if (row.host !== by.host) return undefined
  return row.bootId === by.bootId || by.isAlive(row.pid, row.bootId)
}

/**
 * May a job that the store calls abandoned be taken over?
 *
 * @param row of the worker that holds it, if there is one
 * @param now epoch ms by the store's clock
 */
export function mayTakeOver(job: Job, row: WorkerRow | undefined, by: Onlooker, now: number): boolean {
  if (row === undefined || isDead(row, by)) return true
  if ((job.leaseUntil ?? 0) > now) return false
  // Its lease has ended, that is all there is.
  if (isOutOfSight(row, by)) return true
  // Alive, and renewing other leases: it let this one go (a claim whose answer it never got).
  if (row.seenAt > (job.leaseUntil ?? 0)) return true
  return now - row.seenAt >= by.unresponsiveMs
}
