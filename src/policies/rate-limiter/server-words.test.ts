import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { rateLimiter } from './rate-limiter.ts'

const make = () => {
  const clock = new VirtualClock({ now: 5000 })
  // Slow, so that what was drained stays so.
  return { clock, limiter: rateLimiter({ limit: 10, per: '1h', burst: 10, clock }) }
}
const quota = (left: number) => ({ RateLimit: `"q";r=${left};t=60` })

describe('a response that refuses', () => {
  // T: 27
  it('leaves nothing where it does not say when to come again', async () => {
    const left = async (status: number, headers: Record<string, string>) => {
      const { clock, limiter } = make()
      limiter.learnFrom({ status, headers }, 'a')
      await clock.advance(60_000)
      return limiter.decide('a').remaining
    }
    expect([await left(429, {}), await left(429, quota(5)), await left(503, {}), await left(200, {})]).toEqual([0, 0, 10, 10])
    expect([await left(429, quota(0)), await left(429, { 'retry-after': '5' })]).toEqual([10, 10])
  })

  it('that says nothing of a limit makes nothing to be remembered', () => {
    const { limiter } = make()
    limiter.learnFrom({ status: 200, headers: { 'content-type': 'text/plain' } }, 'a')
    expect(limiter.keys).toBe(0)
  })
})

it('headers alone are obeyed when they ask for a pause', () => {
  const { limiter } = make()
  limiter.learn({ 'retry-after': '5' }, 'a')
  expect(limiter.decide('a').retryAfterMs).toBe(5000)
})

it('what is known of a quota ends at a time of the wall', () => {
  const { clock, limiter } = make()
  limiter.learn(quota(3))
  expect(limiter.quotas()).toEqual([{ name: 'q', limit: undefined, remaining: 3, resetAt: clock.wallNow() + 60_000 }])
})
