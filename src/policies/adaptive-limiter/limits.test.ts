import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../core/random.ts'
import { Aimd } from './aimd.ts'
import { Gradient2, type Gradient2Settings } from './gradient2.ts'
import type { Bounds, Limit } from './limit.ts'
import { type BaselineLimit, Probed } from './probed.ts'
import { Vegas } from './vegas.ts'

const bounds = (given: Partial<Bounds> = {}): Bounds => ({ initial: 20, min: 1, max: 100, inFlightFactor: 2, ...given })
const gradientSettings: Gradient2Settings = { tolerance: 1.5, smoothing: 0.2, queueSize: 4, backoff: 0.9 }

type Line = readonly [rttMs: number, inFlight: number, dropped: boolean, value: number, reason: string]

/** Plays windows one second apart. */
function play(limit: Pick<Limit, 'onSample' | 'value' | 'reason'>, lines: readonly Line[]) {
  for (const [index, [rttMs, inFlight, dropped, value, reason]] of lines.entries()) {
    limit.onSample(index * 1000, rttMs, inFlight, dropped)
    const at = `line ${index}: ${rttMs} ms, ${inFlight} in flight${dropped ? ', dropped' : ''}`
    expect([Math.round(limit.value * 100) / 100, limit.reason], at).toEqual([value, reason])
  }
}

describe('AIMD, window by window', () => {
  it('adds one to a limit that is used, and takes a tenth off after a loss', () => {
    play(new Aimd(bounds(), 0.9), [
      [10, 20, false, 21, 'growth'],
      [10, 11, false, 22, 'growth'],
      [10, 22, true, 19, 'loss'],
      [Number.NaN, 19, true, 17, 'loss'],
    ])
  })

  it('goes on from where it was left', () => {
    const aimd = new Aimd(bounds(), 0.9)
    aimd.restore(0, 33.7)
    expect([aimd.value, aimd.learnt, aimd.reason]).toEqual([33, 33, 'restored'])
  })

  it('takes at least one off, and stays within its bounds', () => {
    play(new Aimd(bounds({ initial: 4, min: 2, max: 4 }), 0.99), [
      [10, 4, true, 3, 'loss'],
      [10, 3, true, 2, 'loss'],
      [10, 3, true, 2, 'loss'],
      [10, 2, false, 3, 'growth'],
      [10, 3, false, 4, 'growth'],
      [10, 4, false, 4, 'growth'],
    ])
  })

  it('takes one off a limit too that growth left between two whole ones', () => {
    play(new Aimd(bounds({ initial: 4, inFlightFactor: 1.5 }), 0.99), [
      [10, 3, false, 4.5, 'growth'],
      [10, 4, true, 3.5, 'loss'],
    ])
  })

  // T: 29
  it('stands still while the application uses less than half of it', () => {
    play(new Aimd(bounds(), 0.9), [
      [10, 9, false, 20, 'start'],
      [10, 0, false, 20, 'start'],
    ])
  })

  // T: 29
  it('grows no further than twice what ran', () => {
    play(new Aimd(bounds({ initial: 3, inFlightFactor: 1 }), 0.9), [
      [10, 2, false, 3, 'growth'],
      [10, 3, false, 3, 'growth'],
      [10, 4, false, 4, 'growth'],
    ])
  })
})

describe('Vegas, window by window', () => {
  it('leaps while nothing queues, creeps while little does, rests, and shrinks when much does', () => {
    play(new Vegas(bounds({ initial: 50 }), 1), [
      [100, 50, false, 50, 'start'], // the baseline
      [100, 50, false, 56, 'growth'], // a queue of 0: by 6
      [102, 56, false, 57, 'growth'], // of 2: by 1
      [106, 57, false, 57, 'growth'], // of 4: enough
      [105.5, 57, false, 57, 'growth'], // of 3: the least that is
      [111, 57, false, 57, 'growth'], // of 6: the most that is
      [112, 57, false, 56, 'queueing'], // of 7: too many
    ])
  })

  it('takes a faster window for its baseline, and does nothing else then', () => {
    const vegas = new Vegas(bounds(), 1)
    play(vegas, [
      [100, 20, false, 20, 'start'],
      [80, 20, false, 20, 'start'],
    ])
    expect(vegas.baselineMs).toBe(80)
  })

  it('steps by the logarithm, and by the part of a step that smoothing leaves', () => {
    play(new Vegas(bounds({ initial: 100, max: 1000 }), 0.5), [
      [100, 100, false, 100, 'start'],
      [100, 100, false, 106, 'growth'], // half of 6 × 2
      [500, 106, false, 105, 'queueing'], // half of 2
      [Number.NaN, 106, true, 104, 'loss'],
    ])
    play(new Vegas(bounds({ initial: 200, max: 1000 }), 1), [
      [100, 200, false, 200, 'start'],
      [105, 200, false, 200, 'start'], // a queue of 10 rests between 6 and 12
      [102.5, 200, false, 202, 'growth'], // one of 5 creeps
    ])
  })

  // T: 29
  it('takes a loss for a reason to shrink even before it knows a baseline, or when idle', () => {
    play(new Vegas(bounds(), 1), [
      [Number.NaN, 20, true, 19, 'loss'],
      [100, 1, false, 19, 'loss'],
      [100, 1, true, 18, 'loss'],
    ])
  })

  // T: 29
  it('stands still while the application uses less than half of it, and grows no further than twice what ran', () => {
    play(new Vegas(bounds(), 1), [
      [100, 20, false, 20, 'start'],
      [100, 9, false, 20, 'start'],
      [100, 11, false, 22, 'growth'],
    ])
  })
})

