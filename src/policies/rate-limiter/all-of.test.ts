import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AllOf } from './all-of.ts'
import { SlidingWindow, TokenBucket } from './machine.ts'

describe('several limits at once', () => {
  it('allow what all of them allow, and count in none what one refuses', () => {
    const all = new AllOf([new TokenBucket(2, 1000, 2), new SlidingWindow(3, 60_000)])
    expect([all.capacity, all.remaining(0)]).toEqual([2, 2])
    expect([0, 0, 0, 500, 1000].map((now) => all.tryTake(now, 1))).toEqual([0, 0, 500, 0, 59_000])
    // Refused by the window, nothing was taken from the bucket.
    expect([all.remaining(60_000), all.tryTake(60_000, 2), all.take(60_000, 1)]).toEqual([
      2,
      0,
      { allowed: false, retryAfterMs: 500, remaining: 0 },
    ])
    expect([all.isIdle(119_999), all.isIdle(120_000)]).toEqual([false, true])
  })

  it('take the latest place back without a trace, whatever is between its time and now', () => {
    const bucket = new TokenBucket(10, 1000, 10)
    const window = new SlidingWindow(2, 60_000)
    const all = new AllOf([bucket, window])
    all.reserve(0, 2)
    expect([all.reserve(1, 2), bucket.wait(1, 1)]).toEqual([59_999, 59_299])
    expect([all.refund(60_000, 2), bucket.wait(1, 8), window.wait(59_999, 1)]).toEqual([true, 0, 1])
    expect(all.refund(60_000, 2)).toBe(false)
  })

  it('give nothing back for a place that has passed and was followed by others', () => {
    const all = new AllOf([new TokenBucket(10, 1000, 1), new SlidingWindow(2, 1000)])
    all.reserve(0, 1)
    all.reserve(0, 1)
    expect(all.tryTake(1000, 1)).toBe(0)
    expect([all.refund(100, 1), all.wait(1000, 1)]).toEqual([false, 100])
  })

  it('take a place back whose time has come, while nobody has taken another', () => {
    const all = new AllOf([new TokenBucket(2, 1000, 2), new TokenBucket(9, 60_000, 9)])
    all.reserve(0, 1)
    const { mark } = all
    expect([all.refund(0, 1, 5, mark), all.remaining(5)]).toEqual([true, 2])
    all.reserve(5, 1)
    const later = all.mark
    all.reserve(6, 1)
    expect([all.refund(5, 1, 7, later), all.remaining(7)]).toEqual([false, 0])
  })

  it('take over what was told of each, and nothing of what is no list', () => {
    const parts = [new TokenBucket(10, 1000, 10), new SlidingWindow(5, 60_000)] as const
    const all = new AllOf(parts)
    all.occupy(0, 0, 4)
    all.load([5, [-10, -20]], 0, 0)
    expect([parts.map((machine) => machine.remaining(0)), all.wait(0, 4)]).toEqual([[10, 3], 59_980])
    all.load([[300]], 0, 0)
    expect(parts.map((machine) => machine.remaining(0))).toEqual([7, 5])
  })

  it('are penalized, rewarded, drained and undone together', () => {
    const parts = [new TokenBucket(10, 1000, 10), new SlidingWindow(5, 60_000)] as const
    const all = new AllOf(parts)
    const left = () => parts.map((machine) => machine.remaining(0))
    all.penalize(0, 2)
    expect(left()).toEqual([8, 3])
    all.reward(0, 1)
    expect(left()).toEqual([9, 4])
    all.reserve(0, 2)
    expect(left()).toEqual([7, 2])
    all.undo(0, 2)
    expect(left()).toEqual([9, 4])
    all.reserve(0, 4)
    const at = all.reserve(0, 1)
    all.undo(at, 1)
    expect([left(), all.wait(0, 1)]).toEqual([[5, 0], 60_000])
    all.drain(0)
    expect(left()).toEqual([0, 0])
  })

  it('give no place back after something else was counted or taken over', () => {
    const changes: Record<string, (all: AllOf) => void> = {
      penalty: (all) => all.penalize(0, 1),
      load: (all) => all.load(all.dump(0), 0, 0),
      nothing: () => {},
    }
    const answers = Object.entries(changes).map(([name, change]) => {
      const all = new AllOf([new TokenBucket(10, 1000, 1), new SlidingWindow(2, 1000)])
      all.reserve(0, 1)
      all.reserve(0, 1)
      const { mark } = all
      change(all)
      return [name, all.refund(100, 1, 50), all.mark === mark]
    })
    expect(answers).toEqual([
      ['penalty', false, false],
      ['load', false, false],
      ['nothing', true, false],
    ])
  })

  it('agree with a list of all admissions, after any sequence of takes, places and refunds', () => {
    const steps = fc.array(
      fc.record({
        after: fc.nat(120),
        cost: fc.integer({ min: 1, max: 2 }),
        act: fc.constantFrom('take', 'reserve', 'refund last'),
      }),
      { maxLength: 50 },
    )
    fc.assert(
      fc.property(steps, (script) => {
        const limits = [
          { limit: 2, per: 100 },
          { limit: 5, per: 700 },
        ]
        const all = new AllOf(limits.map(({ limit, per }) => new SlidingWindow(limit, per)))
        let admitted: { at: number; cost: number }[] = []
        let now = 0
        const earliest = (cost: number): number => {
          const latest = Math.max(now, ...admitted.map(({ at }) => at))
          const used = (from: number, to: number) =>
            admitted.filter(({ at }) => at > from && at <= to).reduce((sum, one) => sum + one.cost, 0)
          const candidates = [latest, ...admitted.flatMap(({ at }) => limits.map(({ per }) => at + per))]
          const fits = (at: number) => at >= latest && limits.every(({ limit, per }) => used(at - per, at) + cost <= limit)
          return Math.min(...candidates.filter(fits))
        }
        for (const { after, cost, act } of script) {
          now += after
          const last = admitted.at(-1)
          if (act === 'refund last') {
            if (last === undefined || last.at <= now) continue
            expect(all.refund(last.at, last.cost, now)).toBe(true)
            admitted = admitted.slice(0, -1)
            continue
          }
          const at = earliest(cost)
          expect(all.wait(now, cost)).toBeCloseTo(at - now, 6)
          if (act === 'take' && at > now) expect(all.tryTake(now, cost)).toBeGreaterThan(0)
          else {
            if (act === 'take') all.tryTake(now, cost)
            else all.reserve(now, cost)
            admitted.push({ at, cost })
          }
        }
      }),
      { numRuns: 500 },
    )
  })
})
