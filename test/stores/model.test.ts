import { describe, it } from 'vitest'
import type { MemoryStoreOptions } from '../../src/stores/memory/memory-store.ts'
import { memoryStore } from '../../src/stores/memory/memory-store.ts'
import { sqliteStore } from '../../src/stores/sqlite/sqlite-store.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import type { JobStore } from '../../src/work/store.ts'
import { PLAY_MS, play } from './play.ts'

const STORES: readonly { readonly name: string; readonly make: (options: MemoryStoreOptions) => JobStore }[] = [
  { name: 'memory', make: memoryStore },
  { name: 'SQLite', make: (options) => sqliteStore({ path: ':memory:', ...options }) },
]

// W: 1, 6, 18, 19
describe.each(STORES)('a $name store', ({ name, make }) => {
  it('answers like a naive one, whatever happens in whatever order', { timeout: PLAY_MS }, async () => {
    const open = async () => {
      const clock = new VirtualClock()
      const store = make({ clock })
      await store.open()
      return { store, clock, close: () => store.close() }
    }
    await play({ name, open, runs: 400, length: 80, limitMs: 5000 })
  })
})
