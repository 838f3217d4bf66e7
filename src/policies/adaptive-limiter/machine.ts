/**
 * At most as many at once as an algorithm allows, a bounded queue of those who wait, and the samples that the algorithm
 * learns from.
 *
 * Invariants: nobody waits while a place is free, so a freed place goes straight to the head of the queue; a permit of an
 * earlier epoch, that is of another limit, gives its place back and teaches nothing.
 *
 * After a change of the limit a new window begins only when the calls of the old one are back. Were it to begin at once, it
 * would see the short calls of the new limit come back and not the long ones, and take the target for faster than it is.
 */
import { FirstCome } from '../../core/first-come.ts'
import type { Outcome } from '../../core/outcome.ts'
import type { Permit, Rejection } from '../../core/permit.ts'
import type { Limit } from './limit.ts'
import { SampleWindow, type SampleWindowSettings } from './sample-window.ts'

/** Somebody who waits. `grant` is called once, with the permit. */
export interface Waiter {
  readonly grant: (permit: AdaptivePermit) => void
}

/** Its generation is the epoch of the limit under which it was given. `failure` is a loss. */
export class AdaptivePermit implements Permit {
  readonly generation: number
  readonly startedAt: number
  readonly #machine: AdaptiveMachine
  #released = false

  constructor(machine: AdaptiveMachine, generation: number, startedAt: number) {
    this.#machine = machine
    this.generation = generation
    this.startedAt = startedAt
  }

  release(outcome: Outcome, now: number): void {
    if (this.#released) return
    this.#released = true
    this.#machine.settle(this, outcome, now)
  }
}

export interface LimitChange {
  readonly from: number
  readonly to: number
  readonly reason: string
  readonly rttMs: number | undefined
  readonly baselineMs: number | undefined
}

/** The calls of the old limit are waited for so many round trips at most: one of them may hang. */
const SETTLING_ROUND_TRIPS = 4

export interface AdaptiveSettings {
  readonly window: SampleWindowSettings
  readonly queueLimit: number
  /** A call that took longer counts as lost, even though it came back. */
  readonly lossAfterMs: number
}

export class AdaptiveMachine {
  readonly queueLimit: number
  readonly #algorithm: Limit
  readonly #lossAfterMs: number
  readonly #window: SampleWindow
  readonly #onChange: (change: LimitChange) => void
  readonly #queue = new FirstCome<Waiter>()
  #limit: number
  #epoch = 0
  #inFlight = 0
  /** When the last call ended. */
  #endedAt: number
  /** Calls in flight that began under an earlier limit, and until when they are waited for; then a window begins. */
  #earlier = 0
  #settling = false
  #settlingUntil = 0
  #rttMs: number | undefined
  #stale = 0

  constructor(algorithm: Limit, settings: AdaptiveSettings, onChange: (change: LimitChange) => void, now: number) {
    this.#algorithm = algorithm
    this.#limit = Math.floor(algorithm.value)
    this.queueLimit = settings.queueLimit
    this.#lossAfterMs = settings.lossAfterMs
    this.#window = new SampleWindow(settings.window, now)
    this.#onChange = onChange
    this.#endedAt = now
  }

  get limit(): number {
    return this.#limit
  }

