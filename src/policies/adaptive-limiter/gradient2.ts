/**
 * Gradient2: the limit follows the ratio of the long-term round trip to the current one, and leaves room for a small queue,
 * `limit × clamp(tolerance × long / short, ½, 1) + queue`, smoothed.
 *
 * Two things differ from the source, because its limit grows for ever on a target that stays saturated (its issues 134, 176):
 * windows in which the limit itself was full do not raise the long-term round trip, since the queue that they measured is our
 * own (`Probed` measures without it); and a loss shrinks the limit instead of going unseen.
 */
import { type Bounds, bounded, clamp, isIdle, type LimitReason } from './limit.ts'
import type { BaselineLimit } from './probed.ts'

export interface Gradient2Settings {
  /** How much slower than the long term a call may be before the limit shrinks. */
  readonly tolerance: number
  /** The part of a step that is taken. */
  readonly smoothing: number
  /** How many calls may wait in the target. */
  readonly queueSize: number
  /** What remains of the limit after a loss. */
  readonly backoff: number
}

/** Windows that the long-term round trip remembers, and how many of the first are averaged plainly. */
const LONG = 600
const WARMUP = 10

export class Gradient2 implements BaselineLimit {
  readonly #bounds: Bounds
  readonly #settings: Gradient2Settings
  #value: number
  #reason: LimitReason = 'start'
  #longMs = 0
  #count = 0

  constructor(bounds: Bounds, settings: Gradient2Settings) {
    this.#bounds = bounds
    this.#settings = settings
    this.#value = bounds.initial
  }

  get value(): number {
    return this.#value
  }

  get reason(): LimitReason {
    return this.#reason
  }

  get baselineMs(): number | undefined {
    return this.#count === 0 ? undefined : this.#longMs
  }

  onSample(_now: number, rttMs: number, inFlight: number, dropped: boolean): void {
    const { tolerance, smoothing, queueSize, backoff } = this.#settings
    if (dropped) {
      this.#reason = 'loss'
      this.#value = clamp(this.#bounds, this.#value * backoff)
      return
    }
    const full = inFlight >= Math.floor(this.#value)
    if (!full || this.#count === 0 || rttMs < this.#longMs) this.#remember(rttMs)
    // Back from a long time of overload: the old normal need not wait for the smoothing.
    if (this.#longMs > 2 * rttMs) this.#longMs *= 0.9
    if (isIdle(this.#value, inFlight)) return
    const gradient = Math.max(0.5, Math.min(1, (tolerance * this.#longMs) / rttMs))
    const aim = this.#value * gradient + queueSize
    this.#reason = aim < this.#value ? 'queueing' : 'growth'
    this.#value = bounded(this.#bounds, this.#value, this.#value * (1 - smoothing) + aim * smoothing, inFlight)
  }

  #remember(rttMs: number): void {
    const factor = this.#count < WARMUP ? 1 / ++this.#count : 2 / (LONG + 1)
    this.#longMs += (rttMs - this.#longMs) * factor
  }

  rebase(value: number, baselineMs: number | undefined, reason: LimitReason): void {
    this.#reason = reason
    this.#value = clamp(this.#bounds, value)
    this.#count = baselineMs === undefined ? 0 : 1
    this.#longMs = baselineMs ?? 0
  }
}
