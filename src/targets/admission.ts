/**
 * Whether a target would admit work now, and if not, what holds it and until when. Asking uses up no probe and no permit.
 */
import type { Clock } from '../core/clock.ts'
import { placesOf } from './places.ts'
import type { TargetPolicies } from './settings.ts'

export type TargetAdmission =
  | { readonly admitted: true; readonly slots: number }
  | {
      readonly admitted: false
      readonly heldBy: 'breaker' | 'limit' | 'pause' | 'concurrency'
      /** Epoch ms; absent when nobody knows. */
      readonly heldUntil?: number
      readonly reason: string
    }

export class Threshold {
  readonly #policies: TargetPolicies
  readonly #clock: Clock
  /** Epoch ms. A pause is told and stored in wall time. */
  #pausedUntil: number | undefined
  /** Epoch ms. */
  #pausedSince: number | undefined
  /** Monotonic ms until which a 429 asked everybody to stay away. */
  #throttledUntil = Number.NEGATIVE_INFINITY

  constructor(policies: TargetPolicies, clock: Clock) {
    this.#policies = policies
    this.#clock = clock
  }

  /** Undefined when it is not paused; a pause that has ended is forgotten. */
  get pausedUntil(): number | undefined {
    if (this.#pausedUntil !== undefined && this.#pausedUntil <= this.#clock.wallNow()) this.#pausedUntil = undefined
    return this.#pausedUntil
  }

  /** When the pause began; undefined when it is not paused. One that is prolonged goes on. */
  get pausedSince(): number | undefined {
    return this.pausedUntil === undefined ? undefined : this.#pausedSince
  }

  pause(until = Number.POSITIVE_INFINITY, since?: number): void {
    this.#pausedSince = since ?? this.pausedSince ?? this.#clock.wallNow()
    this.#pausedUntil = until
  }

  resume(): void {
    this.#pausedUntil = undefined
  }

  throttle(ms: number): void {
    this.#throttledUntil = Math.max(this.#throttledUntil, this.#clock.now() + ms)
  }

  /** What is left of it. */
  get throttledMs(): number {
    return Math.max(0, this.#throttledUntil - this.#clock.now())
  }

  forgive(): void {
    this.#throttledUntil = Number.NEGATIVE_INFINITY
  }

  /** True when no 429 is in force and the rate limit has all its permits. */
  get isUntouched(): boolean {
    const { limiter } = this.#policies
    const isFull = limiter === undefined || limiter.decide().remaining >= limiter.capacity
    return isFull && this.#throttledUntil <= this.#clock.now()
  }

  admit(): TargetAdmission {
    const { breaker, limiter, bulkhead } = this.#policies
    const until = this.pausedUntil
    if (until !== undefined) return held('pause', Number.isFinite(until) ? until : undefined, 'the target is paused')
    const circuit = breaker?.peek() ?? { slots: Number.POSITIVE_INFINITY }
    if (!('slots' in circuit))
      return held('breaker', this.#wall(circuit.retryAfterMs), `circuit ${breaker?.status().state}: ${breaker?.status().reason}`)
    const throttled = this.throttledMs
    if (throttled > 0) return held('limit', this.#wall(throttled), 'the target asked for patience (429)')
    const rate = limiter?.decide()
    if (rate && !rate.allowed) return held('limit', this.#wall(rate.retryAfterMs), 'the rate limit is reached')
    const places = bulkhead && placesOf(bulkhead)
    const free = places === undefined ? Number.POSITIVE_INFINITY : places.limit - places.inFlight
    if (free <= 0) return held('concurrency', undefined, `${places?.limit} calls are in flight`)
    return { admitted: true, slots: Math.min(circuit.slots, rate?.remaining ?? Number.POSITIVE_INFINITY, free) }
  }

  #wall(ms: number | undefined): number | undefined {
    return ms === undefined ? undefined : this.#clock.wallNow() + ms
  }
}

function held(heldBy: 'breaker' | 'limit' | 'pause' | 'concurrency', until: number | undefined, reason: string): TargetAdmission {
  return { admitted: false, heldBy, ...(until === undefined ? {} : { heldUntil: Math.ceil(until) }), reason }
}