describe('Gradient2, window by window', () => {
  const make = (given: Partial<Bounds> = {}) => new Gradient2(bounds(given), gradientSettings)

  it('grows by its queue, smoothed, while calls are as fast as ever', () => {
    play(make(), [
      [100, 20, false, 20.8, 'growth'],
      [140, 21, false, 21.6, 'growth'], // within the tolerance
    ])
  })

  it('shrinks with the ratio of the long-term round trip to this one, and never by more than half, smoothed', () => {
    play(make({ initial: 50 }), [
      [100, 40, false, 50.8, 'growth'],
      [300, 60, false, 46.52, 'queueing'], // 50.8 × (0.8 + 0.2 × 0.5) + 0.8
      [9000, 60, false, 42.67, 'queueing'],
    ])
  })

  it('goes on from a baseline that it is given, or from none', () => {
    const gradient = make()
    gradient.rebase(30, 100, 'restored')
    expect([gradient.value, gradient.baselineMs, gradient.reason]).toEqual([30, 100, 'restored'])
    gradient.onSample(0, 300, 40, false)
    expect(gradient.baselineMs).toBe(100)
    gradient.rebase(30, undefined, 'restored')
    expect(gradient.baselineMs).toBeUndefined()
    gradient.onSample(1, 300, 40, false)
    expect(gradient.baselineMs).toBe(300)
  })

  // T: 29
  it('does not take the queue of its own full limit for the new normal', () => {
    const gradient = make()
    gradient.onSample(0, 100, 10, false)
    for (let window = 1; window < 1000; window++) gradient.onSample(window, 400, Math.floor(gradient.value), false)
    expect(gradient.baselineMs).toBe(100)
  })

  it('counts a full window that was as fast as ever for nothing', () => {
    const gradient = make()
    gradient.onSample(0, 100, 5, false)
    gradient.onSample(1, 100, 20, false)
    gradient.onSample(2, 200, 5, false)
    expect(gradient.baselineMs).toBe(150)
  })

  it('says that it grows while it stands where half of it and its queue are all of it', () => {
    const gradient = make()
    gradient.rebase(8, 100, 'restored')
    play(gradient, [[300, 8, false, 8, 'growth']])
  })

  it('takes slower calls for the new normal where the limit was not full, in time', () => {
    const gradient = make()
    for (let window = 0; window < 10; window++) gradient.onSample(window, 100, 5, false)
    gradient.onSample(10, 401, 5, false)
    expect(gradient.baselineMs).toBeCloseTo(100 + (301 * 2) / 601)
    for (let window = 0; window < 2000; window++) gradient.onSample(window, 401, 5, false)
    expect(gradient.baselineMs).toBeGreaterThan(395)
  })

  it('comes back from a long overload without waiting for the smoothing', () => {
    const gradient = make()
    gradient.onSample(0, 1000, 5, false)
    for (let window = 0; window < 9; window++) gradient.onSample(window, 1000, 5, false)
    gradient.onSample(10, 100, 5, false)
    expect(gradient.baselineMs).toBeCloseTo(0.9 * (1000 - (900 * 2) / 601))
    const twice = make()
    twice.rebase(20, 300, 'restored')
    twice.onSample(0, 100, 5, false)
    expect(twice.baselineMs, 'twice as slow as now is not a long overload').toBe(200)
  })

  // T: 29
  it('shrinks after a loss, and learns no round trip from it', () => {
    const gradient = make()
    play(gradient, [
      [Number.NaN, 20, true, 18, 'loss'],
      [9, 20, true, 16.2, 'loss'],
    ])
    expect(gradient.baselineMs).toBeUndefined()
  })

  // T: 29
  it('stands still while the application uses less than half of it, and grows no further than twice what ran', () => {
    play(make(), [
      [100, 9, false, 20, 'start'],
      [100, 10, false, 20, 'growth'],
    ])
    play(make({ initial: 4 }), [[100, 2, false, 4, 'growth']])
  })
})

