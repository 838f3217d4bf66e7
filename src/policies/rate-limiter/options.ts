/**
 * What a rate limiter may be told, and the machine that follows from it.
 */
import type { Clock } from '../../core/clock.ts'
import type { PlainRecord } from '../../core/description.ts'
import { type Duration, parseDuration } from '../../core/duration.ts'
import { OptionError } from '../../core/errors.ts'
import type { Execution } from '../../core/operation.ts'
import type { HeaderSource } from '../../core/retry-after.ts'
import { userRule } from '../../core/user-rule.ts'
import { checkDuration, checkFunction, checkInteger, checkKnown, checkNumber, checkOneOf } from '../../core/validate.ts'
import { AllOf } from './all-of.ts'
import { SlidingWindow, TokenBucket } from './machine.ts'
import type { RateMachine } from './rate-machine.ts'

/** One limit. */
export interface RateOptions {
  /** So many calls … */
  readonly limit: number
  /** … in this time. */
  readonly per: Duration
  /** How many may go at once after a pause; token bucket only. Default: `limit`. */
  readonly burst?: number
  /** Default `'token-bucket'`. */
  readonly algorithm?: 'token-bucket' | 'sliding-window'
}

/** What is read of a response: of fetch, of undici, of most clients. */
export interface ResponseLike {
  readonly status?: number | undefined
  readonly statusCode?: number | undefined
  readonly headers?: HeaderSource | undefined
}

export interface RateLimiterOptions extends Partial<RateOptions> {
  /** Instead of `limit` and `per`: several limits, all of which must allow a call, such as 10 a second and 1000 a day. */
  readonly limits?: readonly RateOptions[]
  /** What a call costs; 0 is free. Default 1. */
  readonly cost?: number | ((execution: Execution) => number)
  /** Whose limit a call falls under; undefined is the one for all. Default: the call's own `key`. */
  readonly keyOf?: (execution: Execution) => string | undefined
  /** A call waits up to this long for its turn; a longer wait is rejected. Default 0: reject at once. */
  readonly maxWait?: Duration
  /**
   * Learns from each response what the server allows. A function finds the response in what a call returned or threw; `true`
   * takes what has `headers`, or a `response` with them. Default: only what `learn` is given.
   */
  readonly learn?: boolean | ((outcome: unknown) => ResponseLike | undefined)
  /** What a server says, or `block`, is believed for at most this long ahead. Default 1 h. */
  readonly maxBlock?: Duration
  /** At most so many keys are remembered. Default 1,000,000. */
  readonly maxKeys?: number
  /** `'shadow'` counts and tells what it would reject or delay, and does neither. Default `'enforce'`. */
  readonly mode?: 'enforce' | 'shadow'
  /** Default `'rate-limiter'`. */
  readonly name?: string
  readonly clock?: Clock
}

const RATE = ['limit', 'per', 'burst', 'algorithm'] as const satisfies readonly (keyof RateOptions)[]
const KNOWN = [
  ...RATE,
  ...['limits', 'cost', 'keyOf', 'maxWait', 'learn', 'maxBlock', 'maxKeys', 'mode', 'name', 'clock'],
] as const satisfies readonly (keyof RateLimiterOptions)[]

const WHERE = 'rateLimiter'

export interface CheckedOptions {
  readonly make: () => RateMachine
  /** A number where it is the same for every call. */
  readonly cost: number | ((execution: Execution) => number)
  readonly keyOf: ((execution: Execution) => string | undefined) | undefined
  readonly maxWaitMs: number
  readonly responseOf: ((outcome: unknown) => ResponseLike | undefined) | undefined
  readonly maxBlockMs: number
  readonly maxKeys: number
  readonly shadow: boolean
}

/** @throws OptionError for what is unknown, out of bounds, contradictory or without effect */
export function readOptions(options: RateLimiterOptions): CheckedOptions {
  checkKnown(options, KNOWN, WHERE)
  const make = machineOf(options)
  const { cost = 1, keyOf, learn = false } = options
  return {
    make,
    cost: typeof cost === 'function' ? cost : checkInteger(cost, `${WHERE}.cost`, 0, make().capacity),
    keyOf: keyOf === undefined ? undefined : checkFunction(keyOf, `${WHERE}.keyOf`),
    maxWaitMs: checkDuration(options.maxWait ?? 0, `${WHERE}.maxWait`),
    responseOf: typeof learn === 'boolean' ? (learn ? findResponse : undefined) : userRule(learn, `${WHERE}.learn`, undefined),
    maxBlockMs: checkDuration(options.maxBlock ?? '1h', `${WHERE}.maxBlock`, 1),
    maxKeys: checkInteger(options.maxKeys ?? 1_000_000, `${WHERE}.maxKeys`, 1),
    shadow: checkOneOf(options.mode ?? 'enforce', `${WHERE}.mode`, ['enforce', 'shadow']) === 'shadow',
  }
}

function machineOf(options: RateLimiterOptions): () => RateMachine {
  const { limits } = options
  if (limits === undefined) return makerOf(options as RateOptions, WHERE)
  if (!Array.isArray(limits) || limits.length === 0)
    throw new OptionError(`${WHERE}.limits`, 'must be a list of at least one limit', limits)
  for (const option of RATE)
    if (options[option] !== undefined)
      throw new OptionError(`${WHERE}.limits`, `cannot be combined with '${option}', which each of them has`, limits)
  const makers = (limits as readonly RateOptions[]).map((rate, index) => {
    checkKnown(rate, RATE, `${WHERE}.limits[${index}]`)
    return makerOf(rate, `${WHERE}.limits[${index}]`)
  })
  return makers.length === 1 ? makers[0]! : () => new AllOf(makers.map((make) => make()))
}

function makerOf(rate: RateOptions, where: string): () => RateMachine {
  const algorithm = checkOneOf(rate.algorithm ?? 'token-bucket', `${where}.algorithm`, ['token-bucket', 'sliding-window'])
  const per = checkDuration(rate.per, `${where}.per`, 1)
  if (algorithm === 'token-bucket') {
    const limit = checkNumber(rate.limit, `${where}.limit`, 1e-9)
    const burst = checkInteger(rate.burst ?? Math.max(1, Math.floor(limit)), `${where}.burst`, 1)
    return () => new TokenBucket(limit, per, burst)
  }
  if (rate.burst !== undefined)
    throw new OptionError(`${where}.burst`, "does nothing with algorithm 'sliding-window'", rate.burst)
  const limit = checkInteger(rate.limit, `${where}.limit`, 1, 10_000_000)
  return () => new SlidingWindow(limit, per)
}

/** The response in what a client returned or threw. */
export function findResponse(outcome: unknown): ResponseLike | undefined {
  if (typeof outcome !== 'object' || outcome === null) return undefined
  const { headers, response } = outcome as { headers?: unknown; response?: { headers?: unknown } }
  if (typeof headers === 'object' && headers !== null) return outcome as ResponseLike
  return typeof response?.headers === 'object' && response.headers !== null ? (response as ResponseLike) : undefined
}

/** Options that were checked, as plain data. */
export function describeOptions({ limits, ...one }: RateLimiterOptions, { maxWaitMs, shadow }: CheckedOptions): PlainRecord {
  const rates = (limits ?? [one as RateOptions]).map(({ limit, per, burst, algorithm }) => ({
    limit,
    perMs: parseDuration(per),
    burst,
    algorithm,
  }))
  return { ...(limits === undefined ? rates[0] : { limits: rates }), maxWaitMs, mode: shadow ? 'shadow' : 'enforce' }
}
