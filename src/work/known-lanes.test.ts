import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { KnownLanes } from './known-lanes.ts'
import { laneKey } from './plan-claim.ts'
import type { ReadyLane } from './store.ts'

const lane = (number: number, priority = 0): ReadyLane => ({ kind: 'k', target: `t${number}`, priority, runAt: number })
const lanes = (count: number, priority = 0) => Array.from({ length: count }, (_, number) => lane(number, priority))
const NONE: ReadonlySet<string> = new Set()

/** A store that takes `askMs` to find `there`. */
function setUp(there: readonly ReadyLane[], askMs = 20) {
  const clock = new VirtualClock()
  const asked: number[] = []
  const ask = async (limit: number): Promise<readonly ReadyLane[]> => {
    asked.push(limit)
    await clock.advance(askMs)
    return there.slice(0, limit)
  }
  const known = new KnownLanes({ clock, ask, freshMs: 50 })
  /** One round, in which each lane that is shown has something to give, unless it is among the dry ones. */
  const round = async (take = 200, dry: ReadonlySet<string> = NONE): Promise<readonly string[]> => {
    const plan = (await known.next()).slice(0, take).map((shown) => ({ ...shown, limit: 1 }))
    known.served(plan, new Set(plan.map(laneKey).filter((key) => dry.has(key))))
    return plan.map(({ target }) => target)
  }
  return { clock, known, asked, round }
}

describe('few lanes', () => {
  it('are asked for anew every moment, and at once when one ran dry', async () => {
    const { clock, asked, round } = setUp(lanes(3))
    expect([await round(), await round(), asked]).toEqual([['t0', 't1', 't2'], ['t0', 't1', 't2'], [200]])
    await clock.advance(50)
    await round()
    expect(asked).toHaveLength(2)
    await round(3, new Set([laneKey(lane(1))]))
    await round()
    expect(asked).toHaveLength(3)
  })
})

describe('many lanes', () => {
  it('are asked for once in many rounds, and each has its turn before any has another', async () => {
    const { clock, asked, round, known } = setUp(lanes(1000))
    await round()
    known.forget()
    const served = [await round(), await round(), await round(), await round(), await round()].flat()
    expect(new Set(served).size).toBe(1000)
    expect(asked).toEqual([200, 2000])
    // Who was served before they were asked for again comes last.
    expect(served.slice(-200)).toEqual(lanes(200).map(({ target }) => target))
    await clock.advance(150)
    expect(known.areFresh).toBe(true)
    await clock.advance(50)
    expect(known.areFresh).toBe(false)
  })

  it('of a higher priority go first for as long as they give something', async () => {
    const urgent = lanes(10, 5).map((one) => ({ ...one, target: `urgent ${one.target}` }))
    const { round, known } = setUp([...urgent, ...lanes(990)])
    await round()
    known.forget()
    const [first, second] = [await round(100), await round(100)]
    for (const served of [first, second]) expect(served.slice(0, 10).every((name) => name.startsWith('urgent'))).toBe(true)
    expect(second.slice(10)).not.toEqual(first.slice(10))
    const dry = new Set(urgent.map(laneKey))
    await round(100, dry)
    expect((await round(100)).some((name) => name.startsWith('urgent'))).toBe(false)
  })

  it('are left out when they ran dry, until few are left', async () => {
    const all = new Set(lanes(1000).map(laneKey))
    const { asked, round, known } = setUp(lanes(1000))
    await round()
    known.forget()
    for (let count = 0; count < 4; count++) await round(200, all)
    expect(asked).toHaveLength(2)
    expect(known.areFresh).toBe(false)
  })

  it('are looked at further when all that were shown are held', async () => {
    const { known, asked } = setUp(lanes(3000))
    expect(await known.next()).toHaveLength(200)
    known.lookFurther()
    expect(await known.next()).toHaveLength(800)
    known.lookFurther()
    expect(await known.next()).toHaveLength(3000)
    expect(asked).toEqual([200, 2000, 3200])
  })
})
