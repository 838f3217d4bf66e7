import { describe, expect, it } from 'vitest'
import { memorySharedState } from '../stores/memory/memory-shared-state.ts'
import { memoryStore } from '../stores/memory/memory-store.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { runtimeRig } from './testing/runtime-rig.ts'

describe.each(['strict', 'leased'] as const)('a rate that processes share, %s', (shared) => {
  // R: I3, X7
  it('paces the jobs of all of them together, and costs none of them an attempt', async () => {
    const clock = new VirtualClock()
    const store = memoryStore({ clock })
    const times: number[] = []
    const work = () => {
      times.push(clock.now())
    }
    const targets = { api: { rate: { limit: 10, per: '1s', burst: 5, shared } } }
    const state = memorySharedState({ clock })
    const rigs = [1, 2].map(() => runtimeRig(work, { clock, store, targets, shared: state }))
    for (const { runtime } of rigs) await runtime.start()
    const ids = await rigs[0]!.send('api', 60)
    await clock.advance(2000)
    expect(times.length).toBeGreaterThan(15)
    expect(times.length).toBeLessThanOrEqual(5 + 20)
    await clock.advance(10_000)
    expect(times.length).toBe(60)
    for (const id of ids) expect(await store.get(id)).toMatchObject({ state: 'succeeded', attempts: 1 })
    for (const { runtime } of rigs) await Promise.all([runtime.stop(1000), clock.advance(2000)])
  })
})
