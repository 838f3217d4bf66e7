/**
 * What a person does to one job or letter. Each needs a transaction.
 */
import type { DeadLetter, Job } from '../../work/job.ts'
import { cancelled, retried } from '../rules/job-changes.ts'
import { discardedLetter, retryingLetter } from '../rules/letter-changes.ts'
import { lockJobs, writeChanges } from './changes.ts'
import { letterOf } from './dead-letters.ts'
import type { Held } from './held.ts'
import type { Session } from './session.ts'
import { closeLetter } from './settle.ts'

export async function cancel(session: Session, id: string): Promise<Job | undefined> {
  const { held, now } = await lockOne(session, id)
  if (held === undefined) return undefined
  const { state } = held.job
  if (state === 'running') held.job = { ...held.job, cancelRequested: true }
  else if (state === 'scheduled' || state === 'available' || state === 'parked') {
    held.job = cancelled(held.job, now)
    closeLetter(held)
  }
  await writeChanges(session, [held])
  return held.job
}

/** Answers the job, and whether it waits anew. */
export async function retry(session: Session, id: string): Promise<{ readonly job: Job; readonly again: boolean } | undefined> {
  const { held, now } = await lockOne(session, id)
  const job = held && retried(held.job, now)
  if (held === undefined || job === undefined) return held && { job: held.job, again: false }
  held.job = job
  const hadEnded = held.before.state === 'dead' || held.before.state === 'cancelled'
  if (hadEnded && held.letter !== undefined) held.letter = retryingLetter(held.letter, job, now)
  await writeChanges(session, [held])
  return { job, again: true }
}

export async function discard(session: Session, id: string): Promise<DeadLetter | undefined> {
  const { held } = await lockOne(session, id)
  if (held?.letter === undefined) return letterOf(session, id)
  held.letter = discardedLetter(held.letter) ?? held.letter
  await writeChanges(session, [held])
  return held.letter
}

async function lockOne(session: Session, id: string): Promise<{ readonly held: Held | undefined; readonly now: number }> {
  const { now, byId } = await lockJobs(session, [id])
  return { now, held: byId.get(id) }
}
