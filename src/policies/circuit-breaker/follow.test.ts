/** What a breaker does because other processes have found something out. */
import { describe, expect, it } from 'vitest'
import type { RejectedError } from '../../core/errors.ts'
import type { HoldfastEvent } from '../../core/events.ts'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { type CircuitBreaker, type CircuitBreakerOptions, circuitBreaker } from './circuit-breaker.ts'

const make = (options: CircuitBreakerOptions = {}) => {
  const clock = new VirtualClock()
  const breaker = circuitBreaker({ trip: { consecutive: 2 }, openFor: 1000, openForMax: 8000, clock, ...options })
  const events: HoldfastEvent[] = []
  breaker.observe((event) => events.push(event))
  const changes = () =>
    events.flatMap((event) => (event.type === 'circuit-breaker.changed' ? [`${event.to}: ${event.reason}`] : []))
  return { clock, breaker, events, changes }
}
const fail = (breaker: CircuitBreaker) =>
  breaker.execute(() => Promise.reject(new Error('down'))).catch((thrown: unknown) => thrown)
const refusal = (breaker: CircuitBreaker) => breaker.execute(() => 1).catch((error: unknown) => error as RejectedError)

describe('a breaker that follows others', () => {
  it('opens with their reason and for what is left of their time, and says so once', async () => {
    const { clock, breaker, changes } = make()
    breaker.follow({ reason: 'opened elsewhere', openFor: 3000 })
    expect(await refusal(breaker)).toMatchObject({ code: 'ERR_CIRCUIT_OPEN', retryAfterMs: 3000 })
    breaker.follow({ reason: 'again', openFor: 5000 })
    expect(breaker.peek()).toEqual({ retryAfterMs: 5000 })
    breaker.follow({ reason: 'shorter', openFor: 2000 })
    expect(breaker.status()).toMatchObject({ state: 'open', reason: 'opened elsewhere', opened: 1 })
    await clock.advance(2000)
    expect(await breaker.execute(() => 1)).toBe(1)
    expect(changes()).toEqual(['open: opened elsewhere', 'half-open: the open time is over', 'closed: 1 probes succeeded'])
  })

  it('stays open no longer than its own longest open time', () => {
    const { breaker } = make()
    breaker.follow({ reason: 'opened elsewhere', openFor: '1d' })
    expect(breaker.peek()).toEqual({ retryAfterMs: 8000 })
  })

  it('goes on from their openings in a row', async () => {
    const { clock, breaker } = make()
    breaker.follow({ reason: 'opened elsewhere', openFor: 500, openings: 2 })
    await clock.advance(500)
    await fail(breaker)
    expect(breaker.peek()).toEqual({ retryAfterMs: 4000 })
  })

  it('takes no notice while it is isolated or disabled', () => {
    const { breaker } = make()
    breaker.isolate()
    breaker.follow({ reason: 'opened elsewhere', openFor: 1000 })
    breaker.recover('answers elsewhere')
    expect(breaker.state).toBe('isolated')
    breaker.reset()
    breaker.disable()
    breaker.follow({ reason: 'opened elsewhere', openFor: 1000 })
    expect(breaker.state).toBe('disabled')
  })

  it('gives up a half-open state without a probe for the open one', async () => {
    const { clock, breaker } = make()
    await fail(breaker)
    await fail(breaker)
    breaker.probe()
    breaker.follow({ reason: 'another process probes', openFor: 0 })
    breaker.holdProbes(300)
    expect([breaker.state, breaker.peek()]).toEqual(['open', { retryAfterMs: 300 }])
    await clock.advance(300)
    expect(await breaker.execute(() => 1)).toBe(1)
  })

  it('refuses wrong times', () => {
    const { breaker } = make()
    expect(() => breaker.follow({ reason: 'x', openFor: -1 })).toThrow(/follow.openFor/)
    expect(() => breaker.holdProbes('soon')).toThrow(/holdProbes.wait/)
  })
})

describe('a breaker whose probes wait for leave', () => {
  it('refuses beyond its open time, with an ETA, until the wait is over', async () => {
    const { clock, breaker } = make()
    await fail(breaker)
    await fail(breaker)
    breaker.holdProbes(1500)
    expect(breaker.peek()).toEqual({ retryAfterMs: 1000 })
    await clock.advance(1100)
    expect(await refusal(breaker)).toMatchObject({ code: 'ERR_CIRCUIT_OPEN', retryAfterMs: 400, message: /may be probing/ })
    expect([breaker.peek(), breaker.state]).toEqual([{ retryAfterMs: 400 }, 'open'])
    await clock.advance(400)
    expect(await breaker.execute(() => 1)).toBe(1)
  })

  it('probes at once when told to, or when the wait is taken back', async () => {
    for (const leave of [(it: CircuitBreaker) => it.probe(), (it: CircuitBreaker) => it.holdProbes(0)]) {
      const { clock, breaker } = make()
      await fail(breaker)
      await fail(breaker)
      breaker.holdProbes('1h')
      await clock.advance(1000)
      leave(breaker)
      expect(breaker.peek()).toEqual({ slots: 1 })
    }
  })

  it('forgets the wait with its state', async () => {
    const { clock, breaker } = make()
    await fail(breaker)
    await fail(breaker)
    breaker.holdProbes('1h')
    breaker.reset()
    await fail(breaker)
    await fail(breaker)
    await clock.advance(1000)
    expect(breaker.peek()).toEqual({ slots: 1 })
  })
})

describe('a breaker that recovers by word', () => {
  it('closes as good probes close it: with its ramp', async () => {
    const { breaker, changes } = make({ ramp: { over: 1000, from: 0.1 } })
    await fail(breaker)
    await fail(breaker)
    breaker.recover('answers elsewhere')
    expect([breaker.state, breaker.status().share]).toEqual(['closed', 0.1])
    breaker.recover('answers elsewhere')
    expect(changes()).toEqual(['open: 2 failures in a row', 'closed: answers elsewhere'])
  })
})
