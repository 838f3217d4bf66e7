/**
 * Carries out what became of claimed jobs, each under its fence.
 */
import type { Job } from '../../work/job.ts'
import type { Settlement } from '../../work/store.ts'
import { settled } from '../rules/job-changes.ts'
import { closedLetter, letterOf } from '../rules/letter-changes.ts'
import { findJob, writeJob } from './job-rows.ts'
import { findLetter, writeLetter } from './letter-rows.ts'
import { succeedAtOnce } from './succeed.ts'
import type { Transaction } from './transaction.ts'

/** Answers the ids whose fence did not hold. */
export function settle(tx: Transaction, settlements: readonly Settlement[]): readonly string[] {
  const done = succeedAtOnce(tx, settlements)
  return settlements.filter((settlement) => !done.has(settlement) && !settleOne(tx, settlement)).map(({ id }) => id)
}

function settleOne(tx: Transaction, settlement: Settlement): boolean {
  const found = findJob(tx, settlement.id)
  if (found === undefined || found.job.state !== 'running' || found.job.token !== settlement.token) return false
  const job = settled(found.job, settlement, tx.now)
  writeJob(tx, found, job)
  if (settlement.type !== 'dead') closeLetter(tx, job)
  else {
    const earlier = findLetter(tx, job.id)
    writeLetter(tx, earlier, letterOf(job, settlement, earlier, tx.now))
  }
  return true
}

/** The job has ended otherwise than by dying: its dead letter, if it has one, ends too. */
export function closeLetter(tx: Transaction, job: Job): void {
  if (job.state !== 'succeeded' && job.state !== 'cancelled') return
  const letter = findLetter(tx, job.id)
  const closed = letter && closedLetter(letter, job)
  if (closed !== undefined) writeLetter(tx, letter, closed)
}
