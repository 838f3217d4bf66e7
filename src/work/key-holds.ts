/** Which waiting jobs may not run because of their concurrency keys: the answer to «why is it not running?». */
import type { Job } from './job.ts'
import type { Kind } from './kind.ts'
import type { JobStore } from './store.ts'

export interface KeyHold {
  readonly key: string
  /** So many run with it now, of so many that may. */
  readonly running: number
  readonly limit: number
}

/** By job id. The store is asked once, and only when one of the jobs has a key. */
export async function keyHolds(
  store: JobStore,
  kinds: ReadonlyMap<string, Kind>,
  jobs: readonly Job[],
): Promise<ReadonlyMap<string, KeyHold>> {
  const waiting = jobs.filter((job) => job.state === 'available' && job.concurrencyKey)
  const holds = new Map<string, KeyHold>()
  if (waiting.length === 0) return holds
  const inUse = new Map((await store.runningKeys()).map((row) => [nameOf(row.kind, row.key), row.count]))
  for (const { id, kind, concurrencyKey } of waiting) {
    const key = concurrencyKey as string
    const running = inUse.get(nameOf(kind, key)) ?? 0
    const limit = kinds.get(kind)?.concurrencyPerKey ?? Number.POSITIVE_INFINITY
    if (running >= limit) holds.set(id, { key, running, limit })
  }
  return holds
}

function nameOf(kind: string, key: string): string {
  return JSON.stringify([kind, key])
}
