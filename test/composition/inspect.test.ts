import { describe, expect, it } from 'vitest'
import { inspect } from '../../src/core/inspect.ts'
import { compose, noop, type Policy, policy } from '../../src/core/policy.ts'
import { refusalsAs } from '../../src/core/refusals-as.ts'
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
import { VirtualClock } from '../../src/testing/virtual-clock.ts'

const clock = new VirtualClock()
const table: Record<string, { readonly policy: Policy; readonly options: object }> = {
  retry: {
    policy: retry({ maxAttempts: 4, backoff: { initial: 100, max: 150 }, byOperation: { pay: { maxAttempts: 1 } }, clock }),
    options: {
      maxAttempts: 4,
      waitsMs: [100, 150, 150],
      jitter: true,
      budget: false,
      byOperation: { pay: { maxAttempts: 1, waitsMs: [] } },
    },
  },
  timeout: {
    policy: timeout({ limit: '1s', byOperation: { slow: '9s' }, grace: 5, clock }),
    options: { limitMs: 1000, graceMs: 5, byOperation: { slow: { limitMs: 9000 } } },
  },
  'circuit-breaker': {
    policy: circuitBreaker({ trip: { failureRate: 0.5 }, openFor: 500, clock }),
    options: { failureRate: 0.5, openForMs: 500, probeLeaseMs: 30_000, mode: 'enforce' },
  },
  'rate-limiter': {
    policy: rateLimiter({ limit: 5, per: '1m', maxWait: 10, clock }),
    options: { limit: 5, perMs: 60_000, maxWaitMs: 10, mode: 'enforce' },
  },
  bulkhead: { policy: bulkhead({ limit: 2, queue: 3, maxWait: 7, clock }), options: { limit: 2, queue: 3, maxWaitMs: 7 } },
  fallback: { policy: fallback({ use: 0, clock }), options: { replacesErrors: 'all', replacesResults: false } },
  hedge: { policy: hedge({ maxHedges: 2, delay: 10, clock }), options: { maxHedges: 2, budget: false } },
  coalesce: { policy: coalesce({ ttl: 10, clock }), options: { keeps: 'in this process' } },
  budget: { policy: budget({ ratio: 0.5, clock }), options: { ratio: 0.5, minPerSecond: 3 } },
  'adaptive-limiter': { policy: adaptiveLimiter({ queue: 4, clock }), options: { queue: 4 } },
  throttle: { policy: throttle({ factor: 3, clock }), options: { factor: 3, mode: 'enforce' } },
  chaos: {
    policy: chaos({ enabled: () => true, latency: 1, rate: 0.5, clock }),
    options: { kind: 'latency', rate: 0.5, guarded: false },
  },
  'refusals-as': { policy: refusalsAs((code) => new Error(code)), options: {} },
  custom: { policy: policy('own', (next) => next), options: {} },
}

describe('inspect', () => {
  for (const [type, { policy: it_, options }] of Object.entries(table))
    it(`shows what a ${type} is, as plain data, and changes nothing by looking`, () => {
      const [part] = inspect(it_).parts
      expect(part).toMatchObject({ type, name: it_.name, options })
      expect(JSON.parse(JSON.stringify(part))).toEqual(part)
      expect(inspect(it_)).toEqual(inspect(it_))
    })

  it('shows how a policy stands now, and for a key', () => {
    const breaker = circuitBreaker({ openFor: 500, clock })
    const limiter = rateLimiter({ limit: 5, per: '1m', clock })
    const stack = compose(breaker, limiter)
    expect(inspect(stack).parts.map(({ state }) => state)).toMatchObject([{ state: 'closed' }, { remaining: 5 }])
    breaker.isolate()
    limiter.consume('ada', 2)
    expect(inspect(stack, 'ada').parts.map(({ state }) => state)).toMatchObject([
      { state: 'isolated' },
      { remaining: 3, keys: 1 },
    ])
    expect(inspect(stack, 'bob').parts[1]!.state).toMatchObject({ remaining: 5, keys: 1 })
  })

  it('shows the parts of nested compositions once, outermost first, and how they are linked', () => {
    const parts = [retry(), circuitBreaker(), timeout('1s'), timeout('2s'), hedge(), bulkhead({ limit: 1 })]
    const nested = compose(noop, compose(parts[0]!, parts[1]!), compose(parts[2]!, compose(...parts.slice(3))))
    expect(inspect(nested).parts.map(({ type }) => type)).toEqual([
      'retry',
      'circuit-breaker',
      'timeout',
      'timeout',
      'hedge',
      'bulkhead',
    ])
    expect(inspect(nested).links).toEqual([
      { kind: 'frame', policies: ['retry', 'circuit-breaker', 'timeout'] },
      { kind: 'frame', policies: ['timeout'] },
      { kind: 'layer', policies: ['hedge'] },
      { kind: 'frame', policies: ['bulkhead'] },
    ])
    expect(inspect(noop)).toEqual({ name: 'noop', parts: [], links: [] })
  })
})
