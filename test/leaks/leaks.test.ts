/**
 * Every policy alone, and some compositions, under a hundred thousand calls of every kind: what succeeds, fails, is refused and
 * is cancelled, before, while it waits and while it runs. Afterwards nothing is left: no timer, no handle, no listener, no place,
 * no memory.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import type { ExecuteOptions, Execution } from '../../src/core/operation.ts'
import { compose, type Policy } from '../../src/core/policy.ts'
import { wheelOf } from '../../src/core/timer-wheel.ts'
import {
  adaptiveLimiter,
  budget,
  bulkhead,
  chaos,
  circuitBreaker,
  coalesce,
  fallback,
  hedge,
  rateLimiter,
  retry,
  throttle,
  timeout,
} from '../../src/policies/index.ts'
import { CountedController } from '../cancellation/counted-signal.ts'
import { inFlight, names } from '../composition/twelve.ts'

const CALLS = 100_000
const BATCH = 1000

const alone = {
  retry: () => retry({ maxAttempts: 2, backoff: { initial: 0, jitter: 'none' } }),
  timeout: () => timeout('1m'),
  breaker: () => circuitBreaker({ trip: { failureRate: 0.5, windowCalls: 100 }, openFor: 1 }),
  limiter: () => rateLimiter({ limit: 100_000, per: '1s', burst: 500, maxWait: 2 }),
  bulkhead: () => bulkhead({ limit: 100, queue: 200, maxWait: '1m' }),
  fallback: () => fallback({ use: async () => 'instead', handle: (error) => error === FAILURE }),
  hedge: () => hedge({ delay: '1m', maxHedges: 1 }),
  coalesce: () => coalesce({ key: ({ key }) => key, ttl: '1m', errorTtl: 1, maxEntries: 20 }),
  adaptive: () => adaptiveLimiter({ initial: 100, queue: 200, maxWait: '1m' }),
  throttle: () => throttle({ window: 1000, isRefused: () => true }),
  budget: () => budget(),
  chaos: () => chaos({ enabled: () => true, rate: 0.25, fault: () => FAILURE, behavior: async () => {} }),
} as const satisfies Record<string, () => Policy>

const compositions: Readonly<Record<string, () => Policy>> = {
  'five in one frame': () => compose(alone.retry(), alone.breaker(), alone.timeout(), alone.bulkhead(), alone.limiter()),
  'all that repeat, under one budget': () => {
    const extra = budget()
    return compose(
      extra,
      retry({ maxAttempts: 2, backoff: { initial: 0 }, budget: extra }),
      hedge({ delay: '1m', budget: extra }),
    )
  },
  'all twelve': () =>
    compose(
      ...[alone.coalesce(), alone.fallback(), alone.budget(), alone.retry(), alone.hedge(), alone.breaker()],
      ...[alone.throttle(), alone.timeout(), alone.limiter(), alone.bulkhead(), alone.adaptive(), alone.chaos()],
    ),
}

const FAILURE = new Error('failed')
FAILURE.stack = ''

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const heap = (): number => {
  collect()
  collect()
  return process.memoryUsage().heapUsed
}

/** Everything that Node counts as open, timers that keep no process alive included. */
const handles = () => process.getActiveResourcesInfo().length

const untilAborted = ({ signal }: Execution) =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }))

/** What the calls of a batch are, over and over. `soon` is aborted within the turn in which they begin. */
function callOf(call: number, lasting: AbortSignal, soon: AbortSignal): [operation: (e: Execution) => unknown, ExecuteOptions] {
  const key = KEYS[call % KEYS.length]!
  switch (call % 40) {
    case 0:
      return [async (execution) => execution.signal.aborted, { key, within: '1m' }]
    case 1:
      return [() => Promise.resolve(call), { key, signal: lasting }]
    case 2:
      return [() => Promise.reject(FAILURE), { key, signal: lasting }]
    case 3:
      return [untilAborted, { signal: soon }]
    case 4:
      return [untilAborted, { key: 'waits', signal: soon, within: '1m' }]
    case 5:
      return [() => call, { signal: GONE }]
    case 6:
    case 7:
      return [throwing, { key }]
    case 8:
    case 9:
      return [() => Promise.reject(FAILURE), {}]
    case 10:
    case 11:
    case 12:
      return [() => call, { key }]
    default:
      return call % 2 === 0 ? [() => call, NOTHING] : [() => RESOLVED, NOTHING]
  }
}

const NOTHING = {}
const RESOLVED = Promise.resolve()
const KEYS = Array.from({ length: 49 }, (_, index) => `key ${index}`)
const throwing = (): never => {
  throw FAILURE
}
const GONE = AbortSignal.abort('gone')

async function play(policy: Policy, calls: number, lasting: AbortSignal): Promise<Record<string, number>> {
  const ends: Record<string, number> = {}
  const count = (end: string): void => {
    ends[end] = (ends[end] ?? 0) + 1
  }
  const succeeded = (): void => count('succeeded')
  const failed = (error: unknown): void =>
    count(error === FAILURE ? 'failed' : typeof error === 'string' ? error : String((error as { code?: unknown }).code))
  for (let done = 0; done < calls; done += BATCH) {
    const controller = new CountedController()
    const all: Promise<void>[] = []
    for (let call = 0; call < BATCH; call++) {
      const [operation, options] = callOf(call, lasting, controller.signal)
      all.push(policy.execute(operation, options).then(succeeded, failed))
    }
    await Promise.resolve()
    controller.abort('enough')
    await Promise.all(all)
    if (done % (10 * BATCH) === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  return ends
}

describe('a hundred thousand calls of every kind', () => {
  it('go through every policy', () => {
    expect(Object.keys(alone)).toEqual(names)
  })

  for (const [name, make] of Object.entries({ ...alone, ...compositions }))
    it(`leave nothing behind in ${name}`, async () => {
      const policy = make()
      const lasting = new CountedController()
      const before = handles()
      await play(policy, CALLS / 20, lasting.signal)
      const heapBefore = heap()
      const ends = await play(policy, CALLS, lasting.signal)
      await new Promise((resolve) => setTimeout(resolve, 5))
      const grown = heap() - heapBefore
      expect(Object.values(ends).reduce((sum, many) => sum + many)).toBe(CALLS)
      expect([ends.gone, ends.enough! > 0, ends.succeeded! > 0]).toEqual([CALLS / 40, true, true])
      for (const part of policy.parts)
        for (const [what, count] of Object.entries(inFlight(part))) expect(count, `${part.name}: ${what}`).toBe(0)
      expect(lasting.listeners).toBe(0)
      // The wheel's one native timer keeps no process alive, and is the only one.
      expect(handles() - before).toBeLessThanOrEqual(1)
      expect(wheelOf(systemClock).size).toBeLessThanOrEqual(140)
      // Were it 40 bytes that a call leaves behind, it would show.
      expect(grown).toBeLessThan(4e6)
    }, 60_000)
})
