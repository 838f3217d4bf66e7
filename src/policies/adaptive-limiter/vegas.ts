/**
 * TCP Vegas: how many calls wait in the target's queue follows from how much slower they are than an unqueued one,
 * `queue = limit × (1 − baseline / rtt)`. Few waiting: more may run. Many: fewer.
 *
 * The baseline is the fastest window since it was last taken; `Probed` takes it anew. At a limit of 100 a queue of 6 is 6 % of
 * the round trip: where latency varies by more than that from window to window, Vegas stays too low, and Gradient2 does not.
 */
import { type Bounds, bounded, clamp, isIdle, type LimitReason } from './limit.ts'
import type { BaselineLimit } from './probed.ts'

export class Vegas implements BaselineLimit {
  readonly #bounds: Bounds
  readonly #smoothing: number
  #value: number
  #reason: LimitReason = 'start'
  #baselineMs: number | undefined

  /** `smoothing` is the part of a step that is taken, at most 1. */
  constructor(bounds: Bounds, smoothing: number) {
    this.#bounds = bounds
    this.#smoothing = smoothing
    this.#value = bounds.initial
  }

  get value(): number {
    return this.#value
  }

  get reason(): LimitReason {
    return this.#reason
  }

  get baselineMs(): number | undefined {
    return this.#baselineMs
  }

  onSample(_now: number, rttMs: number, inFlight: number, dropped: boolean): void {
    const step = logRoot(this.#value)
    if (dropped) return this.#move(-step, inFlight, 'loss')
    if (this.#baselineMs === undefined || rttMs < this.#baselineMs) {
      this.#baselineMs = rttMs
      return
    }
    if (isIdle(this.#value, inFlight)) return
    const queue = Math.ceil(this.#value * (1 - this.#baselineMs / rttMs))
    if (queue <= step) this.#move(6 * step, inFlight, 'growth')
    else if (queue < 3 * step) this.#move(step, inFlight, 'growth')
    else if (queue > 6 * step) this.#move(-step, inFlight, 'queueing')
  }

  #move(by: number, inFlight: number, reason: LimitReason): void {
    this.#reason = reason
    this.#value = bounded(this.#bounds, this.#value, this.#value + by * this.#smoothing, inFlight)
  }

  rebase(value: number, baselineMs: number | undefined, reason: LimitReason): void {
    this.#reason = reason
    this.#value = clamp(this.#bounds, value)
    this.#baselineMs = baselineMs
  }
}

/** The base-10 logarithm as a step: 1 below 100, 2 below 1000, and so on. */
function logRoot(value: number): number {
  return Math.max(1, Math.floor(Math.log10(Math.max(1, value))))
}
