import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { type CircuitBreaker, circuitBreaker } from './circuit-breaker.ts'

const YEAR = 365 * 86_400_000

async function due(listen: (breaker: CircuitBreaker) => void) {
  const clock = new VirtualClock()
  const breaker = circuitBreaker({ clock, trip: { consecutive: 1 }, openFor: 10 })
  await breaker.execute(() => Promise.reject(new Error('down'))).catch(() => {})
  await clock.advance(10)
  breaker.observe((event) => {
    if (event.type === 'circuit-breaker.changed' && event.to === 'half-open') listen(breaker)
  })
  let calls = 0
  const end = await breaker.execute(() => ++calls).catch((error: { code: string }) => error.code)
  return { breaker, end, probes: breaker.status().probes.running }
}

describe('a listener that acts on a breaker as it begins to probe', () => {
  // T: 19
  it('and isolates it, is obeyed by the very call that would have been the probe', async () => {
    const { breaker, end, probes } = await due((one) => one.isolate('not yet'))
    expect([breaker.state, end, probes]).toEqual(['isolated', 'ERR_CIRCUIT_ISOLATED', 0])
  })

  it('and opens it again, or closes it, too', async () => {
    expect(await due((one) => one.trip('not yet'))).toMatchObject({ end: 'ERR_CIRCUIT_OPEN', probes: 0 })
    expect(await due((one) => one.reset())).toMatchObject({ end: 1, probes: 0 })
  })
})

describe('what a breaker goes on from', () => {
  const clock = new VirtualClock()

  // T: 21
  it('isolates no longer than it was meant to, though the clock was a year ahead when it was stored', () => {
    const before = circuitBreaker({ clock })
    before.isolate({ for: '1h' })
    const { since, isolatedUntil, ...stored } = before.snapshot()
    const after = circuitBreaker({ clock })
    after.hydrate({ ...stored, since: since + YEAR, isolatedUntil: isolatedUntil + YEAR })
    expect(after.status()).toMatchObject({ state: 'isolated', isolatedUntil: clock.wallNow() + 3_600_000 })
  })

  it('is refused when its state only reads like one', async () => {
    const breaker = circuitBreaker({ clock })
    for (const state of [['closed'], { toString: () => 'open' }])
      expect(() => breaker.hydrate({ version: 2, state })).toThrow('must be a circuit breaker snapshot')
    expect(await breaker.execute(() => 'works')).toBe('works')
  })
})
