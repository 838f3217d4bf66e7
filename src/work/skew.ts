/**
 * How far the store's clock is ahead of this process's. The store's clock decides everything that is stored, so a difference
 * harms nobody's work; but times that people and callers give (`runAt`, a pause until, a moment in the log) then mean another
 * moment than they think.
 */
import type { Clock } from '../core/clock.ts'
import type { EventBus } from '../core/events.ts'
import type { JobStore } from './store.ts'

/** A difference that people should know of, in ms. */
export const SKEW_LIMIT_MS = 5000

export class Skew {
  readonly #store: JobStore
  readonly #clock: Clock
  readonly #events: EventBus
  #ms = 0
  #isTooLarge = false

  constructor(store: JobStore, clock: Clock, events: EventBus) {
    this.#store = store
    this.#clock = clock
    this.#events = events
  }

  /** As last measured; 0 before. */
  get ms(): number {
    return this.#ms
  }

  /** Certainly beyond the limit when it was measured last. */
  get isTooLarge(): boolean {
    return this.#isTooLarge
  }

  /** Tells once when it becomes too large, and once when it is no more. Rejects with the store's error. */
  async measure(): Promise<void> {
    const [asked, askedWall] = [this.#clock.now(), this.#clock.wallNow()]
    const theirs = await this.#store.now()
    // The answer was true at some moment in between: the slower it came, the less is known.
    const half = (this.#clock.now() - asked) / 2
    this.#ms = Math.round(theirs - askedWall - half)
    this.#judge(Math.abs(this.#ms) - half > SKEW_LIMIT_MS)
  }

  #judge(isTooLarge: boolean): void {
    if (isTooLarge === this.#isTooLarge) return
    this.#isTooLarge = isTooLarge
    if (!this.#events.active) return
    const about = { at: this.#clock.wallNow(), skewMs: this.#ms }
    this.#events.emit(
      isTooLarge ? { type: 'store.clock-skewed', ...about, limitMs: SKEW_LIMIT_MS } : { type: 'store.clock-agrees', ...about },
    )
  }
}
