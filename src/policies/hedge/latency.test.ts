import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bucketOf, LATENCY_BUCKETS, LatencyWindow, upperEdge } from './latency.ts'

/** A bucket's width, and a hair for rounding. */
const WIDTH = 2 ** (1 / 16) * (1 + 1e-9)

describe('latency buckets', () => {
  it('hold every latency between their edges', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.02, max: 1e6, noNaN: true }), (ms) => {
        const edge = upperEdge(bucketOf(ms))
        expect(edge).toBeGreaterThanOrEqual(ms * (1 - 1e-12))
        expect(edge).toBeLessThanOrEqual(ms * WIDTH)
      }),
    )
  })

  it('take whatever a clock may tell', () => {
    expect([0, -1, Number.NaN, 1e-9].map(bucketOf)).toEqual([0, 0, 0, 0])
    expect([1e300, Number.POSITIVE_INFINITY].map(bucketOf)).toEqual([LATENCY_BUCKETS - 1, LATENCY_BUCKETS - 1])
  })
})

describe('a latency window', () => {
  it('knows nothing at first', () => {
    const window = new LatencyWindow(1000)
    expect([window.count(0), window.quantile(0.95, 0), window.samples(0)]).toEqual([0, 0, []])
  })

  // T: 6, 30
  it('agrees with a sorted list of what is recent, to the width of a bucket', () => {
    const sample = fc.record({ after: fc.oneof(fc.nat(30), fc.nat(1500)), ms: fc.double({ min: 0.02, max: 5000, noNaN: true }) })
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 80 }), fc.double({ min: 0.01, max: 0.999, noNaN: true }), (samples, share) => {
        const window = new LatencyWindow(1000)
        const all: { at: number; ms: number }[] = []
        let now = -700
        for (const { after, ms } of samples) {
          now += after
          window.record(ms, now)
          all.push({ at: now, ms })
          const half = (at: number) => Math.floor(at / 500)
          const recent = all.filter(({ at }) => half(at) >= half(now) - 1).map((one) => one.ms)
          recent.sort((a, b) => a - b)
          const exact = recent[Math.ceil(share * recent.length) - 1]!
          expect(window.count(now)).toBe(recent.length)
          expect(window.quantile(share, now)).toBeGreaterThanOrEqual(exact * (1 - 1e-12))
          expect(window.quantile(share, now)).toBeLessThanOrEqual(exact * WIDTH)
        }
      }),
      { numRuns: 200 },
    )
  })

  it('forgets half a window at a time', () => {
    const window = new LatencyWindow(1000)
    window.record(1, 0)
    window.record(100, 500)
    expect([499, 500, 999, 1000, 1499, 1500].map((at) => window.count(at))).toEqual([2, 2, 2, 1, 1, 0])
    expect(window.quantile(0.5, 1500)).toBe(0)
    window.record(7, 1500)
    expect(window.samples(1500)).toEqual([[bucketOf(7), 1]])
    window.record(7, 2000)
    window.record(900, 2000)
    expect(window.samples(2000)).toEqual([
      [bucketOf(7), 2],
      [bucketOf(900), 1],
    ])
    expect(window.samples(3000)).toEqual([])
  })

  it('takes back what another knew, as of now', () => {
    const window = new LatencyWindow(1000)
    const other = new LatencyWindow(1000)
    for (const ms of [1, 20, 20, 300]) window.record(ms, 0)
    other.record(5000, 777_100)
    other.restore(window.samples(0), 777_100)
    expect(other.samples(777_100)).toEqual(window.samples(0))
    expect([other.count(777_999), other.count(778_000)]).toEqual([4, 0])
  })
})
