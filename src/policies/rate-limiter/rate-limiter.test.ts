import { describe, expect, it } from 'vitest'
import { OptionError, RejectedError } from '../../core/errors.ts'
import type { HoldfastEvent } from '../../core/events.ts'
import { compose } from '../../core/policy.ts'
import { scripted } from '../../testing/scripted-operation.ts'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { timeout } from '../timeout/timeout.ts'
import { KeyedMachines } from './keyed.ts'
import { TokenBucket } from './machine.ts'
import { type RateLimiterOptions, rateLimiter } from './rate-limiter.ts'

const make = (options: Partial<RateLimiterOptions> = {}) => {
  const clock = new VirtualClock()
  return { clock, limiter: rateLimiter({ limit: 10, per: '1s', burst: 2, clock, ...options }) }
}
const settled = (promise: Promise<unknown>) =>
  promise.then(
    (value) => ({ value }),
    (error) => ({ error }),
  )

describe('a rate limiter', () => {
  // R: X8, P3
  it('rejects what is too much, with an ETA and a hint', async () => {
    const { limiter } = make({ name: 'likes' })
    await limiter.execute(() => 1)
    await limiter.execute(() => 1)
    const operation = scripted().thenReturns(1)
    const error = await limiter.execute(operation).catch((thrown: unknown) => thrown as RejectedError)
    expect(error).toBeInstanceOf(RejectedError)
    expect(error).toMatchObject({ code: 'ERR_RATE_LIMITED', family: 2000, policy: 'likes', retryAfterMs: 100 })
    expect((error as RejectedError).message).toBe('rate limit reached: try again in 100ms')
    expect(operation.calls.length).toBe(0)
  })

  // R: X8
  it('lets a call wait for its turn up to maxWait, in the order they came, and says for how long', async () => {
    const { clock, limiter } = make({ burst: 1, maxWait: 250 })
    const events: HoldfastEvent[] = []
    limiter.observe((event) => events.push(event))
    const operation = scripted({ clock }).thenReturns('ok')
    const calls = [1, 2, 3, 4].map(() => settled(limiter.execute(operation)))
    await clock.advance(1000)
    expect(operation.calls.map(({ at }) => at)).toEqual([0, 100, 200])
    expect(await calls[3]).toMatchObject({ error: { retryAfterMs: 300 } })
    expect(events.map((event) => [event.type, 'delayMs' in event ? event.delayMs : 0])).toEqual([
      ['rate-limiter.delayed', 100],
      ['rate-limiter.delayed', 200],
      ['rate-limiter.rejected', 0],
    ])
  })

  // R: X8
  it('answers the question of a bot: allowed, or how long to sleep and why; asking takes nothing', () => {
    const { limiter } = make({ limit: 20, per: '1h', burst: 1 })
    expect(limiter.shouldThrottle('reply_post')).toEqual({ allow: true, sleep: 0, reason: '1 of 1 left' })
    expect(limiter.shouldThrottle('reply_post').allow).toBe(true)
    expect(limiter.consume('reply_post')).toEqual({ allowed: true, retryAfterMs: 0, remaining: 0 })
    expect(limiter.shouldThrottle('reply_post')).toEqual({ allow: false, sleep: 180_000, reason: 'none left for 3m' })
    expect(limiter.shouldThrottle('like_post').allow).toBe(true)
  })

  // R: X7, P3, I3
  it('keeps one limit per key, and another for calls without one', async () => {
    for (const algorithm of ['token-bucket', 'sliding-window'] as const) {
      const { limiter } = make({ algorithm, limit: 1, burst: algorithm === 'token-bucket' ? 1 : (undefined as never) })
      await Promise.all(['a', 'b', undefined].map((key) => limiter.execute(() => 1, { key })))
      for (const key of ['a', 'b', undefined]) await expect(limiter.execute(() => 1, { key })).rejects.toThrow(/rate limit/)
      expect(limiter.keys).toBe(2)
    }
  })

  it('refuses at once what could not start before the deadline, and takes nothing for it', async () => {
    const { clock, limiter } = make({ burst: 1, maxWait: '1m' })
    limiter.consume()
    const operation = scripted().thenReturns('ok')
    await expect(limiter.execute(operation, { within: 100 })).rejects.toMatchObject({ code: 'ERR_RATE_LIMITED' })
    await expect(compose(timeout({ limit: 99, clock }), limiter).execute(operation)).rejects.toMatchObject({
      code: 'ERR_RATE_LIMITED',
    })
    const fits = limiter.execute(operation, { within: 101 })
    await clock.advance(100)
    await expect(fits).resolves.toBe('ok')
    expect(operation.calls.length).toBe(1)
  })

  // T: 12, 17
  it('gives the turn of a cancelled call to the next, and never runs it', async () => {
    for (const algorithm of ['token-bucket', 'sliding-window'] as const) {
      const burst = algorithm === 'token-bucket' ? { burst: 1 } : {}
      const clock = new VirtualClock()
      const limiter = rateLimiter({ limit: 1, per: 100, maxWait: '1m', algorithm, clock, ...burst })
      limiter.consume()
      const controller = new AbortController()
      const cancelled = scripted().thenReturns('ok')
      const first = settled(limiter.execute(cancelled, { signal: controller.signal }))
      await clock.advance(10)
      controller.abort('enough')
      expect(await first).toEqual({ error: 'enough' })
      await clock.advance(0)
      expect([limiter.decide().retryAfterMs, clock.pendingTimers()]).toEqual([90, 0])
      await clock.advance(90)
      expect([limiter.consume().allowed, cancelled.calls.length]).toEqual([true, 0])
    }
  })

  it('waits by hand, and gives the turn back when that is cancelled', async () => {
    const { clock, limiter } = make({ burst: 1 })
    await limiter.wait()
    const controller = new AbortController()
    const waiting = settled(limiter.wait(undefined, 1, controller.signal))
    controller.abort('enough')
    expect(await waiting).toEqual({ error: 'enough' })
    await expect(limiter.wait(undefined, 1, controller.signal)).rejects.toBe('enough')
    expect(limiter.decide().retryAfterMs).toBe(100)
    const next = limiter.wait()
    await clock.advance(100)
    await next
    expect(limiter.reserve().waitMs).toBe(100)
  })

  // T: 31
  it('forgets keys that are as good as new, and never keeps more than its cap', async () => {
    const { clock, limiter } = make({ maxKeys: 1000 })
    for (let key = 0; key < 50_000; key++) limiter.consume(`user ${key}`)
    expect(limiter.keys).toBe(1000)
    await clock.advance(60_000)
    for (let key = 0; key < 400; key++) limiter.consume(`late ${key}`)
    expect(limiter.keys).toBeLessThanOrEqual(401)
    expect(clock.pendingTimers({ includeIdle: true })).toBe(0)
  })

  // T: 31
  it('does not forget a key that is in use to make room for an idle one', () => {
    const machines = new KeyedMachines(() => new TokenBucket(1, 1000, 1), 100)
    const busy = machines.at('busy', 0)
    for (let key = 0; key < 90; key++) {
      for (let call = 0; call < 5; call++) busy.reserve(0, 1)
      machines.at(`idle ${key}`, key).take(key, 1)
    }
    for (let key = 0; key < 1000; key++) machines.at(`later ${key}`, 10_000 + key * 100).take(10_000 + key * 100, 1)
    expect(machines.at('busy', 10_000)).toBe(busy)
  })

  // T: 11
  it('refuses options that are unknown, wrong or do nothing', () => {
    const wrong: [object, string][] = [
      [{ limits: 5 }, 'rateLimiter.limits'],
      [{ limit: 0 }, 'rateLimiter.limit'],
      [{ limit: 1.5, algorithm: 'sliding-window', burst: undefined }, 'rateLimiter.limit'],
      [{ algorithm: 'sliding-window' }, 'rateLimiter.burst'],
      [{ algorithm: 'leaky' }, 'rateLimiter.algorithm'],
      [{ per: 0 }, 'rateLimiter.per'],
      [{ burst: 0.5 }, 'rateLimiter.burst'],
      [{ maxWait: -1 }, 'rateLimiter.maxWait'],
      [{ maxKeys: 0 }, 'rateLimiter.maxKeys'],
    ]
    for (const [options, option] of wrong) {
      let error: unknown
      try {
        make(options)
      } catch (thrown) {
        error = thrown
      }
      expect((error as OptionError)?.option, JSON.stringify(options)).toBe(option)
    }
    const { limiter } = make()
    for (const cost of [0, 1.5, 3, Number.NaN]) expect(() => limiter.consume('a', cost)).toThrow(OptionError)
  })

  // T: 8
  it('does not care when the wall clock steps', async () => {
    const { clock, limiter } = make({ burst: 1 })
    limiter.consume()
    clock.stepWall(3_600_000)
    expect(limiter.decide().retryAfterMs).toBe(100)
    clock.stepWall(-7_200_000)
    await clock.advance(100)
    expect(limiter.consume().allowed).toBe(true)
  })
})
