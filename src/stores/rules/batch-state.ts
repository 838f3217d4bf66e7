/** Where a batch stands, from its row and its jobs: pure, and the same in every store. */
import type { Batch, BatchSummary } from '../../work/batch.ts'
import type { JobState, NewJob } from '../../work/job.ts'

export interface BatchCounts {
  readonly succeeded: number
  readonly dead: number
  readonly cancelled: number
}

export interface StateCount {
  readonly state: JobState
  readonly n: number
}

/** What was pruned, and what is there. */
export function addUp(pruned: BatchCounts, states: readonly StateCount[]): BatchCounts {
  return {
    succeeded: pruned.succeeded + countOf(states, 'succeeded'),
    dead: pruned.dead + countOf(states, 'dead'),
    cancelled: pruned.cancelled + countOf(states, 'cancelled'),
  }
}

function countOf(states: readonly StateCount[], state: JobState): number {
  return states.reduce((sum, row) => sum + (row.state === state ? row.n : 0), 0)
}

export function summaryOf(
  { id, total }: { readonly id: string; readonly total: number },
  { succeeded, dead, cancelled }: BatchCounts,
): BatchSummary {
  return { id, total, succeeded, dead, cancelled }
}

/** A batch as a row: what it counts itself is of its jobs that were pruned. */
export interface BatchRow extends BatchCounts {
  readonly id: string
  readonly created_at: number
  readonly completed_at: number | null
  readonly total: number
  /** JSON of the job. */
  readonly callback: string | null
}

export function callbackOf({ callback }: Pick<BatchRow, 'callback'>): NewJob | undefined {
  return callback === null ? undefined : (JSON.parse(callback) as NewJob)
}

export function viewBatch(row: BatchRow, states: readonly StateCount[]): Batch {
  const counts = addUp(row, states)
  const parked = countOf(states, 'parked')
  const callback = callbackOf(row)
  return {
    ...summaryOf(row, counts),
    pending: row.total - counts.succeeded - counts.dead - counts.cancelled,
    ...(parked === 0 ? {} : { parked }),
    createdAt: row.created_at,
    ...(row.completed_at === null ? {} : { completedAt: row.completed_at }),
    ...(callback === undefined ? {} : { callback: callback.id, callbackKind: callback.kind }),
  }
}
