import * as fc from 'fast-check'
import { describe, it } from 'vitest'
import type { MemoryStoreOptions } from '../../src/stores/memory/memory-store.ts'
import { memoryStore } from '../../src/stores/memory/memory-store.ts'
import { sqliteStore } from '../../src/stores/sqlite/sqlite-store.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import type { JobStore } from '../../src/work/store.ts'
import type { Command } from './commands.ts'
import { commands } from './commands.ts'
import { compareAll } from './compare.ts'
import { NaiveStore } from './naive-store.ts'

const STORES: readonly { readonly name: string; readonly make: (options: MemoryStoreOptions) => JobStore }[] = [
  { name: 'memory', make: memoryStore },
  { name: 'SQLite', make: (options) => sqliteStore({ path: ':memory:', ...options }) },
]

async function play(make: (options: MemoryStoreOptions) => JobStore, sequence: readonly Command[]): Promise<void> {
  const clock = new VirtualClock()
  const store = make({ clock })
  await store.open()
  const model = new NaiveStore()
  model.now = clock.wallNow()
  try {
    for (const { step } of sequence) await step(model, { store, clock })
    await compareAll(model, store)
  } finally {
    await store.close()
  }
}

// W: 1, 6, 18
describe.each(STORES)('a $name store', ({ make }) => {
  it('answers like a naive one, whatever happens in whatever order', async () => {
    const sequences = fc.array(commands, { minLength: 1, maxLength: 80, size: 'max' })
    // On failure fast-check prints its seed and the shortest sequence that fails.
    await fc.assert(
      fc.asyncProperty(sequences, (sequence) => play(make, sequence)),
      { numRuns: 400, interruptAfterTimeLimit: 6000 },
    )
  })
})