  /** The limit that is worth keeping over a restart. */
  get learnt(): number {
    return Math.floor(this.#algorithm.learnt)
  }

  get inFlight(): number {
    return this.#inFlight
  }

  get queued(): number {
    return this.#queue.size
  }

  /** Counts the changes of the limit. */
  get epoch(): number {
    return this.#epoch
  }

  /** Results that were not learnt from, because the limit had changed since their call began. */
  get stale(): number {
    return this.#stale
  }

  /** The round trip of the last full window. */
  get rttMs(): number | undefined {
    return this.#rttMs
  }

  get baselineMs(): number | undefined {
    return this.#algorithm.baselineMs
  }

  /** True when one more would be refused, if those above the limit had queued. For trying a limit out: then nobody queues. */
  get full(): boolean {
    return this.#inFlight >= this.#limit + this.queueLimit
  }

  tryAcquire(now: number): AdaptivePermit | Rejection {
    if (this.#inFlight < this.#limit) return this.admit(now)
    const reason = `${this.#inFlight} calls are in flight, and ${this.#limit} is the limit now`
    return this.#rttMs === undefined
      ? { rejected: true, reason }
      : { rejected: true, reason, retryAfterMs: Math.ceil((this.#rttMs * (this.#queue.size + 1)) / this.#limit) }
  }

  /** A permit whatever the limit says; for trying a limit out without enforcing it. */
  admit(now: number): AdaptivePermit {
    // What was measured before a pause says nothing about now.
    if (this.#inFlight === 0 && now - this.#endedAt > this.#window.ms) this.#window.begin(now, 0)
    this.#inFlight++
    this.#window.admitted(this.#inFlight)
    return new AdaptivePermit(this, this.#epoch, now)
  }

  /** Takes a place in the queue; false when it is full. Only sensible after `tryAcquire` refused. */
  wait(waiter: Waiter): boolean {
    if (this.#queue.size >= this.queueLimit) return false
    this.#queue.add(waiter)
    return true
  }

  /** Leaves the queue; the place is free at once. */
  leave(waiter: Waiter): void {
    this.#queue.delete(waiter)
  }

  /** @internal called by a permit, once */
  settle(permit: AdaptivePermit, outcome: Outcome, now: number): void {
    this.#inFlight--
    if (permit.generation !== this.#epoch && --this.#earlier === 0) this.#settled(now)
    this.#endedAt = now
    if (outcome !== 'neutral') this.#learn(permit, outcome === 'failure', now)
    this.#handOver(now)
  }

  #learn(permit: AdaptivePermit, lost: boolean, now: number): void {
    if (permit.generation !== this.#epoch) {
      this.#stale++
      return
    }
    if (this.#settling) {
      if (now < this.#settlingUntil) return
      this.#settled(now)
    }
    const rttMs = now - permit.startedAt
    if (lost || rttMs > this.#lossAfterMs) this.#window.lose()
    else this.#window.add(rttMs)
    if (this.#window.ready(now)) this.#adapt(now)
  }

  #settled(now: number): void {
    if (!this.#settling) return
    this.#settling = false
    this.#window.begin(now, this.#inFlight)
  }

  #adapt(now: number): void {
    const { rttMs, maxInFlight, dropped } = this.#window
    if (!Number.isNaN(rttMs)) this.#rttMs = rttMs
    this.#algorithm.onSample(now, rttMs, maxInFlight, dropped)
    this.#window.begin(now, this.#inFlight)
    this.#follow(now)
  }

  /** Takes over what an earlier process learnt. */
  restore(now: number, limit: number, baselineMs: number | undefined): void {
    this.#algorithm.restore(now, limit, baselineMs)
    this.#window.begin(now, this.#inFlight)
    this.#follow(now)
    this.#handOver(now)
  }

  #follow(now: number): void {
    const from = this.#limit
    const to = Math.floor(this.#algorithm.value)
    if (to === from) return
    this.#limit = to
    this.#epoch++
    this.#earlier = this.#inFlight
    this.#settling = this.#inFlight > 0
    this.#settlingUntil = now + SETTLING_ROUND_TRIPS * (this.#rttMs ?? 0)
    const { reason, baselineMs } = this.#algorithm
    this.#onChange({ from, to, reason, rttMs: this.#rttMs, baselineMs })
  }

  #handOver(now: number): void {
    for (let { first: head } = this.#queue; head !== undefined; head = this.#queue.first) {
      if (this.#inFlight >= this.#limit) return
      this.#queue.delete(head)
      head.grant(this.admit(now))
    }
  }
}
