/**
 * What a breaker may be told, and the settings that follow from it.
 */
import type { Clock } from '../../core/clock.ts'
import type { PlainRecord } from '../../core/description.ts'
import type { Duration } from '../../core/duration.ts'
import { type ErrorSelection, errorSelector } from '../../core/error-selection.ts'
import { OptionError } from '../../core/errors.ts'
import type { Outcome } from '../../core/outcome.ts'
import { outcomeRule } from '../../core/outcome-rule.ts'
import { type Random, systemRandom } from '../../core/random.ts'
import { userRule } from '../../core/user-rule.ts'
import { checkDuration, checkFunction, checkInteger, checkKnown, checkNumber, checkOneOf } from '../../core/validate.ts'
import type { BreakerSettings } from './settings.ts'
import { describeTrip, readTrip, type TripOptions } from './trip.ts'

/** `'shadow'` moves, counts and tells as always, and refuses nothing. */
export type BreakerMode = 'enforce' | 'shadow'

export interface HalfOpenOptions {
  /** How many probes may run at once. Default 1. */
  readonly maxCalls?: number
  /** How many must succeed to close. Default 1. */
  readonly successes?: number
  /** How many must fail to open again. Default 1. */
  readonly failures?: number
  /** A probe that takes longer counts as failed. Default: `openFor`, at least 30 s. */
  readonly probeLease?: Duration
}

export interface RampOptions {
  /** How long it takes until every call is admitted. */
  readonly over: Duration
  /** The share of calls that is admitted at first: above 0, below 1. Default 0.1. */
  readonly from?: number
}

export interface CircuitBreakerOptions {
  /** When it opens. Default: 5 failures in a row. */
  readonly trip?: TripOptions
  /** How long it stays open before it probes; or a function of how often it opened in a row before. Default 60 s. */
  readonly openFor?: Duration | ((openings: number) => Duration)
  /** Each failed probe doubles the open time up to this. Default: `openFor`, no growth; 1 h where that is a function. */
  readonly openForMax?: Duration
  /** Each open time is shortened by chance, by up to this share, so that processes do not probe in step. Default 0. */
  readonly openForJitter?: number
  /**
   * How long it must stay closed to take back one doubling of the open time, so that a target that keeps falling over is left
   * alone for longer and longer. Default: none, closing takes back all.
   */
  readonly healAfter?: Duration
  /**
   * What a `Retry-After` of the error that opens it does, as `retryAfterMs` or in headers: `'extend'` keeps it open for at
   * least so long, up to `openForMax`; `'open'` also opens a closed one at the first such failure; `'ignore'` does nothing.
   * Default `'extend'`.
   */
  readonly retryAfter?: 'extend' | 'open' | 'ignore'
  readonly halfOpen?: HalfOpenOptions
  /** After probes have closed it, calls are admitted in a growing share. Default: all at once. */
  readonly ramp?: RampOptions
  /** Which errors speak against the target; others are neutral. Default: all, unless `failureOn` says which. */
  readonly isFailure?: (error: unknown) => boolean
  /** Errors that speak against the target, by class, status or code. Beside `isFailure` one of the two is enough. */
  readonly failureOn?: ErrorSelection
  /** Errors that are neutral, whatever the others say. */
  readonly ignoreOn?: ErrorSelection
  /**
   * What each error says of the target, instead of the three above: an answer such as 404 is a `success`, since the target
   * answers; a fault of the caller is `neutral`.
   */
  readonly classify?: (error: unknown) => Outcome
  /** Which results speak against the target. Default: none. */
  readonly isFailureResult?: (value: unknown) => boolean
  /** Default `'enforce'`; see `setMode`. */
  readonly mode?: BreakerMode
  /** Default `'circuit-breaker'`. */
  readonly name?: string
  readonly clock?: Clock
  readonly random?: Random
}

const KNOWN = [
  ...['trip', 'openFor', 'openForMax', 'openForJitter', 'healAfter', 'retryAfter', 'halfOpen', 'ramp', 'isFailure', 'failureOn'],
  ...['ignoreOn', 'classify', 'isFailureResult', 'mode', 'name', 'clock', 'random'],
] as const satisfies readonly (keyof CircuitBreakerOptions)[]

const DEFAULT_OPEN_MS = 60_000
const WHERE = 'circuitBreaker'

export interface BreakerPlan extends BreakerSettings {
  readonly classify: (error: unknown) => Outcome
  readonly classifyResult: ((value: unknown) => Outcome) | undefined
  /** What an error asks for can make a difference. */
  readonly hearsRetryAfter: boolean
  readonly mode: BreakerMode
}

