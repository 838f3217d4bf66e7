import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { type RateLimiterOptions, rateLimiter } from './rate-limiter.ts'

const make = (options: Partial<RateLimiterOptions> = {}, wallNow?: number) => {
  // Not from zero on: what is stored are spans, never moments.
  const clock = new VirtualClock({ now: 5000, ...(wallNow === undefined ? {} : { wallNow }) })
  return { clock, limiter: rateLimiter({ limit: 10, per: '1s', burst: 10, clock, ...options }) }
}
const named = '"q";r=1;t=60'

describe('what is stored of a limit', () => {
  it('is what it counted, and what servers and people said of it, where they said something', () => {
    const { clock, limiter } = make()
    const stored = () => limiter.snapshot()
    expect(stored()).toStrictEqual({ version: 1, at: clock.wallNow(), all: { state: [] }, keys: [] })
    limiter.consume(undefined, 4)
    expect(stored().all).toStrictEqual({ state: [400] })
    limiter.block(1000)
    expect(stored().all).toStrictEqual({ state: [400], blockedMs: 1000 })
    limiter.unblock()
    expect(stored().all).toStrictEqual({ state: [400] })
    limiter.learn({ RateLimit: named })
    expect(stored().all).toStrictEqual({ state: [400], quotas: [{ name: 'q', remaining: 1, resetMs: 60_000 }] })
    limiter.learn({ RateLimit: named, 'RateLimit-Policy': '"q";q=9;w=60' })
    expect(stored().all.quotas).toStrictEqual([{ name: 'q', remaining: 1, resetMs: 60_000, limit: 9, windowMs: 60_000 }])
  })

  it('is no block that has ended', async () => {
    const { clock, limiter } = make()
    limiter.block(1000)
    await clock.advance(1000)
    expect(limiter.snapshot().all).toStrictEqual({ state: [] })
  })

  it('of more keys than asked for are those that would take longest to be whole again', () => {
    const { limiter } = make()
    for (const [key, cost] of Object.entries({ a: 5, b: 1, c: 9 })) limiter.consume(key, cost)
    const keys = (maxKeys: number) => limiter.snapshot({ maxKeys }).keys.map(([key]) => key)
    expect([keys(3), keys(2), keys(1)]).toEqual([['a', 'b', 'c'], ['c', 'a'], ['c']])
  })
})

describe('what was stored', () => {
  const told = (more: object) => [{ name: 'q', remaining: 1, resetMs: 1000, ...more }]
  const loaded = (all: object, elapsedMs = 0, keys: unknown = []) => {
    const { clock, limiter } = make({}, 1e12 + elapsedMs)
    limiter.hydrate({ version: 1, at: 1e12, all, keys })
    return { clock, limiter, left: () => limiter.decide().remaining }
  }

  it('of a window is followed by the next where its length is known', async () => {
    for (const [more, after] of [
      [{ limit: 4, windowMs: 60_000 }, 4],
      [{ limit: 4, windowMs: 0 }, 10],
      [{ limit: 4, windowMs: -5 }, 10],
      [{ limit: 4, windowMs: 'x' }, 10],
      [{ limit: 4 }, 10],
    ] as const) {
      const { clock, left } = loaded({ state: [], quotas: told(more) })
      expect(left()).toBe(1)
      await clock.advance(1000)
      expect(left(), JSON.stringify(more)).toBe(after)
    }
  })

  it('holds as far as it lies ahead by then', () => {
    const block = { state: [], blockedMs: 500 }
    expect([loaded(block, 499).limiter.decide().retryAfterMs, loaded(block, 500).limiter.decide().retryAfterMs]).toEqual([1, 0])
    const quota = { state: [], quotas: told({}) }
    expect([loaded(quota, 999).left(), loaded(quota, 1000).left()]).toEqual([1, 10])
    expect(loaded({ state: [], quotas: told({ resetMs: 'x' }) }).left()).toBe(10)
  })

  it('of a window that has ended is forgotten, and what is no number or no list is ignored', () => {
    expect(loaded({ state: [], quotas: told({ limit: 4, windowMs: 60_000 }) }, 1000).left()).toBe(10)
    expect(loaded({ state: [], blockedMs: '500' }).limiter.decide().retryAfterMs).toBe(0)
    const { limiter, clock } = make()
    limiter.consume(undefined, 5)
    limiter.hydrate({ version: 1, at: clock.wallNow(), all: { state: 'x' }, keys: 5 })
    expect(limiter.decide().remaining).toBe(5)
  })

  it('is no snapshot when a part of it is missing', () => {
    const whole = { version: 1, at: 0, all: { state: [] }, keys: [] }
    const parts = [{ version: 2 }, { at: 'x' }, { all: undefined }, { keys: undefined }]
    for (const part of parts)
      expect(() => make().limiter.hydrate({ ...whole, ...part }), JSON.stringify(part)).toThrow('snapshot')
    expect(() => make().limiter.hydrate(whole)).not.toThrow()
  })

  it('of what is no key is left out', () => {
    const keys = [[5, { state: [900] }], 'ab', [], [['a'], { state: [900] }], ['a', { state: [900] }]]
    const { limiter } = loaded({ state: 'x' }, 0, keys)
    expect([limiter.keys, limiter.decide('a').remaining, limiter.decide('5').remaining]).toEqual([1, 1, 10])
  })
})
