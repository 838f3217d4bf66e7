import type { DeadLetter, Job } from '../../work/job.ts'

/** A job under its lock, with its letter if it has one, as they were and as they are to be. */
export interface Held {
  readonly seq: number
  readonly before: Job
  job: Job
  readonly letterBefore: DeadLetter | undefined
  letter: DeadLetter | undefined
}

/** Nobody has to look at it any more: its retention has begun. */
export function isSettled(job: Job, letter: DeadLetter | undefined): boolean {
  return job.state === 'succeeded' || job.state === 'cancelled' || isGivenUp(job, letter)
}

export function isGivenUp(job: Job, letter: DeadLetter | undefined): boolean {
  return job.state === 'dead' && letter?.status === 'discarded'
}