describe('a probe', () => {
  /** Remembers what it is told. */
  class Recorder implements BaselineLimit {
    value = 32
    readonly reason = 'growth'
    baselineMs: number | undefined
    readonly heard: unknown[] = []
    onSample(_now: number, rttMs: number, inFlight: number, dropped: boolean): void {
      this.heard.push([rttMs, inFlight, dropped])
    }
    rebase(value: number, baselineMs: number | undefined, reason: string): void {
      this.value = value
      this.baselineMs = baselineMs
      this.heard.push(`${reason} ${value} ${baselineMs}`)
    }
  }
  const make = (everyMs = 1000) => {
    const inner = new Recorder()
    return { inner, probed: new Probed(inner, 2, everyMs, () => 0.5) }
  }

  // T: 29
  it('halves a full limit until the round trip no longer falls, and goes on with what ran without a queue', () => {
    const { inner, probed } = make()
    probed.onSample(0, 400, 32, false)
    expect([probed.value, probed.reason, probed.learnt]).toEqual([16, 'probe', 32])
    probed.onSample(1, 200, 16, false)
    expect(probed.value).toBe(8)
    probed.onSample(2, 100, 8, false)
    expect(probed.value).toBe(4)
    probed.onSample(3, 98, 4, false)
    expect([probed.value, probed.baselineMs]).toEqual([32 * (98 / 400), 98])
    expect(inner.heard).toEqual(['probe 7.84 98'])
  })

  it('gives back the whole limit when there was no queue', () => {
    const { inner, probed } = make()
    probed.onSample(0, 100, 32, false)
    probed.onSample(1, 105, 16, false)
    expect([probed.value, inner.baselineMs]).toEqual([32, 100])
  })

  it('takes a round trip that fell by a tenth for one that no longer falls', () => {
    const { inner, probed } = make()
    probed.onSample(0, 100, 32, false)
    probed.onSample(1, 90, 16, false)
    expect([probed.value, inner.baselineMs]).toEqual([32 * 0.9, 90])
  })

  it('ends at the least limit at the latest', () => {
    const { probed } = make()
    const seen: [number, string][] = []
    for (let window = 0; window < 5; window++) {
      probed.onSample(window, 1000 / 2 ** window, 32, false)
      seen.push([probed.value, probed.reason])
    }
    expect(seen).toEqual([
      [16, 'probe'],
      [8, 'probe'],
      [4, 'probe'],
      [2, 'probe'],
      [2, 'growth'],
    ])
  })

  it('is made once in a while, and only of a full limit; a limit that is half empty shows its baseline as it is', () => {
    const { inner, probed } = make()
    probed.onSample(0, 100, 5, false)
    expect(inner.heard).toEqual(['growth 32 100', [100, 5, false]])
    probed.onSample(749, 200, 32, false)
    expect([probed.reason, inner.heard.length]).toEqual(['growth', 3])
    probed.onSample(750, 200, 20, false)
    expect(probed.reason).toBe('growth')
    probed.onSample(750, 200, 32, false)
    expect(probed.reason).toBe('probe')
  })

  it('of a limit that cannot go down takes the round trip as it is', () => {
    const { inner, probed } = make()
    inner.value = 2
    probed.onSample(0, 100, 2, false)
    expect(inner.heard).toEqual(['growth 2 100', [100, 2, false]])
  })

  it('is not begun by a loss, and a loss ends it with what was measured so far', () => {
    const { inner, probed } = make()
    probed.onSample(0, 100, 32, true)
    expect(inner.heard.splice(0)).toEqual([[100, 32, true]])
    probed.onSample(1, 200, 32, false)
    probed.onSample(2, 120, 16, false)
    probed.onSample(3, Number.NaN, 8, true)
    expect(inner.heard).toEqual([`probe ${32 * 0.6} 120`, [Number.NaN, 8, true]])
  })

  it('is due at once after a restart that brought no baseline, and later after one that did', () => {
    const { inner, probed } = make()
    probed.restore(0, 50, 80)
    expect(inner.heard).toEqual(['restored 50 80'])
    probed.onSample(1, 100, 50, false)
    expect(probed.reason).toBe('growth')
    probed.restore(2, 50, undefined)
    probed.onSample(3, 100, 50, false)
    expect(probed.reason).toBe('probe')
  })
})

