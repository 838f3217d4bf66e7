import type { Job } from '../../work/job.ts'
import type { JobFilter, Page } from '../../work/store.ts'
import { pageLimit, readCursor, toPage } from '../rules/paging.ts'
import type { JobRow } from './job-row.ts'
import { show } from './job-row.ts'
import type { JobTable } from './job-table.ts'
import { matchesLane } from './letter-table.ts'

/** Newest first. */
export function list(jobs: JobTable, filter: JobFilter): Page<Job> {
  const limit = pageLimit(filter.limit)
  const cursor = readCursor(filter.cursor)
  const rows: JobRow[] = []
  for (let at = jobs.rows.length - 1; at >= 0 && rows.length <= limit; at--) {
    const row = jobs.rows[at] as JobRow
    if (row.seq < cursor && matches(row.job, filter)) rows.push(row)
  }
  return toPage(rows, limit, (row) => row.seq, show)
}

function matches(job: Job, { state, batch, ...lane }: JobFilter): boolean {
  return (state ?? job.state) === job.state && (batch ?? job.batchId) === job.batchId && matchesLane(job, lane)
}
