/**
 * What one retry goes by: how often, how long, how far apart, after which errors. A retry has one set of rules, and one for
 * each operation that is to be treated differently.
 */

import { type Budget, checkBudget } from '../../core/budget-port.ts'
import type { Clock } from '../../core/clock.ts'
import { bounded, type PlainRecord } from '../../core/description.ts'
import type { Duration } from '../../core/duration.ts'
import { type ErrorSelection, errorSelector } from '../../core/error-selection.ts'
import { OptionError } from '../../core/errors.ts'
import type { Random } from '../../core/random.ts'
import { retryAfterOf } from '../../core/retry-after.ts'
import { isRetryable } from '../../core/retryable.ts'
import { userRule } from '../../core/user-rule.ts'
import { checkDuration, checkInteger, checkKnown, checkOneOf } from '../../core/validate.ts'
import { type Backoff, type BackoffOptions, backoff } from './machine.ts'

export interface RetryRuleOptions {
  /** All attempts, the first call included. `Infinity` is allowed when `maxElapsed` bounds it. Default 3. */
  readonly maxAttempts?: number
  /**
   * No attempt begins later than this after the call began; a wait that would end later is not begun. An attempt that runs is
   * not interrupted: that is what `timeout` and `within` are for. Default: no bound.
   */
  readonly maxElapsed?: Duration
  /** The rule for the waits; or each wait in turn, exactly, the last one again and again; or a function that gives each wait. */
  readonly backoff?: BackoffOptions | readonly Duration[] | ((attempt: number, error: unknown) => Duration)
  /** Which errors are retried. Default `isRetryable`, unless `retryOn` says which. */
  readonly retryIf?: (error: unknown, attempt: number) => boolean
  /** Errors that are retried, by class, status or code. Beside `retryIf` it is enough that one of the two says so. */
  readonly retryOn?: ErrorSelection
  /** Errors that are never retried, whatever the others say. */
  readonly neverOn?: ErrorSelection
  /**
   * Errors whose attempt does not count towards `maxAttempts`, such as refusals by a limiter that is waited for. Needs
   * `maxElapsed`, which alone bounds them. Default: none.
   */
  readonly isFree?: (error: unknown) => boolean
  /**
   * How many ms an error, or a result that is retried, asks to stay away; undefined when it does not. Default: its
   * `retryAfterMs`, or the `Retry-After` of its `headers`, or of its `response.headers`, in seconds, ms or as a date.
   */
  readonly retryAfterOf?: (failure: unknown) => number | undefined
  /** A shorter asked wait becomes this long. Default 0: now means now. */
  readonly retryAfterMin?: Duration
  /**
   * What is asked replaces the backoff, up to this long; a longer one ends the retrying now, since an earlier attempt would be
   * in vain. `0` ignores what is asked. Default 60 s.
   */
  readonly retryAfterMax?: Duration
  /**
   * Asked for each further attempt before the wait; refused, the retrying ends with the last error. Compose the budget too, or
   * it counts no calls. Default: none.
   */
  readonly budget?: Budget
  /** `'last-error'` rethrows it; `'wrap'` throws `RetriesExhaustedError` with it as the cause. Default `'last-error'`. */
  readonly exhausted?: 'last-error' | 'wrap'
}

export const RULE_OPTIONS = [
  ...['maxAttempts', 'maxElapsed', 'backoff', 'retryIf', 'retryOn', 'neverOn', 'isFree'],
  ...['retryAfterOf', 'retryAfterMin', 'retryAfterMax', 'budget', 'exhausted'],
] as const satisfies readonly (keyof RetryRuleOptions)[]

export interface RetryRules {
  readonly maxAttempts: number
  /** Ms; `Infinity` for no bound. */
  readonly maxElapsed: number
  readonly delay: (attempt: number, previous: number, error: unknown) => number
  /** The backoff as it is without luck, for those who look ahead; undefined where a function of the user decides. */
  readonly backoff: Backoff | undefined
  readonly retryIf: (error: unknown, attempt: number) => boolean
  readonly isFree: ((error: unknown) => boolean) | undefined
  /** Undefined where nothing that is asked counts. */
  readonly retryAfterOf: ((error: unknown) => number | undefined) | undefined
  readonly retryAfterMin: number
  readonly retryAfterMax: number
  readonly budget: Budget | undefined
  readonly wrap: boolean
}

