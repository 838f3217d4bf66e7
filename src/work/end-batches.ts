/** Ends batches whose jobs have all ended, and tells of their callbacks. */
import type { Clock } from '../core/clock.ts'
import type { EventBus } from '../core/events.ts'
import type { CompletedBatch } from './batch.ts'
import type { Job } from './job.ts'
import type { JobStore } from './store.ts'

export interface BatchPorts {
  readonly store: JobStore
  readonly clock: Clock
  readonly events: EventBus
}

/** The batches of these jobs, each once. */
export function batchesOf(jobs: readonly Job[]): readonly string[] {
  const ids = jobs.map(({ batchId }) => batchId).filter((id) => id !== undefined)
  return ids.length === 0 ? ids : [...new Set(ids)]
}

/** Asks the store about these batches. Never rejects: what cannot be done now, the next sweep of any process does. */
export async function endBatches(ports: BatchPorts, ids: readonly string[]): Promise<readonly CompletedBatch[]> {
  try {
    const completed = await ports.store.completeBatches(ids)
    for (const { callback } of completed) if (callback !== undefined) tellCallback(ports, callback)
    return completed
  } catch {
    return []
  }
}

function tellCallback({ events, clock }: BatchPorts, { id, kind, target }: NonNullable<CompletedBatch['callback']>): void {
  if (events.active) events.emit({ type: 'job.enqueued', at: clock.wallNow(), job: id, kind, target, duplicate: false })
}
