import type { DeadLetter, Job } from '../../work/job.ts'
import type { PruneRequest } from '../../work/store.ts'
import type { JobRow } from './job-row.ts'
import type { Tables } from './tables.ts'

export function prune({ jobs, keys, letters, batches }: Tables, request: PruneRequest, now: number): number {
  const gone = prunable(jobs.rows, (id) => letters.get(id), request, now)
  for (const { job } of gone) {
    letters.remove(job.id)
    keys.jobGone(job)
  }
  batches.rememberPruned(gone)
  jobs.remove(gone)
  const touched = new Set(Array.from(gone, ({ job }) => job.batchId))
  const ended = batches.prune(touched, now - request.olderThanMs, request.limit - gone.size)
  return gone.size + ended + keys.expire(now, request.limit - gone.size - ended)
}

/** The finished jobs that may go, oldest first: those past the age, and those beyond the newest `keep`. */
function prunable(
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
