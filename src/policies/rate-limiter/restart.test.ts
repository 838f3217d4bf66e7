import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AllOf } from './all-of.ts'
import { SlidingWindow, TokenBucket } from './machine.ts'
import type { RateMachine } from './rate-machine.ts'
import { ServerView } from './server-view.ts'

interface Start {
  readonly at: number
  readonly cost: number
}

const LIMIT = 4
const PER_MS = 300

/** How many calls too many started in the fullest stretch of time. */
type Excess = (starts: readonly Start[]) => number

const during = (starts: readonly Start[], from: number, to: number) =>
  starts.filter(({ at }) => at > from && at <= to).reduce((sum, { cost }) => sum + cost, 0)

const ofWindow: Excess = (starts) => Math.max(...starts.map(({ at }) => during(starts, at - PER_MS + 0.01, at + 0.01) - LIMIT))

const ofBucket: Excess = (starts) => {
  const spans = starts.flatMap(({ at }) => starts.map((one) => [one.at, at] as const)).filter(([from, to]) => from <= to)
  return Math.max(...spans.map(([from, to]) => during(starts, from - 0.01, to + 0.01) - LIMIT - ((to - from) * LIMIT) / PER_MS))
}

const machines: Record<string, readonly [() => RateMachine, Excess]> = {
  bucket: [() => new TokenBucket(LIMIT, PER_MS, LIMIT), ofBucket],
  window: [() => new SlidingWindow(LIMIT, PER_MS), ofWindow],
  'wide window with room to grow': [() => new AllOf([new SlidingWindow(LIMIT, PER_MS), new SlidingWindow(40, 3000)]), ofWindow],
  'bucket and window': [() => new AllOf([new TokenBucket(1, 40, 2), new SlidingWindow(LIMIT, PER_MS)]), ofWindow],
  'window that a server blocked': [
    () => {
      const view = new ServerView(new SlidingWindow(LIMIT, PER_MS), 1e6)
      view.block(0, 200)
      return view
    },
    ofWindow,
  ],
}

const steps = fc.array(
  fc.record({
    after: fc.nat(120),
    cost: fc.integer({ min: 1, max: 2 }),
    act: fc.constantFrom('take', 'take', 'reserve', 'reserve', 'refund', 'restart'),
    which: fc.nat(),
  }),
  { maxLength: 60 },
)

describe('after a restart', () => {
  // T: 21
  for (const [name, [make, excess]] of Object.entries(machines))
    it(`a ${name} lets no more go than if it had never ended, for whom all calls that started are counted`, () => {
      fc.assert(
        fc.property(steps, (script) => {
          let machine = make()
          let now = 0.1
          let starts: Start[] = []
          for (const { after, cost, act, which } of script) {
            now += after
            const waiting = starts.filter(({ at }) => at > now)
            const given = act === 'refund' ? waiting[which % Math.max(1, waiting.length)] : undefined
            if (given !== undefined && machine.refund(given.at, given.cost, now)) starts = starts.filter((one) => one !== given)
            else if (act === 'take' && machine.tryTake(now, cost) === 0) starts.push({ at: now, cost })
            else if (act === 'reserve') starts.push({ at: now + machine.reserve(now, cost), cost })
            else if (act === 'restart') {
              const state = machine.dump(now)
              // Who waited died with the process.
              starts = starts.filter(({ at }) => at <= now)
              const elapsedMs = which % 100
              now += elapsedMs
              machine = make()
              machine.load(state, now, elapsedMs)
            }
          }
          if (starts.length > 0) expect(excess(starts)).toBeLessThanOrEqual(0.01)
        }),
        { numRuns: 300 },
      )
    })
})
