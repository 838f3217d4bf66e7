import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../core/random.ts'
import { ChaosMachine } from './machine.ts'

describe('the dice of chaos', () => {
  it.each([
    // rate, roll, disturbed
    [0, 0, false],
    [0.5, 0.49, true],
    [0.5, 0.5, false],
    [1, 0.999, true],
    [Number.NaN, 0, false],
    [-1, 0, false],
    [1.5, 0, false],
  ])('at rate %d and a roll of %d: %s', (rate, roll, disturbed) => {
    const machine = new ChaosMachine(() => roll, 10)
    expect([machine.decide(rate), machine.counts]).toEqual([disturbed, { calls: 1, injected: disturbed ? 1 : 0, failures: 0 }])
  })

  it('casts none where the answer is certain, so that a seed replays whatever the rate was before', () => {
    let rolls = 0
    const machine = new ChaosMachine(() => ++rolls, 10)
    machine.decide(0)
    machine.decide(1)
    expect(rolls).toBe(0)
  })

  it('once stopped disturbs and counts nothing, keeps its first reason, and goes on when resumed', () => {
    const machine = new ChaosMachine(() => 0, 2)
    machine.decide(1)
    expect(machine.spent).toBe(false)
    machine.decide(1)
    expect(machine.spent).toBe(true)
    expect([machine.stop('first'), machine.stop('second'), machine.stopped]).toEqual([true, false, 'first'])
    expect([machine.decide(1), machine.counts.calls]).toEqual([false, 2])
    machine.resume()
    expect([machine.stopped, machine.spent, machine.decide(1), machine.counts.injected]).toEqual([undefined, false, true, 3])
  })

  it('disturbs about as many as the rate says, the same ones for the same seed', () => {
    const played = (seed: number, rate: number): boolean[] => {
      const machine = new ChaosMachine(seededRandom(seed), Number.POSITIVE_INFINITY)
      return Array.from({ length: 2000 }, () => machine.decide(rate))
    }
    fc.assert(
      fc.property(fc.nat(), fc.double({ min: 0, max: 1, noNaN: true }), (seed, rate) => {
        const one = played(seed, rate)
        expect(played(seed, rate)).toEqual(one)
        expect(Math.abs(one.filter(Boolean).length / one.length - rate)).toBeLessThan(0.08)
      }),
      { numRuns: 50 },
    )
  })
})
