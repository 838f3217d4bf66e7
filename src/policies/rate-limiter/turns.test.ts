import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { AllOf } from './all-of.ts'
import { SlidingWindow, TokenBucket } from './machine.ts'
import type { RateMachine } from './rate-machine.ts'
import { ServerView } from './server-view.ts'
import { type Turn, Turns } from './turns.ts'

const machines: Record<string, () => RateMachine> = {
  bucket: () => new TokenBucket(1, 100, 2),
  window: () => new SlidingWindow(2, 200),
  both: () => new AllOf([new TokenBucket(1, 100, 2), new SlidingWindow(2, 200)]),
  view: () => new ServerView(new TokenBucket(1, 100, 2), 1e6),
}

const line = (machine: RateMachine) => {
  const clock = new VirtualClock()
  const gone: string[] = []
  const empty = { times: 0 }
  const turns = new Turns(machine, clock, () => empty.times++)
  const forEver = Number.POSITIVE_INFINITY
  const join = (name: string, cost = 1, latest = forEver, deadline = forEver): Turn => {
    const turn: Turn = {
      cost,
      latest,
      deadline,
      go: () => gone.push(`${name}@${Math.round(clock.now())}`),
      refuse: (wait) => gone.push(`${name} refused ${Math.round(wait)}`),
    }
    turns.join(turn, clock.now())
    return turn
  }
  return { clock, gone, turns, join, empty }
}

for (const [name, make] of Object.entries(machines))
  describe(`those who wait under a ${name}`, () => {
    it('go in their order, by one timer', async () => {
      const machine = make()
      machine.reserve(0, 2)
      const { clock, gone, join, empty } = line(machine)
      for (const one of ['a', 'b', 'c']) join(one)
      expect(clock.pendingTimers()).toBe(1)
      await clock.advance(1000)
      expect(gone.map((one) => one[0])).toEqual(['a', 'b', 'c'])
      expect([clock.pendingTimers(), empty.times]).toEqual([0, 1])
    })

    // T: 17, 18
    it('move up when one gives up, and nobody who comes later gets ahead', async () => {
      const machine = make()
      machine.reserve(0, 2)
      const { clock, gone, turns, join } = line(machine)
      const [a, b, c] = [join('a'), join('b'), join('c')]
      turns.leave(b!)
      join('d')
      expect(machine.wait(0, 1)).toBeGreaterThan(100)
      turns.leave(a!)
      turns.leave(a!)
      join('e')
      await clock.advance(1000)
      expect(gone.map((one) => one[0])).toEqual(['c', 'd', 'e'])
      expect([turns.size, c!.cost]).toEqual([0, 1])
    })

    it('leave no trace when all give up, whatever their costs', () => {
      const machine = make()
      machine.reserve(0, 2)
      const wait = machine.wait(0, 1)
      const { clock, turns, join } = line(machine)
      const all = [join('a', 1), join('b', 2), join('c', 1), join('d', 2)]
      for (const index of [1, 3, 0, 2]) turns.leave(all[index]!)
      expect([machine.wait(0, 1), clock.pendingTimers()]).toEqual([wait, 0])
    })

    it('are placed anew around a change, and refused when it comes too hard', async () => {
      const machine = make()
      machine.reserve(0, 2)
      const { clock, gone, turns, join } = line(machine)
      join('a')
      join('b', 1, 450)
      join('c')
      turns.around((now) => {
        machine.penalize(now, 2)
        return machine
      })
      expect(gone.length).toBeLessThanOrEqual(1)
      await clock.advance(2000)
      const order = gone.filter((one) => one.includes('@')).map((one) => one[0])
      expect(order).toEqual(gone.some((one) => one.startsWith('b refused')) ? ['a', 'c'] : ['a', 'b', 'c'])
      expect(Number(gone.at(-1)!.split('@')[1])).toBeGreaterThanOrEqual(400)
    })

    it('keep their order and the rate after any sequence of coming and going', async () => {
      const step = fc.record({
        act: fc.constantFrom('join', 'join', 'leave', 'wait'),
        cost: fc.constantFrom(1, 1, 2),
        which: fc.nat(),
      })
      await fc.assert(
        fc.asyncProperty(fc.boolean(), fc.array(step, { maxLength: 25 }), async (mixed, steps) => {
          const machine = make()
          machine.reserve(0, 2)
          const { clock, gone, turns, join } = line(machine)
          const there = new Map<number, Turn>()
          const costs = new Map<number, number>()
          let number = 0
          for (const { act, cost, which } of steps) {
            if (act === 'join') {
              costs.set(++number, mixed ? cost : 1)
              there.set(number, join(`${number}`, mixed ? cost : 1))
            } else if (act === 'wait') await clock.advance(which % 150)
            else if (there.size > 0) {
              const [chosen, turn] = [...there][which % there.size]!
              turns.leave(turn)
              there.delete(chosen)
            }
          }
          await clock.advance(10_000)
          const starts = gone.map((one) => ({ number: Number(one.split('@')[0]), at: Number(one.split('@')[1]) }))
          expect(starts.map((one) => one.number)).toEqual(starts.map((one) => one.number).toSorted((a, b) => a - b))
          for (const { at } of starts) {
            const during = starts.filter((one) => one.at > at - 200 && one.at <= at)
            // Two at once, and one for each 100 ms that the span touches.
            expect(during.reduce((sum, one) => sum + costs.get(one.number)!, 0)).toBeLessThanOrEqual(name.startsWith('w') ? 2 : 4)
          }
          expect([turns.size, clock.pendingTimers()]).toEqual([0, 0])
        }),
        { numRuns: 60 },
      )
    })
  })

