import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../core/random.ts'
import { LatencyHistogram, NO_LATENCY, RecentLatency } from './latency.ts'

describe('a latency histogram', () => {
  // R: X11
  // T: 30
  it('knows quantiles to 4 %, without keeping samples', () => {
    const random = seededRandom(7)
    const samples = Array.from({ length: 20_000 }, () => Math.exp(random() * 9 - 2))
    const histogram = new LatencyHistogram()
    for (const sample of samples) histogram.record(sample)
    samples.sort((a, b) => a - b)
    const { count, minMs, avgMs, p50Ms, p95Ms, p99Ms } = histogram.summary()
    const exact = (share: number): number => samples[Math.ceil(samples.length * share) - 1] as number
    expect(count).toBe(20_000)
    expect(minMs).toBeCloseTo(samples[0] as number, 2)
    expect(avgMs).toBeCloseTo(samples.reduce((sum, sample) => sum + sample, 0) / samples.length, 2)
    for (const [seen, share] of [
      [p50Ms, 0.5],
      [p95Ms, 0.95],
      [p99Ms, 0.99],
    ] as const)
      expect(Math.abs(seen / exact(share) - 1)).toBeLessThan(0.04)
  })

  it('takes samples that are nothing, negative, endless or no number', () => {
    const histogram = new LatencyHistogram()
    for (const sample of [0, -5, Number.NaN, 1e12]) histogram.record(sample)
    expect(histogram.summary()).toMatchObject({ count: 4, minMs: 0 })
    expect(new LatencyHistogram().summary()).toBe(NO_LATENCY)
  })

  it('says the sample itself when there is one', () => {
    const histogram = new LatencyHistogram()
    histogram.record(42)
    expect(histogram.summary()).toEqual({ count: 1, minMs: 42, avgMs: 42, p50Ms: 42, p95Ms: 42, p99Ms: 42 })
  })
})

describe('recent latency', () => {
  // T: 6
  it('forgets samples between one and two windows old, and all of them after a silence', () => {
    const recent = new RecentLatency(1000)
    recent.record(10, 0)
    expect(recent.summary(900).count).toBe(1)
    recent.record(20, 1500)
    expect(recent.summary(1500)).toMatchObject({ count: 2, minMs: 10 })
    expect(recent.summary(2600)).toMatchObject({ count: 1, minMs: 20 })
    recent.record(30, 2700)
    expect(recent.summary(9000).count).toBe(0)
  })
})
