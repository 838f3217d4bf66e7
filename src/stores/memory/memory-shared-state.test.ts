import { describe, expect, it } from 'vitest'
import { sharedStateContract } from '../../testing/shared-state-contract.ts'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { memorySharedState } from './memory-shared-state.ts'

async function open() {
  const clock = new VirtualClock()
  const state = memorySharedState({ clock })
  await state.open()
  return { state, clock, another: async () => state, close: () => state.close() }
}

// W: 4, 6
describe('shared state in memory', () => {
  it.each(sharedStateContract({ open }))('$name', ({ run }) => run())

  it('tells its listeners of words', async () => {
    const { state } = await open()
    let told = 0
    state.onWord(() => void told++)
    await state.exchange({ reporter: 'a', words: [], ttlMs: 1000 })
    expect(told).toBe(0)
    await state.exchange({ reporter: 'a', words: [{ name: 'x', value: 1 }], ttlMs: 1000 })
    expect(told).toBe(1)
    await state.fallSilent('a')
    expect(told).toBe(2)
  })

  it('checks its options when it is made', () => {
    expect(() => memorySharedState({ path: 'x' } as never)).toThrow("'memorySharedState.path' is not an option")
  })
})
