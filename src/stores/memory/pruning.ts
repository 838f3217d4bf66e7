import type { DeadLetter, Job } from '../../work/job.ts'
import type { PruneRequest } from '../../work/store.ts'
import { due, longestAge } from '../rules/due.ts'
import type { JobRow } from './job-row.ts'
import type { Tables } from './tables.ts'

export function prune({ jobs, keys, letters, batches }: Tables, request: PruneRequest, now: number): number {
  const settled = jobs.rows.filter(({ job }) => isSettled(job, letters.get(job.id)))
  const gone = dueOf(settled, request, now)
  for (const { job } of gone) {
    letters.remove(job.id)
    keys.jobGone(job)
  }
  batches.rememberPruned(gone)
  jobs.remove(gone)
  const touched = new Set(Array.from(gone, ({ job }) => job.batchId))
  const ended = batches.prune(touched, now - longestAge(request), request.limit - gone.size)
  return gone.size + ended + keys.expire(now, request.limit - gone.size - ended)
}

function dueOf(settled: readonly JobRow[], request: PruneRequest, now: number): Set<JobRow> {
  const finished = settled
    .map((row) => ({ row, seq: row.seq, settledAt: row.job.finishedAt as number }))
    .sort((a, b) => a.settledAt - b.settledAt || a.seq - b.seq)
  const byKind = Map.groupBy(finished, ({ row }) => row.job.kind)
  const counts = new Map(Array.from(byKind, ([kind, { length }]) => [kind, length]))
  const rows = due(request, now, counts, (kind, before, limit) =>
    (byKind.get(kind) ?? []).filter(({ settledAt }) => settledAt < before).slice(0, limit),
  )
  return new Set(rows.map(({ row }) => row))
}

/** A dead job is a problem until somebody discards it. */
function isSettled(job: Job, letter: DeadLetter | undefined): boolean {
  return job.state === 'succeeded' || job.state === 'cancelled' || (job.state === 'dead' && letter?.status === 'discarded')
}
