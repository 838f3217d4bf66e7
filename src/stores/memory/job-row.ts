import type { Job } from '../../work/job.ts'

/** A job as a memory store keeps it. */
export interface JobRow {
  readonly seq: number
  /** JSON: what goes in is copied, and every reader gets a copy of its own. */
  readonly payload: string | undefined
  job: Job
  stamp: number
}

/** As a reader gets it. */
export function show(row: JobRow): Job {
  const { result } = row.job
  return {
    ...row.job,
    payload: row.payload === undefined ? undefined : (JSON.parse(row.payload) as unknown),
    ...(result === undefined ? {} : { result: structuredClone(result) }),
  }
}
