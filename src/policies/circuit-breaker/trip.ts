/**
 * When a closed breaker opens. Several conditions may be given; the first that is met opens.
 */
import { bounded, type PlainRecord } from '../../core/description.ts'
import type { Duration } from '../../core/duration.ts'
import { OptionError } from '../../core/errors.ts'
import { checkDuration, checkInteger, checkKnown, checkNumber } from '../../core/validate.ts'
import { type CallWindow, CountWindow, TimeWindow } from './window.ts'

export interface TripOptions {
  /** So many failures in a row. */
  readonly consecutive?: number
  /** So many failures in the window, in a row or not. */
  readonly failures?: number
  /** At least this share of the window's finished calls failed: above 0, at most 1. */
  readonly failureRate?: number
  /** At least this share of the window's finished calls took `slowAfter` or longer. */
  readonly slowRate?: number
  readonly slowAfter?: Duration
  /** Rates count only with so many finished calls in the window. Default 10. */
  readonly minimumCalls?: number
  /** The window is the calls that finished in this time. Default 10 s, unless `windowCalls` is given. */
  readonly windowTime?: Duration
  /** The window is the last so many finished calls. */
  readonly windowCalls?: number
}

export interface Trip {
  readonly consecutive: number
  readonly failures: number
  readonly failureRate: number
  readonly slowRate: number
  readonly slowAfter: number
  readonly minimumCalls: number
  readonly window: CallWindow | undefined
}

const KNOWN = [
  ...['consecutive', 'failures', 'failureRate', 'slowRate', 'slowAfter', 'minimumCalls', 'windowTime', 'windowCalls'],
] as const satisfies readonly (keyof TripOptions)[]

const NEVER = Number.POSITIVE_INFINITY

/** @throws OptionError for an unknown option, a value out of bounds, or options that contradict each other */
export function readTrip(options: TripOptions, where: string): Trip {
  checkKnown(options, KNOWN, where)
  const { consecutive, failures, failureRate, slowRate, slowAfter, minimumCalls, windowTime, windowCalls } = options
  const rated = failureRate !== undefined || slowRate !== undefined
  const windowed = rated || failures !== undefined
  if (consecutive === undefined && !windowed)
    throw new OptionError(where, "needs 'consecutive', 'failures', 'failureRate' or 'slowRate'", options)
  if ((!windowed && (windowTime ?? windowCalls) !== undefined) || (!rated && minimumCalls !== undefined))
    throw new OptionError(where, 'has options of a window, or of a rate, without one', options)
  if (windowTime !== undefined && windowCalls !== undefined)
    throw new OptionError(`${where}.windowCalls`, "cannot be combined with 'windowTime'", windowCalls)
  if ((slowRate === undefined) !== (slowAfter === undefined))
    throw new OptionError(where, "needs 'slowRate' and 'slowAfter' together", options)
  const calls = windowCalls === undefined ? NEVER : checkInteger(windowCalls, `${where}.windowCalls`, 1, 1_000_000)
  const minimum = checkInteger(minimumCalls ?? Math.min(10, calls), `${where}.minimumCalls`, 1)
  if (minimum > calls)
    throw new OptionError(`${where}.minimumCalls`, `must not exceed windowCalls (${calls}), or it never opens`, minimum)
  const most = failures === undefined ? NEVER : checkInteger(failures, `${where}.failures`, 1)
  if (most !== NEVER && most > calls)
    throw new OptionError(`${where}.failures`, `must not exceed windowCalls (${calls}), or it never opens`, failures)
  return {
    consecutive: consecutive === undefined ? NEVER : checkInteger(consecutive, `${where}.consecutive`, 1),
    failures: most,
    failureRate: failureRate === undefined ? NEVER : checkNumber(failureRate, `${where}.failureRate`, 0.001, 1),
    slowRate: slowRate === undefined ? NEVER : checkNumber(slowRate, `${where}.slowRate`, 0.001, 1),
    slowAfter: slowAfter === undefined ? NEVER : checkDuration(slowAfter, `${where}.slowAfter`, 1),
    minimumCalls: minimum,
    window: !windowed
      ? undefined
      : windowCalls !== undefined
        ? new CountWindow(calls)
        : new TimeWindow(checkDuration(windowTime ?? 10_000, `${where}.windowTime`, 10)),
  }
}

export function describeTrip({
  consecutive,
  failures,
  failureRate,
  slowRate,
  slowAfter,
  minimumCalls,
  window,
}: Trip): PlainRecord {
  return {
    consecutive: bounded(consecutive),
    failuresInWindow: bounded(failures),
    failureRate: bounded(failureRate),
    slowRate: bounded(slowRate),
    slowAfterMs: bounded(slowAfter),
    minimumCalls: window === undefined ? undefined : minimumCalls,
  }
}

/** Why the breaker should open now; undefined when it should not. */
export function tripReason(trip: Trip, consecutiveFailures: number): string | undefined {
  if (consecutiveFailures >= trip.consecutive) return `${consecutiveFailures} failures in a row`
  const { window } = trip
  if (window === undefined) return undefined
  if (window.failures >= trip.failures) return `${window.failures} failures among ${window.calls} calls`
  if (window.calls < trip.minimumCalls) return undefined
  if (window.failures >= trip.failureRate * window.calls) return `${window.failures} of ${window.calls} calls failed`
  if (window.slow >= trip.slowRate * window.calls) return `${window.slow} of ${window.calls} calls were slow`
  return undefined
}
