/**
 * Whether the store answers, as seen by those who use it. Tells once when it stops, and once when it is back.
 *
 * Who failed has to succeed: a full disk still answers the claim that finds nothing, and that says nothing about writing.
 */
import type { Clock } from '../core/clock.ts'
import { describeError } from '../core/errors.ts'
import type { EventBus } from '../core/events.ts'

const FIRST_WAIT_MS = 100
const LONGEST_WAIT_MS = 5000

/** What the worker asks of the store again and again until it is done. */
export type StoreDuty = 'claim' | 'renew' | 'settle'

export class StoreHealth {
  readonly #clock: Clock
  readonly #events: EventBus
  /** Failures in a row, of duties whose last try failed. */
  readonly #failing = new Map<StoreDuty, number>()
  #reason: string | undefined
  #since = 0

  constructor(clock: Clock, events: EventBus) {
    this.#clock = clock
    this.#events = events
  }

  get ok(): boolean {
    return this.#failing.size === 0
  }

  /** What the last failure said; undefined while all is well. */
  get reason(): string | undefined {
    return this.#reason
  }

  /** When the trouble began, in epoch ms; undefined while all is well. */
  get since(): number | undefined {
    return this.ok ? undefined : this.#since
  }

  /** How long to leave the store alone now. */
  get waitMs(): number {
    const failures = Math.max(1, ...this.#failing.values())
    return Math.min(FIRST_WAIT_MS * 2 ** Math.min(failures - 1, 10), LONGEST_WAIT_MS)
  }

  succeeded(duty: StoreDuty): void {
    if (!this.#failing.delete(duty) || !this.ok) return
    this.#reason = undefined
    if (this.#events.active) this.#events.emit({ type: 'store.recovered', at: this.#clock.wallNow() })
  }

  failed(error: unknown, duty: StoreDuty): void {
    const isNews = this.ok
    this.#failing.set(duty, (this.#failing.get(duty) ?? 0) + 1)
    this.#reason = describeError(error).message
    if (!isNews) return
    this.#since = this.#clock.wallNow()
    if (this.#events.active) this.#events.emit({ type: 'store.degraded', at: this.#since, reason: this.#reason })
  }
}
