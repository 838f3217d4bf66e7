/**
 * What a target may be told, and the policies that follow from it.
 */
import type { Clock } from '../core/clock.ts'
import type { Duration } from '../core/duration.ts'
import { OptionError } from '../core/errors.ts'
import type { Random } from '../core/random.ts'
import type { SharedState } from '../core/shared-state.ts'
import { checkInteger, checkKnown, checkOneOf } from '../core/validate.ts'
import { type AdaptiveLimiter, adaptiveLimiter } from '../policies/adaptive-limiter/adaptive-limiter.ts'
import { type Bulkhead, bulkhead } from '../policies/bulkhead/bulkhead.ts'
import { type CircuitBreaker, circuitBreaker } from '../policies/circuit-breaker/circuit-breaker.ts'
import type { TripOptions } from '../policies/circuit-breaker/trip.ts'
import { type RateLimiter, rateLimiter } from '../policies/rate-limiter/rate-limiter.ts'
import { type SharedRateLimiter, sharedRateLimiter } from '../policies/rate-limiter/shared/shared-rate-limiter.ts'
import type { Jitter } from '../policies/retry/machine.ts'
import { type Retry, retry } from '../policies/retry/retry.ts'
import { type Timeout, timeout } from '../policies/timeout/timeout.ts'
import { faultOf } from './faults.ts'

export interface TargetBreakerOptions {
  /** Failures in a row that open it. */
  readonly failures?: number | undefined
  /** Share of failed calls that opens it. */
  readonly failureRate?: number | undefined
  /** A number of calls, or a duration as a string. Default `'10s'`. */
  readonly window?: number | string | undefined
  readonly minimumCalls?: number | undefined
  readonly openFor?: Duration | undefined
  readonly openForMax?: Duration | undefined
  /** Probes at once. */
  readonly halfOpenCalls?: number | undefined
  /** Probes that must succeed. */
  readonly successes?: number | undefined
  /** A call that takes so long is slow, even though it succeeds; see `slowRate`. Default: none is. */
  readonly slowAfter?: Duration | undefined
  /** Share of slow calls in the `window` that opens it. Default 0.5 where `slowAfter` is given. */
  readonly slowRate?: number | undefined
  /** After probes have closed it, so long until every call is admitted again. Default: all are at once. */
  readonly ramp?: Duration | undefined
  /** The share that is admitted first. Default 0.1. */
  readonly rampFrom?: number | undefined
}

export interface TargetPlaces {
  /** `'adaptive'` learns it: more while calls are as fast as they can be, fewer when they slow down or get lost. */
  readonly limit: number | 'adaptive'
  /** What may be learnt, at least and at most. Default 1 and 200. Only with `'adaptive'`. */
  readonly min?: number | undefined
  readonly max?: number | undefined
  /** How many calls may wait for a place. Default 0. */
  readonly queue?: number | undefined
}

export interface TargetRateOptions {
  readonly limit: number
  readonly per: Duration
  readonly burst?: number | undefined
  /**
   * One limit for all processes on the same shared state: `'strict'` asks the store for each call, `'leased'` has some permits
   * in hand. Default: each process has the limit for itself.
   */
  readonly shared?: 'strict' | 'leased' | undefined
}

/** Where limits are shared. */
export interface SharedLimits {
  readonly state: SharedState
  /** How many processes share them, for while the store is lost. Default: those that lately asked. */
  readonly processes?: () => number
}

export interface TargetOptions {
  /** Of one attempt. Default: none. */
  readonly timeout?: Duration | undefined
  /** `false`: none. Default: 10 failures in a row, or half of at least 20 calls in 10 s; open 5 s, growing to 60 s. */
  readonly breaker?: TargetBreakerOptions | false | undefined
  /** Default: no limit. */
  readonly rate?: TargetRateOptions | undefined
  /** Calls at once. Default: no limit. */
  readonly concurrency?: number | 'adaptive' | TargetPlaces | undefined
  /** For direct calls only; durable work retries by itself. Default: `false`, none. */
  readonly retry?:
    | {
        readonly maxAttempts?: number | undefined
        readonly initial?: Duration | undefined
        readonly max?: Duration | undefined
        readonly factor?: number | undefined
        readonly jitter?: Jitter | undefined
      }
    | false
    | undefined
}

/** Tuned for work that several callers send: patient with single failures, quick to see an outage, quick to look again. */
export const DEFAULT_BREAKER: TargetBreakerOptions = Object.freeze({
  failures: 10,
  failureRate: 0.5,
  window: '10s',
  minimumCalls: 20,
  openFor: '5s',
  openForMax: '60s',
})

export interface TargetDependencies {
  readonly clock: Clock
  readonly random: Random
  /** Needed by, and only for, targets whose rate is shared. */
  readonly limits?: SharedLimits | undefined
}

