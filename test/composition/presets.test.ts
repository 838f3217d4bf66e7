import { describe, expect, it } from 'vitest'
import { compose, type Policy } from '../../src/core/policy.ts'
import { circuitBreaker } from '../../src/policies/circuit-breaker/circuit-breaker.ts'
import { rateLimiter } from '../../src/policies/rate-limiter/rate-limiter.ts'
import { retry } from '../../src/policies/retry/retry.ts'
import { timeout } from '../../src/policies/timeout/timeout.ts'
import { type BreakerPreset, type LimiterPreset, presets, type RetryPreset } from '../../src/presets/index.ts'
import { seededRandom } from '../../src/testing/index.ts'
import { scripted } from '../../src/testing/scripted-operation.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { settled } from './twelve.ts'

const { browserBot, infrastructure, peerNode, replyBot, uploader } = presets

/** When the attempts of an operation that always fails begin. */
async function attemptsOf(
  preset: RetryPreset,
  random: () => number,
  error: unknown = new Error('down'),
): Promise<readonly number[]> {
  const clock = new VirtualClock()
  const operation = scripted({ clock }).fails(99, error)
  const end = settled(retry({ ...preset, clock, random }).execute(operation))
  await clock.advance(3_600_000)
  expect(await end).toEqual({ error })
  return operation.calls.map(({ at }) => at)
}

/** How the breaker behaves: failures that open it, how long, probes at once, successes that close it. */
async function breakerOf(preset: BreakerPreset) {
  const clock = new VirtualClock()
  const breaker = circuitBreaker({ ...preset, clock })
  let failures = 0
  while (breaker.state === 'closed' && failures < 99) {
    await settled(breaker.execute(() => Promise.reject(new Error('down'))))
    failures++
  }
  const { retryAfterMs } = breaker.peek() as { retryAfterMs: number }
  await clock.advance(retryAfterMs - 1)
  expect(breaker.peek()).toEqual({ retryAfterMs: 1 })
  await clock.advance(1)
  const { slots } = breaker.peek() as { slots: number }
  let successes = 0
  do {
    await breaker.execute(() => 'up')
    successes++
  } while (breaker.state === 'half-open' && successes < 99)
  expect(breaker.state).toBe('closed')
  return [failures, retryAfterMs / 1000, slots, successes]
}

/** How many may go at once, and how many in the ten minutes after. */
async function rateOf(preset: LimiterPreset, algorithm?: 'sliding-window') {
  const clock = new VirtualClock()
  const limiter = rateLimiter({ ...preset, clock, ...(algorithm && { algorithm }) })
  const drain = (): number => {
    let count = 0
    while (limiter.consume('key').allowed) count++
    return count
  }
  const burst = drain()
  let later = 0
  for (let second = 0; second < 600; second++) {
    await clock.advance(1000)
    later += drain()
  }
  return [burst, later]
}

