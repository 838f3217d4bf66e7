/**
 * How a handler steers its job beyond «done» and «failed». The functions make values to be returned (throwing them works
 * too); `DeadError` is thrown.
 */
import type { Duration } from '../core/duration.ts'
import { parseDuration } from '../core/duration.ts'
import { OptionError } from '../core/errors.ts'
import type { DeadCause } from './job.ts'

const BRAND = Symbol.for('holdfast.steering')

export type Steering = { readonly [BRAND]: true } & (
  | { readonly type: 'retry-after'; readonly delayMs: number; readonly reason: string }
  | { readonly type: 'snooze'; readonly delayMs: number }
  | { readonly type: 'park'; readonly reason: string }
  /** `until` is epoch ms. */
  | { readonly type: 'pause-target'; readonly until?: number; readonly forMs?: number }
)

/** Try again after this long. The attempt counts. */
export function retryAfter(delay: Duration, reason = 'the handler asked for another try later'): Steering {
  return { [BRAND]: true, type: 'retry-after', delayMs: parseDuration(delay, 'delay'), reason }
}

/** Not yet: look again after this long. The attempt does not count, however often. */
export function snooze(delay: Duration): Steering {
  return { [BRAND]: true, type: 'snooze', delayMs: parseDuration(delay, 'delay') }
}

/** Set the job aside until a person retries or cancels it. */
export function park(reason: string): Steering {
  return { [BRAND]: true, type: 'park', reason }
}

/**
 * Hold everything aimed at this target, this job included, whose attempt does not count. The pause outlives the process, is
 * seen in `status`, and ends earlier by `holdfast targets resume`. Direct calls to the target are not held.
 *
 * @param when `for` is a duration, `until` epoch ms; exactly one of them
 * @throws OptionError
 * @example
 * // given upload
 * defineKind({
 *   name: 'upload',
 *   target: 'farm',
 *   handler: async (payload) => {
 *     const answer = await upload(payload)
 *     if (answer.status === 402) return pauseTarget({ until: answer.quotaResetsAt })
 *     return answer.id
 *   },
 * })
 */
export function pauseTarget(when: { readonly until?: number; readonly for?: Duration }): Steering {
  const { until, for: duration } = when
  if ((until === undefined) === (duration === undefined))
    throw new OptionError('pauseTarget', "must be given either 'until' or 'for'", when)
  if (until !== undefined && !Number.isFinite(until))
    throw new OptionError('pauseTarget.until', 'must be epoch milliseconds', until)
  if (until !== undefined) return { [BRAND]: true, type: 'pause-target', until }
  return { [BRAND]: true, type: 'pause-target', forMs: parseDuration(duration as Duration, 'for') }
}

/** True for what the functions above make. */
export function isSteering(value: unknown): value is Steering {
  return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[BRAND] === true
}

/** Thrown by a handler: trying again is pointless. The job becomes a dead letter at once. */
export class DeadError extends Error {
  readonly deadCause: DeadCause
  readonly retryable = false

  constructor(deadCause: DeadCause, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.deadCause = deadCause
  }
}
DeadError.prototype.name = 'DeadError'
