/**
 * What a person does to one job.
 */
import type { Job } from '../../work/job.ts'
import { cancelled, retried } from '../rules/job-changes.ts'
import { retryingLetter } from '../rules/letter-changes.ts'
import { findJob, writeJob } from './job-rows.ts'
import { findLetter, writeLetter } from './letter-rows.ts'
import { closeLetter } from './settle.ts'
import type { Transaction } from './transaction.ts'

export function cancel(tx: Transaction, id: string): Job | undefined {
  const found = findJob(tx, id)
  if (found === undefined) return undefined
  const { job } = found
  switch (job.state) {
    case 'running': {
      const asked = { ...job, cancelRequested: true }
      writeJob(tx, found, asked)
      return asked
    }
    case 'scheduled':
    case 'available':
    case 'parked': {
      const stopped = cancelled(job, tx.now)
      writeJob(tx, found, stopped)
      closeLetter(tx, stopped)
      return stopped
    }
    default:
      return job
  }
}

/** Answers the job, and whether it waits anew. */
export function retry(tx: Transaction, id: string): { readonly job: Job; readonly again: boolean } | undefined {
  const found = findJob(tx, id)
  if (found === undefined) return undefined
  const job = retried(found.job, tx.now)
  if (job === undefined) return { job: found.job, again: false }
  writeJob(tx, found, job)
  const letter = found.job.state === 'scheduled' || found.job.state === 'parked' ? undefined : findLetter(tx, id)
  if (letter?.status === 'discarded' && found.job.state === 'dead') tx.tally.add('given-up', letter, 'dead', -1)
  if (letter !== undefined) writeLetter(tx, letter, retryingLetter(letter, job, tx.now))
  return { job, again: true }
}
