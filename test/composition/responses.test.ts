/** Clients such as `fetch` resolve for a 503: a response is a failure where somebody says so, and then says as much as an error. */
import { describe, expect, it } from 'vitest'
import { circuitBreaker, compose, retry } from '../../src/index.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'

const isBusy = (result: unknown): boolean => result instanceof Response && result.status === 503
const busy = (after: string): Response => new Response('', { status: 503, headers: { 'retry-after': after } })

describe('a response that is a failure', () => {
  // T: 27
  it('is waited for as it asks, within the bounds of the retry', async () => {
    const clock = new VirtualClock()
    const policy = retry({ retryResult: isBusy, retryAfterMax: '10s', backoff: ['50ms'], maxAttempts: 4, clock })
    const answers = [busy('2'), busy('soon'), new Response('fine')]
    const at: number[] = []
    const call = policy.execute(() => {
      at.push(clock.now())
      return answers.shift()!
    })
    await clock.advance(10_000)
    expect([at, (await call).status]).toEqual([[0, 2000, 2050], 200])
    const impatient = policy.execute(() => busy('11'))
    await clock.advance(0)
    expect((await impatient).status).toBe(503)
  })

  // T: 27
  it('keeps a breaker open for as long as it asks', async () => {
    const clock = new VirtualClock()
    const options = { isFailureResult: isBusy, trip: { consecutive: 1 }, openFor: '1s', openForMax: '1m', clock } as const
    const stays = async (breaker: ReturnType<typeof circuitBreaker>) => {
      expect((await compose(breaker).execute(() => busy('30'))).status).toBe(503)
      return breaker.peek()
    }
    expect(await stays(circuitBreaker(options))).toEqual({ retryAfterMs: 30_000 })
    expect(await stays(circuitBreaker({ ...options, retryAfter: 'ignore' }))).toEqual({ retryAfterMs: 1000 })
    expect(await stays(circuitBreaker({ ...options, trip: { consecutive: 9 }, retryAfter: 'open' }))).toEqual({
      retryAfterMs: 30_000,
    })
  })
})
