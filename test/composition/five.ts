/** The five policies, each in a form that admits, and each with the means to make it tell every event that it has. */
import { type Policy, policy } from '../../src/core/policy.ts'
import { bulkhead } from '../../src/policies/bulkhead/bulkhead.ts'
import { circuitBreaker } from '../../src/policies/circuit-breaker/circuit-breaker.ts'
import { rateLimiter } from '../../src/policies/rate-limiter/rate-limiter.ts'
import { retry } from '../../src/policies/retry/retry.ts'
import { timeout } from '../../src/policies/timeout/timeout.ts'
import type { VirtualClock } from '../../src/testing/virtual-clock.ts'

export const five = {
  retry: (clock: VirtualClock) => retry({ maxAttempts: 2, backoff: { type: 'constant', initial: 10, jitter: 'none' }, clock }),
  breaker: (clock: VirtualClock) => circuitBreaker({ trip: { consecutive: 3 }, openFor: 1000, clock }),
  timeout: (clock: VirtualClock) => timeout({ limit: 100, clock }),
  bulkhead: (clock: VirtualClock) => bulkhead({ limit: 2, queue: 2, clock }),
  limiter: (clock: VirtualClock) => rateLimiter({ limit: 100, per: 1000, burst: 10, maxWait: 50, clock }),
} as const satisfies Record<string, (clock: VirtualClock) => Policy>

export type Name = keyof typeof five
export const names = Object.keys(five) as Name[]

/** A layer that keeps its neighbours out of one frame, and changes nothing. */
export const between = policy('between', (next) => next)

export const pairs: readonly (readonly [Name, Name])[] = names.flatMap((outer) => names.map((inner) => [outer, inner] as const))

export const settled = (promise: Promise<unknown>) =>
  promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
