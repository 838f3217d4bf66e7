/** What becomes of a job whose worker vanished in the middle of it. */
import type { Clock } from '../core/clock.ts'
import type { Random } from '../core/random.ts'
import { backoffDelay } from './backoff.ts'
import type { Job } from './job.ts'
import type { Kind } from './kind.ts'
import type { Settlement } from './store.ts'
import { isPoison } from './suspects.ts'
import { askVerify } from './verify.ts'

const GONE = 'its worker vanished'

/** @param rivals other suspects that were lost with the same worker */
export async function rescueSettlement(job: Job, kind: Kind, rivals: number, clock: Clock, random: Random): Promise<Settlement> {
  const fence = { id: job.id, token: job.token }
  if (isPoison(job, kind, rivals)) {
    const message = `its worker vanished ${job.lostLeases + 1} times while it ran`
    const error = { name: 'PoisonError', message }
    return { ...fence, type: 'dead', cause: 'poison', error, targetDown: false, workerLost: true }
  }
  const answer = kind.onUnknown === 'verify' ? await askVerify(kind, job, clock) : kind.onUnknown
  if (answer === 'done') return { ...fence, type: 'succeeded' }
  if (answer === 'park' || answer === 'unknown')
    return { ...fence, type: 'parked', reason: `${GONE}: nobody knows whether it took effect`, workerLost: true }
  // At once the first time: a restart is no reason to wait. Then slower, in case it is what takes workers down.
  const delayMs = job.lostLeases === 0 ? 0 : backoffDelay(kind.backoff, job.lostLeases, random)
  return { ...fence, type: 'rescued', delayMs, reason: GONE }
}
