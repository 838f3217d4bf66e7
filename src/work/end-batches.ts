/** Ends batches whose jobs have all ended, and tells of them and their callbacks. */
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
    if (ports.events.active) for (const batch of completed) tellEnded(ports, batch)
    return completed
  } catch {
    return []
  }
}

function tellEnded({ events, clock }: BatchPorts, { summary, callback }: CompletedBatch): void {
  const at = clock.wallNow()
  const { id: batch, ...counts } = summary
  events.emit({ type: 'batch.ended', at, batch, ...counts, ...(callback === undefined ? {} : { callback: callback.id }) })
  if (callback === undefined) return
  const { id, kind, target } = callback
  events.emit({ type: 'job.enqueued', at, job: id, kind, target, duplicate: false })
}
