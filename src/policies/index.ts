/** The policies. */

export type { Budget } from '../core/budget-port.ts'
export { type BudgetOptions, type BudgetSnapshot, budget, CallBudget } from './budget/budget.ts'
export { Bulkhead, type BulkheadOptions, type BulkheadSnapshot, bulkhead } from './bulkhead/bulkhead.ts'
export {
  type BreakerStatus,
  CircuitBreaker,
  type CircuitBreakerOptions,
  circuitBreaker,
} from './circuit-breaker/circuit-breaker.ts'
export type { BreakerStored } from './circuit-breaker/snapshot.ts'
export type { TripOptions } from './circuit-breaker/trip.ts'
export { Coalesce, type CoalesceStatus, coalesce } from './coalesce/coalesce.ts'
export type { CoalesceOptions } from './coalesce/options.ts'
export type { ResultStore } from './coalesce/result-store.ts'
export type { CoalesceStored } from './coalesce/snapshot.ts'
export { Fallback, type FallbackFunction, type FallbackOptions, fallback } from './fallback/fallback.ts'
export type { HedgeDelay, QuantileDelay } from './hedge/delay.ts'
export { Hedge, type HedgeOptions, type HedgeStatus, type HedgeStored, hedge } from './hedge/hedge.ts'
export { type HedgeFailure, hedgeFailuresOf } from './hedge/history.ts'
export { hedgeNumberOf } from './hedge/number.ts'
export type { RateDecision } from './rate-limiter/machine.ts'
export { RateLimiter, type RateLimiterOptions, rateLimiter } from './rate-limiter/rate-limiter.ts'
export type { BackoffOptions, BackoffType, Jitter } from './retry/machine.ts'
export { attemptsOf, RetriesExhaustedError, Retry, type RetryOptions, retry } from './retry/retry.ts'
export { Timeout, type TimeoutOptions, timeout } from './timeout/timeout.ts'