/** The formulas written down once more, from scratch and without state: what a whole history comes to. */
function naiveGradient2(history: readonly (readonly [number, number, boolean])[], { initial, min, max, inFlightFactor }: Bounds) {
  const between = (value: number): number => Math.max(min, Math.min(max, value))
  let remembered: number[] = []
  const long = (): number => {
    const first = remembered.slice(0, 10)
    let mean = first.reduce((sum, value) => sum + value, 0) / first.length
    for (const value of remembered.slice(10)) mean = mean * (1 - 2 / 601) + value * (2 / 601)
    return mean
  }
  let value = initial
  for (const [rttMs, inFlight, dropped] of history) {
    if (dropped) value = between(value * 0.9)
    else {
      if (remembered.length === 0 || rttMs < long() || inFlight < Math.floor(value)) remembered.push(rttMs)
      // This history never falls back from a long overload, so nothing is cut short.
      if (inFlight >= value / 2) {
        const gradient = Math.max(0.5, Math.min(1, (1.5 * long()) / rttMs))
        const next = value * 0.8 + (value * gradient + 4) * 0.2
        value = between(next > value ? Math.min(next, Math.max(value, inFlight * inFlightFactor)) : next)
      }
    }
    remembered = [...remembered]
  }
  return value
}

const sample = (slowest: number) =>
  fc.tuple(fc.double({ min: 50, max: slowest, noNaN: true }), fc.integer({ min: 0, max: 120 }), fc.boolean())

describe('every algorithm', () => {
  it('Gradient2 follows its formula', () => {
    fc.assert(
      fc.property(fc.array(sample(99), { maxLength: 60 }), (history) => {
        const limit = new Gradient2(bounds(), gradientSettings)
        for (const [rttMs, inFlight, dropped] of history) limit.onSample(0, rttMs, inFlight, dropped)
        expect(limit.value).toBeCloseTo(naiveGradient2(history, bounds()), 6)
      }),
    )
  })

  it('AIMD and Vegas follow theirs', () => {
    fc.assert(
      fc.property(fc.array(sample(500), { maxLength: 60 }), (history) => {
        const [aimd, vegas] = [new Aimd(bounds(), 0.8), new Vegas(bounds(), 1)]
        let [a, v] = [20, 20]
        const seen: number[] = []
        for (const [rttMs, inFlight, dropped] of history) {
          aimd.onSample(0, rttMs, inFlight, dropped)
          vegas.onSample(0, rttMs, inFlight, dropped)
          if (dropped) {
            a = Math.max(1, Math.min(a - 1, Math.floor(a * 0.8)))
            v = Math.max(1, v - (v >= 100 ? 2 : 1))
          } else {
            if (2 * inFlight >= a) a = Math.max(a, Math.min(100, a + 1, 2 * inFlight))
            const baseline = Math.min(...seen)
            seen.push(rttMs)
            if (rttMs >= baseline && 2 * inFlight >= v) {
              const step = v >= 100 ? 2 : 1
              const queue = Math.ceil(v * (1 - baseline / rttMs))
              const to = queue <= step ? v + 6 * step : queue < 3 * step ? v + step : queue > 6 * step ? v - step : v
              v = to > v ? Math.max(v, Math.min(100, to, 2 * inFlight)) : Math.max(1, to)
            }
          }
          expect([aimd.value, vegas.value]).toEqual([a, v])
        }
      }),
    )
  })

  // T: 29
  it('never leaves its bounds, whatever it is told and whatever it is restored to', () => {
    const wild = fc.oneof(
      fc.record({ rttMs: fc.double({ min: 0.001, max: 1e6, noNaN: true }), inFlight: fc.nat(1e6), dropped: fc.boolean() }),
      fc.record({ rttMs: fc.constant(Number.NaN), inFlight: fc.nat(1e6), dropped: fc.constant(true) }),
      fc.record({
        restore: fc.double({ min: 1e-9, max: 1e9, noNaN: true }),
        baselineMs: fc.option(fc.double({ min: 1, max: 1e4, noNaN: true })),
      }),
    )
    const range = fc.tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 100 }))
    fc.assert(
      fc.property(range, fc.array(wild, { maxLength: 100 }), fc.nat(), ([min, up, further], steps, seed) => {
        const within = bounds({ min, initial: min + up, max: min + up + further })
        const random = seededRandom(seed)
        const limits: Limit[] = [
          new Aimd(within, 0.5),
          new Probed(new Vegas(within, 1), min, 5000, random),
          new Probed(new Gradient2(within, { ...gradientSettings, smoothing: 1 }), min, 5000, random),
        ]
        for (const [second, step] of steps.entries())
          for (const limit of limits) {
            if ('restore' in step) limit.restore(second * 1000, step.restore, step.baselineMs ?? undefined)
            else limit.onSample(second * 1000, step.rttMs, step.inFlight, step.dropped)
            expect(limit.value).toBeGreaterThanOrEqual(min)
            expect(limit.value).toBeLessThanOrEqual(within.max)
          }
      }),
    )
  })
})