describe('one who gives up', () => {
  it('leaves a place that others have taken by hand since to the next, and no more', () => {
    const machine = new TokenBucket(1, 100, 1)
    machine.reserve(0, 1)
    const { turns, join } = line(machine)
    const a = join('a')
    expect(machine.reserve(0, 1)).toBe(200)
    turns.leave(a)
    expect([machine.reserve(0, 1), machine.reserve(0, 1)]).toEqual([100, 300])
  })

  it('leaves a place that was free before as free as it was', () => {
    const machine = new TokenBucket(1, 100, 1)
    for (let one = 0; one < 4; one++) machine.reserve(0, 1)
    machine.refund(200, 1)
    const { turns, join } = line(machine)
    turns.leave(join('a'))
    expect([machine.reserve(0, 1), machine.reserve(0, 1)]).toEqual([200, 400])
  })

  it('lets the others move up, whatever they ask for, as long as they can wait', async () => {
    const machine = new TokenBucket(1, 100, 2)
    machine.reserve(0, 2)
    const { clock, gone, turns, join } = line(machine)
    const first = join('a', 2, 1000, 5000)
    join('b', 1, 1000, 5000)
    turns.leave(first)
    await clock.advance(5000)
    expect(gone).toEqual(['b@100'])
  })

  it('leaves the window as it was, to each of its admissions', async () => {
    const machine = new SlidingWindow(2, 200)
    machine.reserve(0, 1)
    machine.reserve(150, 1)
    const { clock, turns, join } = line(machine)
    await clock.advance(160)
    turns.leave(join('both', 2))
    expect([machine.wait(160, 1), machine.wait(160, 2)]).toEqual([40, 190])
  })
})

describe('a turn that is placed anew', () => {
  const full = () => {
    const machine = new TokenBucket(1, 100, 2)
    machine.reserve(0, 2)
    return { machine, ...line(machine) }
  }

  it('may go at its latest moment, but not at its deadline, and is told how long it would have been', async () => {
    const { machine, clock, gone, turns, join } = full()
    machine.reserve(0, 1)
    await clock.advance(50)
    join('latest', 1, 200)
    join('too late', 1, 299.9)
    join('in time', 1, 1000, 300.1)
    join('at its deadline', 1, 1000, 400)
    turns.around(() => machine)
    expect(gone).toEqual(['too late refused 250', 'at its deadline refused 350'])
    await clock.advance(1000)
    expect(gone.slice(2)).toEqual(['latest@200', 'in time@300'])
  })

  it('goes at once where a change gives it room, by no timer', () => {
    const { machine, clock, gone, turns, join } = full()
    join('a')
    join('b', 2)
    turns.around((now) => {
      machine.reward(now, 2)
      return machine
    })
    expect([gone, clock.pendingTimers()]).toEqual([['a@0'], 1])
  })

  it('keeps its place in a line of hundreds, of which most have gone', async () => {
    const { machine, clock, gone, turns, join } = full()
    const all = Array.from({ length: 200 }, (_, number) => join(`${number}`))
    await clock.advance(15_000)
    expect([gone.at(-1), turns.size]).toEqual(['149@15000', 50])
    turns.leave(all[160]!)
    turns.around(() => machine)
    await clock.advance(20_000)
    const rest = [...Array(50).keys()].map((number) => number + 150).filter((number) => number !== 160)
    expect(gone.slice(150)).toEqual(rest.map((number, index) => `${number}@${15_100 + 100 * index}`))
    expect(machine.wait(clock.now(), 2)).toBe(0)
  })
})
