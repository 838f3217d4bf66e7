/** Which targets hold their jobs, as of the last time the worker asked. Tells of changes only. */
import type { Clock } from '../core/clock.ts'
import { describeError } from '../core/errors.ts'
import type { EventBus } from '../core/events.ts'
import type { Admission, AdmissionPort, HoldReason } from './admission.ts'

export interface Hold {
  readonly target: string
  readonly heldBy: HoldReason
  readonly reason: string
  /** Epoch ms; absent when nobody knows. */
  readonly heldUntil?: number
}

/** Waits for a token or a slot that end sooner are the limiter at work, not news. */
const NEWS_MS = 1000

export class Holds {
  readonly #admission: AdmissionPort
  readonly #clock: Clock
  readonly #events: EventBus
  readonly #holds = new Map<string, Hold & { readonly told: boolean }>()

  constructor(admission: AdmissionPort, clock: Clock, events: EventBus) {
    this.#admission = admission
    this.#clock = clock
    this.#events = events
  }

  list(): readonly Hold[] {
    return Array.from(this.#holds.values(), ({ told: _told, ...hold }) => hold)
  }

  /** The earliest `heldUntil`; undefined when none is known. */
  nextAt(): number | undefined {
    let next: number | undefined
    for (const { heldUntil } of this.#holds.values())
      if (heldUntil !== undefined && (next === undefined || heldUntil < next)) next = heldUntil
    return next
  }

  /** Asks for each target once; answers the slots of those that admit. Held targets without work are asked too. */
  ask(targets: Iterable<string>): ReadonlyMap<string, number> {
    const slots = new Map<string, number>()
    const asked = new Set(targets)
    for (const target of asked) {
      const admission = this.#admit(target, true)
      this.#note(target, admission)
      if (admission.admitted && admission.slots > 0) slots.set(target, admission.slots)
    }
    for (const target of [...this.#holds.keys()]) if (!asked.has(target)) this.#note(target, this.#admit(target, false))
    return slots
  }

  /** Asks for one job. */
  admits(target: string): boolean {
    const admission = this.#admit(target, true)
    this.#note(target, admission)
    return admission.admitted && admission.slots > 0
  }

  /** A port that throws must not look like a store that failed, nor let work through. */
  #admit(target: string, waiting: boolean): Admission {
    try {
      return this.#admission.admit(target, waiting)
    } catch (error) {
      return { admitted: false, heldBy: 'pause', reason: `asking the target failed: ${describeError(error).message}` }
    }
  }

  #note(target: string, admission: Admission): void {
    const before = this.#holds.get(target)
    if (admission.admitted) {
      this.#holds.delete(target)
      if (before?.told) this.#emit({ type: 'target.released', at: this.#clock.wallNow(), target })
      return
    }
    const { heldBy, heldUntil, reason } = admission
    const until = heldUntil === undefined ? {} : { heldUntil }
    const isNews = before?.told !== true || before.heldBy !== heldBy
    const tell = isNews && this.#isWorthTelling(heldBy, heldUntil)
    this.#holds.set(target, { target, heldBy, reason, ...until, told: before?.told === true || tell })
    if (tell) this.#emit({ type: 'target.held', at: this.#clock.wallNow(), target, heldBy, ...until })
  }

  #isWorthTelling(heldBy: HoldReason, heldUntil: number | undefined): boolean {
    if (heldBy === 'breaker' || heldBy === 'pause') return true
    return heldUntil !== undefined && heldUntil - this.#clock.wallNow() >= NEWS_MS
  }

  #emit(event: Parameters<EventBus['emit']>[0]): void {
    if (this.#events.active) this.#events.emit(event)
  }
}
