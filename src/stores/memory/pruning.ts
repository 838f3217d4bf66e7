import type { DeadLetter, Job } from '../../work/job.ts'
import type { PruneRequest } from '../../work/store.ts'
import type { JobRow } from './job-row.ts'

/** The finished jobs that may go, oldest first: those past the age, and those beyond the newest `keep`. */
export function prunable(
  rows: readonly JobRow[],
  letterOf: (id: string) => DeadLetter | undefined,
  request: PruneRequest,
  now: number,
): Set<JobRow> {
  const finished = rows
    .filter(({ job }) => isSettled(job, letterOf(job.id)))
    .sort((a, b) => (a.job.finishedAt as number) - (b.job.finishedAt as number) || a.seq - b.seq)
  const surplus = finished.length - request.keep
  return new Set(
    finished
      .filter(({ job }, index) => index < surplus || (job.finishedAt as number) < now - request.olderThanMs)
      .slice(0, Math.max(0, request.limit)),
  )
}

/** A dead job is a problem until somebody discards it. */
function isSettled(job: Job, letter: DeadLetter | undefined): boolean {
  return job.state === 'succeeded' || job.state === 'cancelled' || (job.state === 'dead' && letter?.status === 'discarded')
}
