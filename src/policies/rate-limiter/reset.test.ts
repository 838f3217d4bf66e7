import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { type RateLimiterOptions, rateLimiter } from './rate-limiter.ts'

describe('a limit that is reset', () => {
  const kinds: Record<string, Partial<RateLimiterOptions>> = {
    'token bucket': { limit: 3, per: '1h' },
    'sliding window': { limit: 3, per: '1h', algorithm: 'sliding-window' },
    'several limits': {
      limits: [
        { limit: 3, per: '1h' },
        { limit: 9, per: '1d', algorithm: 'sliding-window' },
      ],
    },
  }
  for (const [name, options] of Object.entries(kinds))
    it(`is as good as new, however much was counted: ${name}`, () => {
      const limiter = rateLimiter({ ...options, clock: new VirtualClock({ now: 5000 }) })
      for (const key of [undefined, 'ada']) {
        limiter.consume(key, 3)
        limiter.penalize(key, 3)
        limiter.block('10m', key)
        limiter.learn({ RateLimit: '"q";r=0;t=60' }, key)
        limiter.reset(key)
        expect([limiter.decide(key).remaining, limiter.quotas(key), limiter.consume(key, 3).allowed]).toEqual([3, [], true])
        expect(limiter.decide(key).allowed).toBe(false)
      }
      limiter.consume('bob')
      limiter.reset('ada')
      expect(limiter.decide('bob').remaining).toBe(2)
    })

  it('lets those go who wait under it', async () => {
    const clock = new VirtualClock()
    const limiter = rateLimiter({ limit: 2, per: '1h', maxWait: '1d', clock })
    limiter.consume('ada', 2)
    const waiting = [1, 2, 3].map((n) => limiter.execute(() => n, { key: 'ada' }))
    limiter.reset('ada')
    expect(await Promise.all(waiting.slice(0, 2))).toEqual([1, 2])
    expect(limiter.waiting('ada')).toBe(1)
    await clock.advance(3_600_000)
    expect(await waiting[2]).toBe(3)
  })
})