export interface TargetPolicies {
  readonly retry: Retry | undefined
  readonly breaker: CircuitBreaker | undefined
  readonly timeout: Timeout | undefined
  readonly bulkhead: Bulkhead | AdaptiveLimiter | undefined
  readonly limiter: RateLimiter | SharedRateLimiter | undefined
}

/** @throws OptionError naming the target and the option */
export function policiesOf(options: TargetOptions, name: string, { clock, random, limits }: TargetDependencies): TargetPolicies {
  const where = `target '${name}'`
  checkKnown(options, ['timeout', 'breaker', 'rate', 'concurrency', 'retry'], where)
  try {
    const limiter = options.rate && limiterOf(options.rate, name, limits, clock)
    return { ...compile(options, where, clock, random), limiter }
  } catch (error) {
    // A policy names its own option; whose it is, it does not know.
    if (error instanceof OptionError && !error.option.startsWith(where)) error.message = `${where}: ${error.message}`
    throw error
  }
}

function compile(options: TargetOptions, where: string, clock: Clock, random: Random): Omit<TargetPolicies, 'limiter'> {
  const { concurrency } = options
  return {
    retry: options.retry ? retryOf(options.retry, clock, random) : undefined,
    breaker: options.breaker === false ? undefined : breakerOf(options.breaker ?? DEFAULT_BREAKER, where, clock),
    timeout: options.timeout === undefined ? undefined : timeout({ limit: options.timeout, clock }),
    bulkhead: concurrency === undefined ? undefined : placesOf(concurrency, where, clock, random),
  }
}

function placesOf(
  concurrency: NonNullable<TargetOptions['concurrency']>,
  where: string,
  clock: Clock,
  random: Random,
): Bulkhead | AdaptiveLimiter {
  const { limit, min, max, queue = 0 } = typeof concurrency === 'object' ? concurrency : { limit: concurrency }
  if (limit === 'adaptive') return adaptiveLimiter(defined({ min, max, queue, clock, random }))
  if ((min ?? max) !== undefined)
    throw new OptionError(`${where}.concurrency`, "takes 'min' and 'max' only with limit 'adaptive'", concurrency)
  return bulkhead({ limit, queue, clock })
}

/** A name that is too long for a store is limited in this process alone. */
const LONGEST_SHARED_NAME = 200

function limiterOf(
  options: TargetRateOptions,
  name: string,
  limits: SharedLimits | undefined,
  clock: Clock,
): RateLimiter | SharedRateLimiter {
  const { limit, per, burst, shared } = options
  checkKnown(options, ['limit', 'per', 'burst', 'shared'], 'rate')
  const rate = defined({ limit, per, burst, clock })
  if (shared === undefined) return rateLimiter(rate)
  checkOneOf(shared, 'rate.shared', ['strict', 'leased'])
  if (limits === undefined)
    throw new OptionError('rate.shared', 'needs shared state', shared, "Give the registry 'limits', or leave 'shared' out.")
  return name.length > LONGEST_SHARED_NAME ? rateLimiter(rate) : sharedRateLimiter({ ...rate, ...limits, name, shared })
}

function retryOf(options: Exclude<TargetOptions['retry'], false | undefined>, clock: Clock, random: Random): Retry {
  const { maxAttempts, ...backoff } = options
  return retry(defined({ maxAttempts, backoff: defined(backoff), clock, random }))
}

const BREAKER_OPTIONS: readonly (keyof TargetBreakerOptions)[] = [
  ...(['failures', 'failureRate', 'window', 'minimumCalls', 'openFor', 'openForMax', 'halfOpenCalls', 'successes'] as const),
  ...(['slowAfter', 'slowRate', 'ramp', 'rampFrom'] as const),
]

function breakerOf(options: TargetBreakerOptions, where: string, clock: Clock): CircuitBreaker {
  checkKnown(options, BREAKER_OPTIONS, `${where}.breaker`)
  const { failures, failureRate, window, minimumCalls, openFor, openForMax, halfOpenCalls, successes, ramp, rampFrom } = options
  const { slowAfter, slowRate = slowAfter === undefined ? undefined : 0.5 } = options
  const rated: TripOptions =
    (failureRate ?? slowRate) === undefined
      ? {}
      : defined({
          failureRate,
          slowRate,
          slowAfter,
          minimumCalls,
          ...(typeof window === 'number'
            ? { windowCalls: checkInteger(window, `${where}.breaker.window`, 1) }
            : { windowTime: window }),
        })
  const consecutive = failures ?? ((failureRate ?? slowRate) === undefined ? 5 : undefined)
  return circuitBreaker(
    defined({
      trip: { ...defined({ consecutive }), ...rated },
      openFor,
      openForMax,
      halfOpen: defined({ maxCalls: halfOpenCalls, successes }),
      ramp: ramp === undefined ? undefined : defined({ over: ramp, from: rampFrom }),
      classify: faultOf,
      clock,
    }),
  )
}

/** Options without those that are undefined, which policies take for unknown values. */
function defined<T extends object>(options: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never
}
