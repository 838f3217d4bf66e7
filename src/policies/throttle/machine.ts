/**
 * Client-side throttling of the SRE book (chapter "Handling Overload"): a request is refused here, before it costs the target
 * anything, with the probability `max(0, (requests − K × accepts) / (requests + 1))`.
 *
 * `requests` are all that the application asked for, those refused here too; `accepts` those that the target took. A request
 * counts from its admission, or from the moment that it has been out for longer than `patienceMs`, so that a target that
 * hangs is noticed before its calls end, and a burst to a healthy one is not taken for an outage.
 */
import type { Outcome } from '../../core/outcome.ts'
import type { Permit } from '../../core/permit.ts'
import type { Random } from '../../core/random.ts'
import { RequestWindow } from './window.ts'

export interface ThrottleSettings {
  readonly windowMs: number
  /** Below so many requests in the window nothing is refused. */
  readonly minRequests: number
  /** What passes all the same: 1 − this is the floor of probes. */
  readonly maxRejection: number
  readonly patienceMs: number
}

/** `success` is an accept, `failure` a request that was not taken, `neutral` one that never was. */
export class ThrottlePermit implements Permit {
  /** Which counts it is part of, once it is counted. */
  generation = 0
  readonly admittedAt: number
  readonly slice: number
  counted = false
  readonly #machine: ThrottleMachine
  #released = false

  constructor(machine: ThrottleMachine, slice: number, admittedAt: number) {
    this.#machine = machine
    this.slice = slice
    this.admittedAt = admittedAt
  }

  release(outcome: Outcome, now: number): void {
    if (this.#released) return
    this.#released = true
    this.#machine.settle(this, outcome, now)
  }
}

export class ThrottleMachine {
  readonly window: RequestWindow
  readonly #settings: ThrottleSettings
  readonly #random: Random
  /** Counts the times that the window was cleared: what was counted before is not taken back after. */
  #generation = 0
  /** Out and not counted yet, in the order of their admission. */
  readonly #young = new Set<ThrottlePermit>()

  constructor(settings: ThrottleSettings, random: Random) {
    this.#settings = settings
    this.#random = random
    this.window = new RequestWindow(settings.windowMs)
  }

  /** How likely the next request is refused, where the target is granted `factor` requests for each that it accepts. */
  probability(now: number, factor: number): number {
    this.#advance(now)
    const { requests, accepts } = this.window
    if (requests < this.#settings.minRequests || factor === Number.POSITIVE_INFINITY) return 0
    return Math.min(this.#settings.maxRejection, Math.max(0, (requests - factor * accepts) / (requests + 1)))
  }

  /** Casts the dice; true is a refusal, to be followed by `refuse`, or by `admit` where nothing is enforced. */
  decide(now: number, factor: number): boolean {
    const probability = this.probability(now, factor)
    return probability > 0 && this.#random() < probability
  }

  admit(now: number): ThrottlePermit {
    const permit = new ThrottlePermit(this, this.window.sliceAt(now), now)
    if (this.#settings.patienceMs > 0) this.#young.add(permit)
    else this.#count(permit)
    return permit
  }

  refuse(now: number): void {
    this.window.count(this.window.sliceAt(now), 1, 0)
  }

  /** @internal called by a permit, once */
  settle(permit: ThrottlePermit, outcome: Outcome, now: number): void {
    this.#advance(now)
    this.#young.delete(permit)
    if (permit.counted && permit.generation !== this.#generation) return
    if (outcome === 'neutral') {
      if (permit.counted) this.window.count(permit.slice, -1, 0)
      return
    }
    if (!permit.counted) this.#count(permit)
    if (outcome === 'success') this.window.count(permit.slice, 0, 1)
  }

  #advance(now: number): void {
    this.window.expire(now)
    for (const permit of this.#young) {
      if (now - permit.admittedAt < this.#settings.patienceMs) break
      this.#young.delete(permit)
      this.#count(permit)
    }
  }

  #count(permit: ThrottlePermit): void {
    permit.counted = true
    permit.generation = this.#generation
    this.window.count(permit.slice, 1, 0)
  }

  /** Forgets what came back; what is out counts when it comes back. */
  clear(): void {
    this.#generation++
    this.window.clear()
  }
}
