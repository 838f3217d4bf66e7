import type { Job } from '../../work/job.ts'

/** A job as a memory store keeps it. */
export interface JobRow {
  readonly seq: number
  /** JSON: what goes in is copied, and every reader gets a copy of its own. */
  readonly payload: string | undefined
  job: Job
  stamp: number
}