describe('the presets, with the real policies', () => {
  // R: X1
  it('retry of the browser bot: 3 attempts, waits from 0.2 s to 2 s with jitter, the error itself', async () => {
    expect(await attemptsOf(browserBot.retry, () => 1)).toEqual([0, 200, 600])
    expect(await attemptsOf(browserBot.retry, () => 0)).toEqual([0, 100, 300])
    expect(await attemptsOf({ ...browserBot.retry, maxAttempts: 99 }, () => 1)).toEqual([
      0, 200, 600, 1400, 3000, 5000, 7000, 9000,
    ])
  })

  // R: X3, X5
  it('every operation of the browser bot has a profile that works under its timeout', async () => {
    for (const [operation, profile] of Object.entries(browserBot.retries)) {
      const clock = new VirtualClock()
      const limit = browserBot.timeouts[browserBot.timeoutFor[operation as keyof typeof browserBot.timeoutFor]]
      const stack = compose(retry({ ...profile, clock, random: seededRandom(1) }), timeout({ limit, clock }))
      const hanging = scripted({ clock }).hangsUntilAborted()
      const end = settled(stack.execute(hanging, { operation }))
      await clock.advance(600_000)
      expect(await end).toMatchObject({ error: { code: 'ERR_TIMEOUT', limitMs: limit } })
      expect(hanging.calls.length, operation).toBeGreaterThanOrEqual(2)
    }
  })

  // R: X6, R1, P4, U2, I1
  it('breakers: failures, open time, probes at once, successes', async () => {
    expect(await breakerOf(browserBot.breaker)).toEqual([5, 60, 1, 1])
    expect(await breakerOf(replyBot.breaker)).toEqual([5, 60, 3, 3])
    expect(await breakerOf(peerNode.breaker)).toEqual([5, 60, 1, 1])
    expect(await breakerOf(uploader.breaker)).toEqual([5, 60, 1, 2])
    const { database, kafka, network, vault } = infrastructure.breakers
    expect(await Promise.all([database, kafka, network, vault].map(breakerOf))).toEqual([
      [5, 60, 1, 1],
      [10, 30, 1, 1],
      [3, 45, 1, 1],
      [3, 90, 1, 1],
    ])
  })

  // R: R2
  it('the three breakers of the reply bot', async () => {
    const { twitter_api, ai_service, database } = replyBot.breakers
    expect(await Promise.all([twitter_api, ai_service, database].map(breakerOf))).toEqual([
      [5, 120, 3, 3],
      [3, 60, 2, 2],
      [3, 30, 2, 2],
    ])
  })

  // R: R3
  it('retry of the reply bot: 3 retries after the first call, doubling, capped', async () => {
    expect(await attemptsOf(replyBot.retry, () => 0.5)).toEqual([0, 1000, 3000, 7000])
    expect(await attemptsOf({ ...replyBot.retry, maxAttempts: 7 }, () => 0.5)).toEqual([
      0, 1000, 3000, 7000, 15_000, 25_000, 35_000,
    ])
  })

  // R: P2, U1
  it('retry of the peer node and of the uploader: 3 attempts from 1 s, base 2, with jitter', async () => {
    expect(await attemptsOf(peerNode.retry, () => 1)).toEqual([0, 1000, 3000])
    expect(await attemptsOf(uploader.retry, () => 0.25)).toEqual([0, 250, 750])
    for (const status of [429, 500, 502, 503, 504])
      expect((await attemptsOf(uploader.retry, () => 0, Object.assign(new Error(), { status }))).length).toBe(3)
    expect((await attemptsOf(uploader.retry, () => 0, Object.assign(new Error(), { status: 404 }))).length).toBe(1)
  })

  // R: I2
  it('retries of the infrastructure: attempts, and waits that never leave their bounds', async () => {
    const bounds = { database: [3, 1000, 10_000], network: [3, 500, 5000], kafka: [5, 1000, 30_000], vault: [3, 2000, 20_000] }
    for (const [name, [attempts, min, max]] of Object.entries(bounds)) {
      for (let seed = 0; seed < 20; seed++) {
        const times = await attemptsOf(infrastructure.retries[name as keyof typeof bounds], seededRandom(seed))
        expect(times.length).toBe(attempts)
        for (const [index, at] of times.slice(1).entries()) {
          expect(at - times[index]!).toBeGreaterThanOrEqual(min!)
          expect(at - times[index]!).toBeLessThanOrEqual(max!)
        }
      }
    }
  })

  // R: X7, I3, P3
  it('limiters: what goes at once, and what goes in ten minutes', async () => {
    const { reply_post, like_post, dm, http_calls } = browserBot.limiters
    expect(await Promise.all([reply_post, like_post, dm, http_calls].map((preset) => rateOf(preset)))).toEqual([
      [1, 3],
      [3, 6],
      [1, 2],
      [10, 3000],
    ])
    expect(
      await Promise.all([infrastructure.limiters.api, infrastructure.limiters.database].map((preset) => rateOf(preset))),
    ).toEqual([
      [20, 6000],
      [100, 30_000],
    ])
    expect(await rateOf(peerNode.limiter)).toEqual([10, 1000])
    expect(await rateOf(peerNode.window, 'sliding-window')).toEqual([100, 1000])
  })

  // R: U3
  it('one execute puts retry and breaker together', async () => {
    const clock = new VirtualClock()
    const breaker = circuitBreaker({ ...uploader.breaker, clock })
    const upload: Policy = compose(retry({ ...uploader.retry, clock, random: () => 0 }), breaker)
    const broken = scripted({ clock }).fails()
    const ends = [settled(upload.execute(broken)), settled(upload.execute(broken))]
    await clock.advance(1000)
    await Promise.all(ends)
    expect([broken.calls.length, breaker.state]).toEqual([5, 'open'])
    await expect(upload.execute(broken)).rejects.toMatchObject({ code: 'ERR_CIRCUIT_OPEN' })
    await clock.advance(60_000)
    const works = scripted({ clock }).thenReturns('uploaded')
    expect([await upload.execute(works), await upload.execute(works), breaker.state]).toEqual(['uploaded', 'uploaded', 'closed'])
  })
})
