import { describe, expect, it } from 'vitest'
import type { HoldfastEvent } from '../../core/events.ts'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { budget } from '../budget/budget.ts'
import { type RateLimiterOptions, rateLimiter } from './rate-limiter.ts'

const make = (options: Partial<RateLimiterOptions> = {}) => {
  const clock = new VirtualClock({ now: 5000 })
  const limiter = rateLimiter({ limit: 10, per: '1s', burst: 10, clock, ...options })
  const blocks: unknown[] = []
  limiter.observe((event: HoldfastEvent) => {
    if (event.type === 'rate-limiter.blocked') blocks.push(event.retryAfterMs)
  })
  return { clock, limiter, blocks }
}

describe('a 429', () => {
  // T: 27
  it('that says that nothing is left, and not until when, leaves nothing as of now', () => {
    for (const headers of [{ 'x-ratelimit-remaining': '0' }, { RateLimit: '"q";r=0' }]) {
      const { limiter } = make()
      limiter.learnFrom({ status: 429, headers })
      expect(limiter.decide()).toMatchObject({ allowed: false, retryAfterMs: 100 })
    }
  })

  it('that names the window which is used up is believed for a window', () => {
    const { limiter } = make()
    limiter.learnFrom({ status: 429, headers: { RateLimit: '"q";r=0', 'RateLimit-Policy': '"q";q=5;w=60' } })
    expect(limiter.decide().retryAfterMs).toBe(60_000)
  })
})

describe('what is told of a block', () => {
  // T: 27
  it('is how long it is in force: never beyond what is believed, never less than what stood before', () => {
    const { limiter, blocks } = make({ maxBlock: '1m' })
    limiter.block('10s')
    limiter.learnFrom({ status: 429, headers: { 'retry-after': '99999999' } })
    limiter.block('5s')
    expect([blocks, limiter.decide().retryAfterMs]).toEqual([[10_000, 60_000, 60_000], 60_000])
  })
})

it('what another policy stored is not taken for a count', () => {
  const { limiter } = make()
  expect(() => limiter.hydrate(budget().snapshot())).toThrow('must be a rate limiter snapshot of version 1')
})
