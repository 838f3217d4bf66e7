import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SampleWindow, type SampleWindowSettings } from './sample-window.ts'

const make = (given: Partial<SampleWindowSettings> = {}) =>
  new SampleWindow({ ms: 1000, minSamples: 3, percentile: 0.5, lossTolerance: 0.01, ...given }, 0)

describe('a window of samples', () => {
  it('is ready after its time and its samples, losses among them', () => {
    const window = make()
    window.add(5)
    window.lose()
    expect([window.ready(999), window.ready(1000)]).toEqual([false, false])
    window.add(5)
    expect([window.ready(999), window.ready(1000)]).toEqual([false, true])
    window.begin(1000, 0)
    expect(window.ready(5000)).toBe(false)
  })

  it('has the fastest, or a percentile within 1.1 % of the true one', () => {
    const rtts = fc.array(fc.double({ min: 0.01, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 300 })
    fc.assert(
      fc.property(rtts, fc.double({ min: 0, max: 1, noNaN: true }), (values, percentile) => {
        const window = make({ percentile })
        for (const value of values) window.add(value)
        const sorted = [...values].sort((a, b) => a - b)
        const truth = sorted[Math.max(0, Math.ceil(values.length * percentile) - 1)]!
        expect(Math.abs(window.rttMs / truth - 1)).toBeLessThan(0.011)
      }),
    )
  })

  it('is exact where all calls took the same, and clamps what no histogram can hold', () => {
    const window = make()
    for (let call = 0; call < 9; call++) window.add(123.4)
    expect(window.rttMs).toBe(123.4)
    const odd = make({ percentile: 1 })
    odd.add(0)
    expect(odd.rttMs).toBe(2 ** -10)
    odd.add(1e12)
    expect(odd.rttMs).toBeGreaterThan(4 * 3_600_000)
    expect(odd.rttMs, 'the middle of the last step').toBeLessThan(2 ** 24)
  })

  it('has no round trip when nothing came back', () => {
    const window = make()
    for (let call = 0; call < 3; call++) window.lose()
    expect([window.rttMs, window.dropped, window.ready(1000)]).toEqual([Number.NaN, true, true])
  })

  it('counts as a loss from more than the tolerated part on', () => {
    const window = make({ lossTolerance: 0.1 })
    for (let call = 0; call < 9; call++) window.add(1)
    window.lose()
    expect(window.dropped).toBe(false)
    window.lose()
    expect(window.dropped).toBe(true)
  })

  it('does not wait for its time when as many are lost as make a window', () => {
    const window = make()
    window.lose()
    window.lose()
    expect(window.ready(10)).toBe(false)
    window.lose()
    expect(window.ready(10)).toBe(true)
    const tolerant = make({ lossTolerance: 0.5 })
    for (let call = 0; call < 3; call++) tolerant.add(1)
    for (let call = 0; call < 3; call++) tolerant.lose()
    expect(tolerant.ready(10)).toBe(false)
  })

  it('keeps the most that ran at once, beginning with what ran before it', () => {
    const window = make()
    window.begin(0, 4)
    window.admitted(3)
    expect(window.maxInFlight).toBe(4)
    window.admitted(7)
    window.admitted(5)
    expect(window.maxInFlight).toBe(7)
  })

  it('forgets all of it when it begins anew', () => {
    const window = make({ minSamples: 1 })
    for (let call = 0; call < 100; call++) window.add(1000)
    window.lose()
    window.begin(1000, 0)
    window.add(1)
    expect([window.rttMs, window.dropped, window.maxInFlight]).toEqual([1, false, 0])
    for (let call = 0; call < 100; call++) window.add(10)
    window.begin(2000, 0)
    for (const ms of [1, 1000, 1000]) window.add(ms)
    expect(window.rttMs).toBeGreaterThan(900)
  })
})
