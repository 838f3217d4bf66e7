/** Whether the store answers, as seen by those who use it. Tells once when it stops, and once when it is back. */
import type { Clock } from '../core/clock.ts'
import { describeError } from '../core/errors.ts'
import type { EventBus } from '../core/events.ts'

const FIRST_WAIT_MS = 100
const LONGEST_WAIT_MS = 5000

export class StoreHealth {
  readonly #clock: Clock
  readonly #events: EventBus
  #failures = 0
  #reason: string | undefined

  constructor(clock: Clock, events: EventBus) {
    this.#clock = clock
    this.#events = events
  }

  get ok(): boolean {
    return this.#failures === 0
  }

  /** What the last failure said; undefined while all is well. */
  get reason(): string | undefined {
    return this.#reason
  }

  /** How long to leave the store alone now. */
  get waitMs(): number {
    return Math.min(FIRST_WAIT_MS * 2 ** Math.min(this.#failures - 1, 10), LONGEST_WAIT_MS)
  }

  succeeded(): void {
    if (this.#failures === 0) return
    this.#failures = 0
    this.#reason = undefined
    if (this.#events.active) this.#events.emit({ type: 'store.recovered', at: this.#clock.wallNow() })
  }

  failed(error: unknown): void {
    this.#failures++
    this.#reason = describeError(error).message
    if (this.#failures > 1 || !this.#events.active) return
    this.#events.emit({ type: 'store.degraded', at: this.#clock.wallNow(), reason: this.#reason })
  }
}
