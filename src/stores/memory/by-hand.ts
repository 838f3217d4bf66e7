/** What a person does to jobs and letters. */
import type { Job } from '../../work/job.ts'
import type { RedriveRequest } from '../../work/store.ts'
import { cancelled, redriven, retried } from '../rules/job-changes.ts'
import type { JobRow } from './job-row.ts'
import { show } from './job-row.ts'
import type { Tables } from './tables.ts'

export function cancel({ jobs, letters }: Tables, id: string, now: number): Job | undefined {
  const row = jobs.byId(id)
  if (row === undefined) return undefined
  const { state } = row.job
  if (state === 'running') row.job = { ...row.job, cancelRequested: true }
  else if (state === 'scheduled' || state === 'available' || state === 'parked') {
    jobs.replace(row, cancelled(row.job, now))
    letters.close(row.job)
  }
  return show(row)
}

/** Answers the job, and whether it waits anew. */
export function retry(
  { jobs, letters }: Tables,
  id: string,
  now: number,
): { readonly job: Job; readonly again: boolean } | undefined {
  const row = jobs.byId(id)
  if (row === undefined) return undefined
  const { state } = row.job
  const job = retried(row.job, now)
  if (job !== undefined) {
    jobs.replace(row, job)
    if (state === 'dead' || state === 'cancelled') letters.retry(job, now)
  }
  return { job: show(row), again: job !== undefined }
}

export function redrive({ jobs, letters }: Tables, request: RedriveRequest, now: number): readonly string[] {
  const found = letters.redrivable(request, now)
  if (request.dryRun) return found
  for (const id of found) {
    const row = jobs.byId(id) as JobRow
    jobs.replace(row, redriven(row.job, request.by, now))
    letters.retry(row.job, now)
  }
  return found
}
