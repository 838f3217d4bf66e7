/**
 * How long to wait for an answer before the next hedge: given, asked of the user, or learnt from the calls before.
 */
import type { Duration } from '../../core/duration.ts'
import type { Execution } from '../../core/operation.ts'
import { userRule } from '../../core/user-rule.ts'
import { checkDuration, checkInteger, checkKnown, checkNumber } from '../../core/validate.ts'
import { LatencyWindow } from './latency.ts'

/** Learns how long the target usually takes, and hedges what takes longer than that. */
export interface QuantileDelay {
  /** This share of first calls is done before the delay is over; 0.01 to 0.9999. Default 0.95. */
  readonly quantile?: number
  /** How many calls must be known before it is trusted. Default 20. */
  readonly minimumSamples?: number
  /** The delay until then. `Infinity`: no hedge by time until then. Default 1 s. */
  readonly initial?: Duration
  /** The learnt delay is never shorter. Default 1 ms. */
  readonly min?: Duration
  /** The learnt delay is never longer. Default: no bound. */
  readonly max?: Duration
  /** Calls older than this are forgotten, half of it at a time. Default 60 s. */
  readonly window?: Duration
}

/** `hedge` is the number of the one that would start, from 1. `Infinity`: none by time, only after a failure. */
export type HedgeDelay = Duration | ((execution: Execution, hedge: number) => Duration) | QuantileDelay

export interface DelayRule {
  delayMs(execution: Execution, hedge: number, now: number): number
  /** How long a call usually takes; 0 when unknown. */
  usualMs(now: number): number
  /** What was learnt; only of a rule that learns. */
  readonly learnt: LatencyWindow | undefined
}

/** @throws OptionError for an unknown option or a value out of bounds */
export function delayRule(delay: HedgeDelay, where: string): DelayRule {
  if (typeof delay === 'function')
    return {
      delayMs: userRule(delay, where, Number.POSITIVE_INFINITY, (ms) => readDelay(ms, `${where}()`)),
      usualMs: unknown,
      learnt: undefined,
    }
  if (typeof delay !== 'object') {
    const fixed = readDelay(delay, where)
    return { delayMs: () => fixed, usualMs: unknown, learnt: undefined }
  }
  return learningRule(delay, where)
}

function learningRule(options: QuantileDelay, where: string): DelayRule {
  checkKnown(options, ['quantile', 'minimumSamples', 'initial', 'min', 'max', 'window'], where)
  const quantile = checkNumber(options.quantile ?? 0.95, `${where}.quantile`, 0.01, 0.9999)
  const minimum = checkInteger(options.minimumSamples ?? 20, `${where}.minimumSamples`, 1)
  const initial = readDelay(options.initial ?? 1000, `${where}.initial`)
  const min = checkDuration(options.min ?? 1, `${where}.min`)
  const max = readDelay(options.max ?? Number.POSITIVE_INFINITY, `${where}.max`, min)
  const learnt = new LatencyWindow(checkDuration(options.window ?? 60_000, `${where}.window`, 100))
  return {
    delayMs(_execution, _hedge, now) {
      if (learnt.count(now) < minimum) return initial
      return Math.min(Math.max(learnt.quantile(quantile, now), min), max)
    },
    usualMs: (now) => (learnt.count(now) < minimum ? 0 : learnt.quantile(0.5, now)),
    learnt,
  }
}

function readDelay(value: Duration, option: string, min = 0): number {
  return value === Number.POSITIVE_INFINITY ? value : checkDuration(value, option, min)
}

function unknown(): number {
  return 0
}
