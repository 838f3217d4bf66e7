import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import { compose } from '../../src/core/policy.ts'
import { wheelOf } from '../../src/core/timer-wheel.ts'
import { bulkhead } from '../../src/policies/bulkhead/bulkhead.ts'
import { circuitBreaker } from '../../src/policies/circuit-breaker/circuit-breaker.ts'
import { rateLimiter } from '../../src/policies/rate-limiter/rate-limiter.ts'
import { retry } from '../../src/policies/retry/retry.ts'
import { timeout } from '../../src/policies/timeout/timeout.ts'
import { CountedController } from '../cancellation/counted-signal.ts'

const CALLS = 100_000

const stackOf = () => {
  const slots = bulkhead({ limit: 500, queue: 5000 })
  const again = retry({ maxAttempts: 2, backoff: { initial: 0, jitter: 'none' } })
  const breaker = circuitBreaker({ trip: { failureRate: 1, minimumCalls: 100, windowCalls: 100 } })
  const limiter = rateLimiter({ limit: 1e9, per: '1s' })
  const bounded = timeout('1m')
  return { slots, bounded, stack: compose(again, breaker, bounded, slots, limiter) }
}

/** Native timers that are armed, those that keep the process alive and those that do not. */
const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const heap = (): number => {
  for (let round = 0; round < 4; round++) collect()
  return process.memoryUsage().heapUsed
}

describe('a hundred thousand calls through five policies', () => {
  it('leave no timer, no listener, no place and no memory', async () => {
    const { slots, bounded, stack } = stackOf()
    const { signal } = new CountedController()
    const controller = new CountedController()
    const batch = async (calls: number): Promise<void> => {
      const ends = Array.from({ length: calls }, async (_, call) => {
        const options = call % 3 === 0 ? {} : call % 3 === 1 ? { signal: controller.signal } : { signal, within: '1m' }
        const operation = (execution: { readonly signal: AbortSignal }) => {
          if (call % 5 === 0) void execution.signal.aborted
          if (call % 7 === 0) throw new Error('failed')
          return call % 2 === 0 ? call : Promise.resolve(call)
        }
        try {
          await stack.execute(operation, options)
        } catch {}
      })
      await Promise.all(ends)
    }
    const timersBefore = timers()
    for (let done = 0; done < CALLS / 10; done += 1000) await batch(1000)
    const before = heap()
    for (let done = 0; done < CALLS; done += 1000) await batch(1000)
    const grown = heap() - before
    expect([slots.snapshot().inFlight, slots.snapshot().queued, bounded.abandonedCount]).toEqual([0, 0, 0])
    expect([controller.listeners, controller.added > 1000]).toEqual([0, true])
    // The wheel's one native timer keeps no process alive, and is the only one.
    expect(timers() - timersBefore).toBeLessThanOrEqual(1)
    expect(wheelOf(systemClock).size).toBeLessThanOrEqual(140)
    // Were it 30 bytes that a call leaves behind, it would show.
    expect(grown).toBeLessThan(3e6)
  }, 60_000)

  it('that are cancelled while they wait or run leave nothing either', async () => {
    const { slots, stack } = stackOf()
    const timersBefore = timers()
    for (let done = 0; done < 20_000; done += 1000) {
      const controller = new CountedController()
      const hung = Array.from({ length: 1000 }, () =>
        stack
          .execute(
            ({ signal }) =>
              new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true })),
            {
              signal: controller.signal,
            },
          )
          .catch((reason: unknown) => reason),
      )
      await Promise.resolve()
      controller.abort('enough')
      expect(new Set(await Promise.all(hung))).toEqual(new Set(['enough']))
      await new Promise((resolve) => setImmediate(resolve))
      expect(slots.snapshot()).toMatchObject({ inFlight: 0, queued: 0 })
    }
    expect(timers() - timersBefore).toBeLessThanOrEqual(1)
  }, 60_000)
})
