/** The policies. */
export { Bulkhead, type BulkheadOptions, type BulkheadSnapshot, bulkhead } from './bulkhead/bulkhead.ts'
export {
  type BreakerStatus,
  CircuitBreaker,
  type CircuitBreakerOptions,
  circuitBreaker,
} from './circuit-breaker/circuit-breaker.ts'
export type { BreakerStored } from './circuit-breaker/snapshot.ts'
export type { TripOptions } from './circuit-breaker/trip.ts'
export type { RateDecision } from './rate-limiter/machine.ts'
export { RateLimiter, type RateLimiterOptions, rateLimiter } from './rate-limiter/rate-limiter.ts'
export type { BackoffOptions, BackoffType, Jitter } from './retry/machine.ts'
export { attemptsOf, RetriesExhaustedError, Retry, type RetryOptions, retry } from './retry/retry.ts'
export { Timeout, type TimeoutOptions, timeout } from './timeout/timeout.ts'
