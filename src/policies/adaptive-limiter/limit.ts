/**
 * What the algorithms that learn a concurrency limit have in common. Each one is pure: it is told what a window of finished
 * calls looked like, and answers with a limit. Who may run is not its business (that is machine.ts).
 *
 * The formulas are those of Netflix's concurrency-limits (github.com/Netflix/concurrency-limits, Apache 2.0, `limit/`).
 */

export type AlgorithmName = 'aimd' | 'vegas' | 'gradient2'

/** Why a limit is what it is; the last decision in a word or two. */
export type LimitReason = 'start' | 'growth' | 'queueing' | 'loss' | 'probe' | 'restored'

export interface Limit {
  /** The estimate; may be a fraction, and is always within its bounds. */
  readonly value: number
  /** The estimate without a probe's cut: what is worth keeping. */
  readonly learnt: number
  readonly reason: LimitReason
  /** The round trip without queueing, as far as it is known, in ms. */
  readonly baselineMs: number | undefined
  /**
   * Learns from one window of calls.
   *
   * @param now monotonic ms
   * @param rttMs the window's round trip; NaN when every call of it was lost
   * @param inFlight the most that ran at once
   * @param dropped calls were lost: timed out, or refused for overload
   */
  onSample(now: number, rttMs: number, inFlight: number, dropped: boolean): void
  /** Goes on from what an earlier process learnt, within the bounds of this one. */
  restore(now: number, value: number, baselineMs: number | undefined): void
}

export interface Bounds {
  readonly initial: number
  readonly min: number
  readonly max: number
  /** Growth ends at so many times what was really in flight. */
  readonly inFlightFactor: number
}

/**
 * Where a step from `from` to `to` really ends. A limit grows only as far as calls have tried it: what never ran has proven
 * nothing.
 */
export function bounded(bounds: Bounds, from: number, to: number, inFlight: number): number {
  const tried = Math.max(from, inFlight * bounds.inFlightFactor)
  return clamp(bounds, Math.min(to, tried))
}

export function clamp(bounds: Bounds, value: number): number {
  return Math.min(bounds.max, Math.max(bounds.min, value))
}

/** True when the application, not the limit, bounds what runs: such a window teaches nothing about the limit. */
export function isIdle(value: number, inFlight: number): boolean {
  return inFlight * 2 < value
}