/** @throws OptionError for an unknown option, a value out of bounds, or options that contradict each other */
export function readOptions(options: CircuitBreakerOptions): BreakerPlan {
  checkKnown(options, KNOWN, WHERE)
  const { openFor = DEFAULT_OPEN_MS, halfOpen = {}, healAfter, ramp } = options
  checkKnown(halfOpen, ['maxCalls', 'successes', 'failures', 'probeLease'], `${WHERE}.halfOpen`)
  const openMs =
    typeof openFor === 'function' ? userRule(openFor, `${WHERE}.openFor`, DEFAULT_OPEN_MS, readOpenFor) : readOpenFor(openFor)
  const least = typeof openMs === 'number' ? openMs : 1
  const longest = typeof openMs === 'number' ? openMs : 3_600_000
  const openMaxMs = checkDuration(options.openForMax ?? longest, `${WHERE}.openForMax`, least)
  const retryAfter = checkOneOf(options.retryAfter ?? 'extend', `${WHERE}.retryAfter`, ['extend', 'open', 'ignore'])
  if (healAfter !== undefined && typeof openMs === 'number' && openMaxMs === openMs)
    throw new OptionError(`${WHERE}.healAfter`, "does nothing unless the open time grows up to an 'openForMax'", healAfter)
  return {
    trip: readTrip(options.trip ?? { consecutive: 5 }, `${WHERE}.trip`),
    openMs,
    openMaxMs,
    openJitter: checkNumber(options.openForJitter ?? 0, `${WHERE}.openForJitter`, 0, 0.999),
    random: checkFunction(options.random ?? systemRandom, `${WHERE}.random`),
    ...(healAfter === undefined ? {} : { healMs: checkDuration(healAfter, `${WHERE}.healAfter`, 1) }),
    halfOpenCalls: checkInteger(halfOpen.maxCalls ?? 1, `${WHERE}.halfOpen.maxCalls`, 1),
    successes: checkInteger(halfOpen.successes ?? 1, `${WHERE}.halfOpen.successes`, 1),
    failures: checkInteger(halfOpen.failures ?? 1, `${WHERE}.halfOpen.failures`, 1),
    probeLeaseMs: checkDuration(halfOpen.probeLease ?? Math.max(least, 30_000), `${WHERE}.halfOpen.probeLease`, 1),
    ...(ramp === undefined ? {} : { ramp: readRamp(ramp) }),
    opensWhenAsked: retryAfter === 'open',
    hearsRetryAfter: retryAfter === 'open' || (retryAfter === 'extend' && openMaxMs !== openMs),
    classify: classifier(options),
    classifyResult:
      options.isFailureResult === undefined
        ? undefined
        : outcomeRule(options.isFailureResult, `${WHERE}.isFailureResult`, 'success'),
    mode: checkOneOf(options.mode ?? 'enforce', `${WHERE}.mode`, ['enforce', 'shadow']),
  }
}

/** The plan as data, for `inspect` and `lint`. */
export function describePlan(plan: BreakerPlan): PlainRecord {
  const { openMs, openMaxMs, openJitter, healMs, halfOpenCalls, successes, failures, probeLeaseMs, ramp } = plan
  return {
    ...describeTrip(plan.trip),
    openForMs: typeof openMs === 'number' ? openMs : undefined,
    openForMaxMs: openMaxMs,
    openForJitter: openJitter,
    healAfterMs: healMs,
    halfOpenCalls,
    successes,
    failures,
    probeLeaseMs,
    rampMs: ramp?.overMs,
  }
}

function readRamp(ramp: RampOptions): NonNullable<BreakerSettings['ramp']> {
  checkKnown(ramp, ['over', 'from'], `${WHERE}.ramp`)
  return {
    overMs: checkDuration(ramp.over, `${WHERE}.ramp.over`, 1),
    from: checkNumber(ramp.from ?? 0.1, `${WHERE}.ramp.from`, 0.001, 0.999),
  }
}

function readOpenFor(openFor: Duration): number {
  return checkDuration(openFor, `${WHERE}.openFor`, 1)
}

function classifier({ classify, isFailure, failureOn, ignoreOn }: CircuitBreakerOptions): (error: unknown) => Outcome {
  const rules = { isFailure, failureOn, ignoreOn }
  if (classify !== undefined) {
    for (const [name, rule] of Object.entries(rules))
      if (rule !== undefined) throw new OptionError(`${WHERE}.classify`, `cannot be combined with '${name}'`, classify)
    return userRule(classify, `${WHERE}.classify`, 'neutral', readOutcome)
  }
  const ignored = ignoreOn === undefined ? undefined : errorSelector(ignoreOn, `${WHERE}.ignoreOn`)
  const chosen = failureOn === undefined ? undefined : errorSelector(failureOn, `${WHERE}.failureOn`)
  const own = isFailure === undefined ? undefined : outcomeRule(isFailure, `${WHERE}.isFailure`, 'neutral')
  if (ignored === undefined && chosen === undefined) return own ?? (() => 'failure')
  return (error) => {
    if (ignored?.(error)) return 'neutral'
    if (chosen?.(error)) return 'failure'
    return own?.(error) ?? (chosen === undefined ? 'failure' : 'neutral')
  }
}

function readOutcome(outcome: Outcome): Outcome {
  return checkOneOf(outcome, `${WHERE}.classify()`, ['success', 'failure', 'neutral'])
}
