/** The policies. */

export type { Budget } from '../core/budget-port.ts'
export {
  AdaptiveLimiter,
  type AdaptiveLimiterStatus,
  adaptiveLimiter,
} from './adaptive-limiter/adaptive-limiter.ts'
export type { AlgorithmName } from './adaptive-limiter/limit.ts'
export type { AdaptiveLimiterOptions } from './adaptive-limiter/options.ts'
export type { AdaptiveLimiterStored } from './adaptive-limiter/snapshot.ts'
export { type BudgetOptions, type BudgetSnapshot, budget, CallBudget } from './budget/budget.ts'
export { Bulkhead, type BulkheadOptions, type BulkheadSnapshot, bulkhead } from './bulkhead/bulkhead.ts'
export type { Overflow } from './bulkhead/machine.ts'
export { Chaos, type ChaosOptions, type ChaosStatus, chaos } from './chaos/chaos.ts'
export type { ChaosCounts } from './chaos/machine.ts'
export {
  type BreakerStatus,
  CircuitBreaker,
  type CircuitBreakerOptions,
  circuitBreaker,
} from './circuit-breaker/circuit-breaker.ts'
export { type IsolateOptions, Isolation } from './circuit-breaker/isolation.ts'
export type { BreakerMode, HalfOpenOptions, RampOptions } from './circuit-breaker/options.ts'
export type { ShadowCounts } from './circuit-breaker/shadow.ts'
export type { BreakerStored } from './circuit-breaker/snapshot.ts'
export type { BreakerDetails } from './circuit-breaker/status.ts'
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
export type { RateOptions, ResponseLike } from './rate-limiter/options.ts'
export {
  RateLimiter,
  type RateLimiterOptions,
  type RateWaitOptions,
  rateLimiter,
  type ServerQuota,
} from './rate-limiter/rate-limiter.ts'
export type { RateDecision } from './rate-limiter/rate-machine.ts'
export type { Reservation } from './rate-limiter/reservation.ts'
export type { SharedRateLimiterOptions } from './rate-limiter/shared/options.ts'
export { SharedRateLimiter, sharedRateLimiter } from './rate-limiter/shared/shared-rate-limiter.ts'
export type { RateLimiterStored } from './rate-limiter/snapshot.ts'
export { type Backoff, type BackoffOptions, type BackoffType, backoff, type Jitter } from './retry/machine.ts'
export { attemptsOf, RetriesExhaustedError, Retry, type RetryOptions, retry } from './retry/retry.ts'
export {
  type Retryable,
  type RetryableOptions,
  retryable,
  retryableSync,
  retrySync,
} from './retry/retryable.ts'
export type { RetryRuleOptions } from './retry/rules.ts'
export type { ThrottleStored } from './throttle/snapshot.ts'
export { Throttle, type ThrottleOptions, type ThrottleStatus, throttle } from './throttle/throttle.ts'
export { Timeout, type TimeoutOptions, type TimeoutStatus, timeout } from './timeout/timeout.ts'
