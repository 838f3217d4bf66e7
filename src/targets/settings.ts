/**
 * What a target may be told, and the policies that follow from it.
 */
import type { Clock } from '../core/clock.ts'
import type { Duration } from '../core/duration.ts'
import { OptionError } from '../core/errors.ts'
import type { Random } from '../core/random.ts'
import type { SharedState } from '../core/shared-state.ts'
import { checkInteger, checkKnown, checkOneOf } from '../core/validate.ts'
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
  readonly concurrency?: number | { readonly limit: number; readonly queue?: number | undefined } | undefined
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
  readonly bulkhead: Bulkhead | undefined
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
  const places = typeof concurrency === 'number' ? { limit: concurrency } : concurrency
  return {
    retry: options.retry ? retryOf(options.retry, clock, random) : undefined,
    breaker: options.breaker === false ? undefined : breakerOf(options.breaker ?? DEFAULT_BREAKER, where, clock),
    timeout: options.timeout === undefined ? undefined : timeout({ limit: options.timeout, clock }),
    bulkhead: places && bulkhead({ limit: places.limit, queue: places.queue ?? 0, clock }),
  }
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
  return name.length > LONGEST_SHARED_NAME ? rateLimiter(rate) : sharedRateLimiter({ ...rate, ...limits, name, mode: shared })
}

function retryOf(options: Exclude<TargetOptions['retry'], false | undefined>, clock: Clock, random: Random): Retry {
  const { maxAttempts, ...backoff } = options
  return retry(defined({ maxAttempts, backoff: defined(backoff), clock, random }))
}

function breakerOf(options: TargetBreakerOptions, where: string, clock: Clock): CircuitBreaker {
  checkKnown(
    options,
    ['failures', 'failureRate', 'window', 'minimumCalls', 'openFor', 'openForMax', 'halfOpenCalls', 'successes'],
    `${where}.breaker`,
  )
  const { failures, failureRate, window, minimumCalls, openFor, openForMax, halfOpenCalls, successes } = options
  const rated: TripOptions =
    failureRate === undefined
      ? {}
      : defined({
          failureRate,
          minimumCalls,
          ...(typeof window === 'number'
            ? { windowCalls: checkInteger(window, `${where}.breaker.window`, 1) }
            : { windowTime: window }),
        })
  const consecutive = failures ?? (failureRate === undefined ? 5 : undefined)
  return circuitBreaker(
    defined({
      trip: { ...defined({ consecutive }), ...rated },
      openFor,
      openForMax,
      halfOpen: defined({ maxCalls: halfOpenCalls, successes }),
      classify: faultOf,
      clock,
    }),
  )
}

/** Options without those that are undefined, which policies take for unknown values. */
function defined<T extends object>(options: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never
}
