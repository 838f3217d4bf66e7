import { describe, expect, it } from 'vitest'
import { storeContract } from '../../testing/store-contract.ts'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { memoryStore } from './memory-store.ts'

async function open() {
  const clock = new VirtualClock()
  const store = memoryStore({ clock })
  await store.open()
  return { store, clock, close: () => store.close() }
}

// W: 1, 6, 8, 18, 22
describe('a memory store', () => {
  it.each(storeContract({ open }))('$name', ({ run }) => run())

  it('refuses an option that it does not know', () => {
    expect(() => memoryStore({ path: 'x' } as object)).toThrow("'memoryStore.path' is not an option")
  })

  it('refuses calls before it was opened', async () => {
    await expect(memoryStore().counts()).rejects.toMatchObject({
      code: 'ERR_STORE_UNAVAILABLE',
      hint: expect.stringContaining('open()'),
    })
  })

  it('keeps its order through many cancels in the middle of a lane', async () => {
    const { store } = await open()
    const jobs = Array.from({ length: 500 }, (_, n) => ({
      id: `j${String(n).padStart(4, '0')}`,
      kind: 'k',
      target: 't',
      payload: n,
      priority: n % 7,
      fingerprint: 'f',
      idempotencyWindowMs: 0,
    }))
    await store.enqueue(jobs)
    for (const { id, payload } of jobs) if (payload % 3 !== 0) await store.cancel(id)
    const taken = await store.claim({ worker: 'w', leaseMs: 1, lanes: [{ kind: 'k', target: 't', limit: 1000 }] })
    const expected = jobs
      .filter(({ payload }) => payload % 3 === 0)
      .sort((a, b) => b.priority - a.priority || a.payload - b.payload)
    expect(taken.map(({ id }) => id)).toEqual(expected.map(({ id }) => id))
  })
})
