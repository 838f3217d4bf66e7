/**
 * The twelve policies: each in a form that admits and takes part, those that refuse also in one that refuses every call, and
 * for each what has to be as before when no call is in flight.
 */
import type { RejectedError } from '../../src/core/errors.ts'
import type { Execution } from '../../src/core/operation.ts'
import { type Policy, policy } from '../../src/core/policy.ts'
import {
  type AdaptiveLimiter,
  adaptiveLimiter,
  type Bulkhead,
  budget,
  bulkhead,
  type CircuitBreaker,
  type Coalesce,
  chaos,
  circuitBreaker,
  coalesce,
  fallback,
  type Hedge,
  hedge,
  hedgeNumberOf,
  type RateLimiter,
  rateLimiter,
  retry,
  type Timeout,
  throttle,
  timeout,
} from '../../src/policies/index.ts'
import type { VirtualClock } from '../../src/testing/virtual-clock.ts'

/** Every call, and every hedge of it, for itself: coalesce is at work, and joins nothing that a test has not meant to be joined. */
const ofItsOwn = (execution: Execution) => `${execution.id} ${hedgeNumberOf(execution)}`

export const twelve = {
  retry: (clock: VirtualClock) => retry({ maxAttempts: 2, backoff: { type: 'constant', initial: 10, jitter: 'none' }, clock }),
  timeout: (clock: VirtualClock) => timeout({ limit: 100, clock }),
  breaker: (clock: VirtualClock) => circuitBreaker({ trip: { consecutive: 3 }, openFor: 1000, clock }),
  limiter: (clock: VirtualClock) => rateLimiter({ limit: 100, per: 1000, burst: 10, maxWait: 50, clock }),
  bulkhead: (clock: VirtualClock) => bulkhead({ limit: 2, queue: 2, clock }),
  fallback: (clock: VirtualClock) => fallback({ use: 'instead', handle: (error) => error === 'to be replaced', clock }),
  hedge: (clock: VirtualClock) => hedge({ delay: 50, clock }),
  coalesce: (clock: VirtualClock) => coalesce({ key: ofItsOwn, ttl: 1, clock }),
  adaptive: (clock: VirtualClock) => adaptiveLimiter({ initial: 2, queue: 2, clock }),
  throttle: (clock: VirtualClock) => throttle({ clock }),
  budget: (clock: VirtualClock) => budget({ clock }),
  chaos: (clock: VirtualClock) =>
    chaos({ enabled: ({ attributes }) => attributes.chaos === true, rate: 1, fault: () => 'chaos', clock }),
} as const satisfies Record<string, (clock: VirtualClock) => Policy>

export type Name = keyof typeof twelve
export const names = Object.keys(twelve) as Name[]

interface Refusing {
  readonly policy: Policy
  /** What every call ends with. */
  readonly code: RejectedError['code'] | 'chaos'
  /** Gives back what the test itself holds. */
  readonly end?: () => void
}

/** Forms in which no call comes through. */
export const refusing: { readonly [name in Name]?: (clock: VirtualClock) => Refusing } = {
  breaker: (clock) => {
    const breaker = twelve.breaker(clock)
    breaker.isolate()
    return { policy: breaker, code: 'ERR_CIRCUIT_ISOLATED', end: () => breaker.reset() }
  },
  limiter: (clock) => {
    const limiter = rateLimiter({ limit: 1, per: '10m', clock })
    limiter.consume()
    return { policy: limiter, code: 'ERR_RATE_LIMITED' }
  },
  bulkhead: (clock) => {
    const slots = bulkhead({ limit: 1, clock })
    const held = slots.acquire()
    return { policy: slots, code: 'ERR_BULKHEAD_FULL', end: () => held.succeed() }
  },
  adaptive: (clock) => {
    const limiter = adaptiveLimiter({ initial: 1, max: 1, clock })
    const held = limiter.acquire()
    return { policy: limiter, code: 'ERR_LIMIT_REACHED', end: () => held.succeed() }
  },
  throttle: (clock) => {
    const gentle = throttle({ random: () => 0, clock })
    for (let call = 0; call < 20; call++) gentle.acquire(Number.POSITIVE_INFINITY).fail()
    return { policy: gentle, code: 'ERR_THROTTLED' }
  },
  chaos: (clock) => ({ policy: chaos({ enabled: () => true, rate: 1, fault: () => 'chaos', clock }), code: 'chaos' }),
}

/** What of a policy is in flight; the same for each when nothing is. */
export function inFlight(part: Policy): Readonly<Record<string, number>> {
  switch (part.name) {
    case 'bulkhead': {
      const { inFlight, queued, abandoned } = (part as Bulkhead).snapshot()
      return { inFlight, queued, abandoned }
    }
    case 'adaptive-limiter': {
      const { inFlight, queued } = (part as AdaptiveLimiter).status()
      return { inFlight, queued }
    }
    case 'circuit-breaker':
      return { probes: (part as CircuitBreaker).status().probes.running }
    case 'rate-limiter':
      return { waiting: (part as RateLimiter).waiting() }
    case 'coalesce': {
      const { inFlight, callers, abandoned } = (part as Coalesce).status()
      return { inFlight, callers, abandoned }
    }
    case 'hedge':
      return { abandoned: (part as Hedge).status().abandoned }
    case 'timeout':
      return { abandoned: (part as Timeout).abandonedCount }
    default:
      return {}
  }
}

/** A layer that keeps its neighbours out of one frame, and changes nothing. */
export const between = policy('between', (next) => next)

export const pairs: readonly (readonly [Name, Name])[] = names.flatMap((outer) => names.map((inner) => [outer, inner] as const))

export const settled = (promise: Promise<unknown>) =>
  promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
