/** Every policy with options that it takes, for whoever asks what it does with others. */
import { keyed } from '../../src/core/keyed-policy.ts'
import type { Policy } from '../../src/core/policy.ts'
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
  sharedRateLimiter,
  throttle,
  timeout,
} from '../../src/policies/index.ts'
import { memorySharedState } from '../../src/stores/memory/memory-shared-state.ts'

export type Options = Readonly<Record<string, unknown>>

export interface Subject {
  /** As options are named in errors. */
  readonly where: string
  readonly make: (options: never) => Policy
  /** What it needs, or what an option needs beside it. */
  readonly base: Options
  /** Options that are objects of options, with the same. */
  readonly nested?: Readonly<Record<string, Options>>
}

const store = { get() {}, set() {}, delete() {} }
export const anyBudget = { noteCall() {}, reserve: () => true, refund() {} }

export const subjects: Readonly<Record<string, Subject>> = {
  retry: {
    where: 'retry',
    make: retry,
    base: { maxElapsed: 1000 },
    nested: { backoff: {}, retryOn: { codes: ['X'] }, neverOn: { codes: ['X'] } },
  },
  timeout: { where: 'timeout', make: timeout, base: { limit: 1000 } },
  'circuit-breaker': {
    where: 'circuitBreaker',
    make: circuitBreaker,
    base: { openForMax: '2m' },
    nested: {
      trip: { failureRate: 0.5 },
      halfOpen: {},
      ramp: { over: 1000 },
      failureOn: { codes: ['X'] },
      ignoreOn: { codes: ['X'] },
    },
  },
  'rate-limiter': { where: 'rateLimiter', make: rateLimiter, base: { limit: 1, per: 1000 } },
  'rate-limiter, shared': {
    where: 'sharedRateLimiter',
    make: sharedRateLimiter,
    base: { state: memorySharedState(), name: 'x', limit: 1, per: 1000, shared: 'leased' },
  },
  bulkhead: { where: 'bulkhead', make: bulkhead, base: { limit: 1, queue: 1 } },
  fallback: { where: 'fallback', make: fallback, base: { use: () => 'instead' } },
  hedge: { where: 'hedge', make: hedge, base: {}, nested: { delay: {} } },
  coalesce: { where: 'coalesce', make: coalesce, base: { ttl: 1000 } },
  'coalesce, with a store': { where: 'coalesce', make: coalesce, base: { ttl: 1000, name: 'own', store } },
  'adaptive-limiter': { where: 'adaptiveLimiter', make: adaptiveLimiter, base: { queue: 1 } },
  throttle: { where: 'throttle', make: throttle, base: {} },
  budget: { where: 'budget', make: budget, base: {} },
  chaos: { where: 'chaos', make: chaos, base: { enabled: () => false, fault: () => 'chaos' } },
  keyed: {
    where: 'keyed',
    make: ((options: never) => keyed(() => bulkhead({ limit: 1 }), options)) as Subject['make'],
    base: {},
  },
}

/** The names of all options, as the policy itself lists them when it is given one that is like none of them. */
export function optionsOf(make: (options: Options) => unknown, base: Options): readonly string[] {
  try {
    make({ ...base, '?????????????????': 1 })
  } catch (error) {
    const listed = /^Known options: (.*)\.$/.exec(String((error as { hint?: unknown }).hint))
    if (listed !== null) return listed[1]!.split(', ')
  }
  throw new Error('it did not list its options')
}
