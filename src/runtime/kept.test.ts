import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { Kept } from './kept.ts'

function make(answer: () => Promise<number>) {
  const clock = new VirtualClock()
  let asked = 0
  const kept = new Kept(clock, 500, () => {
    asked++
    return answer()
  })
  return { clock, kept, asked: () => asked }
}

describe('an answer that is kept', () => {
  // W: 17
  it('is asked for once, however many want it, until it is stale', async () => {
    const { clock, kept, asked } = make(async () => asked())
    expect(await Promise.all([kept.ask(), kept.ask()])).toEqual([1, 1])
    await clock.advance(499)
    expect(await kept.ask()).toBe(1)
    await clock.advance(1)
    expect(await kept.ask()).toBe(2)
  })

  it('is shared while it is being found out', async () => {
    const { promise, resolve } = Promise.withResolvers<number>()
    const { clock, kept, asked } = make(() => promise)
    const answers = [kept.ask()]
    await clock.advance(100)
    answers.push(kept.ask())
    resolve(7)
    expect(await Promise.all(answers)).toEqual([7, 7])
    expect(asked()).toBe(1)
  })

  it('is asked for again after a failure', async () => {
    let fails = true
    const { kept, asked } = make(async () => {
      if (fails) throw new Error('away')
      return 1
    })
    await expect(kept.ask()).rejects.toThrow('away')
    fails = false
    expect(await kept.ask()).toBe(1)
    expect(asked()).toBe(2)
  })
})
