/**
 * Additive increase, multiplicative decrease: one more per window that lost nothing, a tenth less after a loss.
 *
 * Sees losses only. A target that queues without end looks healthy to it: give it `lossAfter`, or take another algorithm.
 */
import { type Bounds, bounded, clamp, isIdle, type Limit, type LimitReason } from './limit.ts'

export class Aimd implements Limit {
  readonly baselineMs = undefined
  readonly #bounds: Bounds
  readonly #backoff: number
  #value: number
  #reason: LimitReason = 'start'

  /** `backoff` is what remains of the limit after a loss, below 1. */
  constructor(bounds: Bounds, backoff: number) {
    this.#bounds = bounds
    this.#backoff = backoff
    this.#value = bounds.initial
  }

  get value(): number {
    return this.#value
  }

  get learnt(): number {
    return this.#value
  }

  get reason(): LimitReason {
    return this.#reason
  }

  onSample(_now: number, _rttMs: number, inFlight: number, dropped: boolean): void {
    if (dropped) {
      this.#reason = 'loss'
      this.#value = clamp(this.#bounds, Math.min(this.#value - 1, Math.floor(this.#value * this.#backoff)))
    } else if (!isIdle(this.#value, inFlight)) {
      this.#reason = 'growth'
      this.#value = bounded(this.#bounds, this.#value, this.#value + 1, inFlight)
    }
  }

  restore(_now: number, value: number): void {
    this.#reason = 'restored'
    this.#value = clamp(this.#bounds, Math.floor(value))
  }
}