/** @throws OptionError for a value out of bounds, or options that contradict each other */
export function readRules(options: RetryRuleOptions, where: string, clock: Clock, random: Random): RetryRules {
  const { maxElapsed, isFree } = options
  const bounded = maxElapsed !== undefined
  if (isFree !== undefined && !bounded)
    throw new OptionError(`${where}.isFree`, "needs 'maxElapsed', or the attempts might never end", isFree)
  if (options.maxAttempts === Number.POSITIVE_INFINITY && !bounded)
    throw new OptionError(`${where}.maxAttempts`, "needs 'maxElapsed' to be without end", options.maxAttempts)
  const retryAfterMax = checkDuration(options.retryAfterMax ?? 60_000, `${where}.retryAfterMax`)
  const { retryAfterOf: asks = (error: unknown) => retryAfterOf(error, clock.wallNow()) } = options
  const asked = userRule(asks, `${where}.retryAfterOf`, undefined)
  const plan = backoffOf(options.backoff, `${where}.backoff`)
  return Object.freeze({
    maxAttempts:
      options.maxAttempts === Number.POSITIVE_INFINITY
        ? options.maxAttempts
        : checkInteger(options.maxAttempts ?? 3, `${where}.maxAttempts`, 1),
    maxElapsed: bounded ? checkDuration(maxElapsed, `${where}.maxElapsed`) : Number.POSITIVE_INFINITY,
    delay: delayRule(options.backoff, plan, `${where}.backoff`, random),
    backoff: plan,
    retryIf: retryRule(options, where),
    isFree: isFree === undefined ? undefined : userRule(isFree, `${where}.isFree`, false),
    retryAfterOf: retryAfterMax > 0 ? asked : undefined,
    retryAfterMin: checkDuration(options.retryAfterMin ?? 0, `${where}.retryAfterMin`),
    retryAfterMax,
    budget: options.budget === undefined ? undefined : checkBudget(options.budget, `${where}.budget`),
    wrap: checkOneOf(options.exhausted ?? 'last-error', `${where}.exhausted`, ['last-error', 'wrap']) === 'wrap',
  })
}

/** The rules of each operation: its own, and for what it does not say those of all. */
export function readProfiles(
  byOperation: Readonly<Record<string, RetryRuleOptions>>,
  common: RetryRuleOptions,
  where: string,
  clock: Clock,
  random: Random,
): ReadonlyMap<string, RetryRules> {
  if (typeof byOperation !== 'object') throw new OptionError(where, 'must be options by the name of an operation', byOperation)
  const profiles = new Map<string, RetryRules>()
  for (const [operation, own] of Object.entries(byOperation)) {
    checkKnown(own, RULE_OPTIONS, `${where}.${operation}`)
    profiles.set(operation, readRules({ ...common, ...own }, `${where}.${operation}`, clock, random))
  }
  return profiles
}

function backoffOf(rule: RetryRuleOptions['backoff'], where: string): Backoff | undefined {
  return typeof rule === 'function' ? undefined : backoff(isSequence(rule) ? { delays: rule, jitter: 'none' } : rule, where)
}

function delayRule(
  rule: RetryRuleOptions['backoff'],
  plan: Backoff | undefined,
  where: string,
  random: Random,
): RetryRules['delay'] {
  if (plan !== undefined) return (attempt, previous) => plan(attempt, previous, random)
  const own = userRule(rule as (attempt: number, error: unknown) => Duration, where, undefined, (wait) =>
    checkDuration(wait, `${where}()`),
  )
  const usual = backoff()
  return (attempt, previous, error) => own(attempt, error) ?? usual(attempt, previous, random)
}

/** After so many attempts a wait is as long as it gets, or nearly. */
const WAITS_DESCRIBED = 30

/** The rules as plain data. `waitsMs`: the longest that each wait can be, in turn, the last one again and again. */
export function describeRules({ maxAttempts, maxElapsed, backoff: plan, budget, retryAfterMax }: RetryRules): PlainRecord {
  const waitsMs: number[] = []
  const waits = Math.min(maxAttempts - 1, WAITS_DESCRIBED)
  while (plan !== undefined && waitsMs.length < waits) waitsMs.push(plan(waitsMs.length + 1, waitsMs.at(-1) ?? 0, () => 1))
  return {
    maxAttempts: bounded(maxAttempts),
    maxElapsedMs: bounded(maxElapsed),
    waitsMs: plan === undefined ? undefined : waitsMs,
    jitter: plan === undefined ? undefined : plan(1, 0, () => 0) < plan(1, 0, () => 1),
    retryAfterMaxMs: retryAfterMax,
    budget: budget !== undefined,
  }
}

function isSequence(rule: RetryRuleOptions['backoff']): rule is readonly Duration[] {
  return Array.isArray(rule)
}

function retryRule({ retryIf, retryOn, neverOn }: RetryRuleOptions, where: string): RetryRules['retryIf'] {
  const chosen = retryOn === undefined ? undefined : errorSelector(retryOn, `${where}.retryOn`)
  const never = neverOn === undefined ? undefined : errorSelector(neverOn, `${where}.neverOn`)
  const rule = retryIf ?? (chosen === undefined ? isRetryable : undefined)
  const asked = rule === undefined ? undefined : userRule(rule, `${where}.retryIf`, false)
  const wanted: RetryRules['retryIf'] =
    chosen === undefined ? asked! : (error, attempt) => chosen(error) || (asked?.(error, attempt) ?? false)
  return never === undefined ? wanted : (error, attempt) => !never(error) && wanted(error, attempt)
}
