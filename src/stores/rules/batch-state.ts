/** Where a batch stands, from its row and its jobs: pure, and the same in every store. */
import type { Batch, BatchSummary } from '../../work/batch.ts'
import type { JobState } from '../../work/job.ts'

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

interface StoredBatch extends BatchCounts {
  readonly id: string
  readonly total: number
  readonly createdAt: number
  readonly completedAt: number | undefined
  readonly callback: { readonly id: string; readonly kind: string } | undefined
}

export function viewBatch(batch: StoredBatch, states: readonly StateCount[]): Batch {
  const counts = addUp(batch, states)
  const parked = countOf(states, 'parked')
  return {
    ...summaryOf(batch, counts),
    pending: batch.total - counts.succeeded - counts.dead - counts.cancelled,
    ...(parked === 0 ? {} : { parked }),
    createdAt: batch.createdAt,
    ...(batch.completedAt === undefined ? {} : { completedAt: batch.completedAt }),
    ...(batch.callback === undefined ? {} : { callback: batch.callback.id, callbackKind: batch.callback.kind }),
  }
}
