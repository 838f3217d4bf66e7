/**
 * The breaker as a pure machine: told the time, it decides and learns; it never looks at a clock.
 *
 * Every change of state begins a new generation. A permit remembers the generation that gave it, and a result that comes
 * back to a later one is stale: counted, and nothing else. In half-open each probe has a lease; one that runs out counts as
 * a failed probe, so a hung call never strands the breaker. Cancelled and ignored calls are neutral everywhere.
 */
import type { BreakerStateName } from '../../core/events.ts'
import type { Outcome } from '../../core/outcome.ts'
import type { Permit, Rejection } from '../../core/permit.ts'
import { type Trip, tripReason } from './trip.ts'

export interface BreakerSettings {
  readonly trip: Trip
  readonly openMs: number
  /** The open time doubles with each failed probe up to this. */
  readonly openMaxMs: number
  readonly halfOpenCalls: number
  readonly successes: number
  readonly probeLeaseMs: number
}

export interface BreakerChange {
  readonly from: BreakerStateName
  readonly to: BreakerStateName
  readonly reason: string
  readonly retryAfterMs?: number
}

export class BreakerPermit implements Permit {
  readonly generation: number
  /** When it was given; only read while slow calls or probes matter. */
  readonly startedAt: number
  readonly #machine: BreakerMachine
  #released = false

  constructor(machine: BreakerMachine, generation: number, startedAt: number) {
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

export class BreakerMachine {
  readonly #settings: BreakerSettings
  readonly #onChange: (change: BreakerChange, now: number) => void
  /** True when a closed breaker needs the time of a call's start. */
  readonly timesCalls: boolean
  /** True when a success needs to be recorded with its time. */
  readonly timesSuccesses: boolean
  readonly #probes = new Set<BreakerPermit>()
  #state: BreakerStateName = 'closed'
  #generation = 0
  #since = 0
  #reason = ''
  #openUntil = 0
  #reopened = 0
  #consecutive = 0
  #successes = 0
  #stale = 0

  /** @param now when it was made: since then it is closed */
  constructor(settings: BreakerSettings, onChange: (change: BreakerChange, now: number) => void, now = 0) {
    this.#settings = settings
    this.timesCalls = settings.trip.slowAfter !== Number.POSITIVE_INFINITY
    this.timesSuccesses = settings.trip.window !== undefined
    this.#onChange = onChange
    this.#since = now
  }

  get state(): BreakerStateName {
    return this.#state
  }

  get generation(): number {
    return this.#generation
  }

  /** When it entered this state, by the machine's own time. */
  get since(): number {
    return this.#since
  }

  get reason(): string {
    return this.#reason
  }

  get consecutiveFailures(): number {
    return this.#consecutive
  }

  /** Results that came back to a later generation. */
  get stale(): number {
    return this.#stale
  }

  get openUntil(): number {
    return this.#openUntil
  }

  get reopened(): number {
    return this.#reopened
  }

  /** True while every call is admitted and none is timed: then the generation alone is a permit, see `settleUntimed`. */
  get admitsAll(): boolean {
    return this.#state === 'closed' && !this.timesCalls
  }

  tryAcquire(now: number): BreakerPermit | Rejection {
    switch (this.#state) {
      case 'closed':
      case 'disabled':
        return new BreakerPermit(this, this.#generation, now)
      case 'isolated':
        return { rejected: true, reason: this.#reason }
      case 'open':
        if (now < this.#openUntil) return this.#rejection(this.#openUntil - now)
        this.#change('half-open', 'the open time is over', now)
        return this.#probe(now)
      case 'half-open':
        this.expireProbes(now)
        if (this.#state !== 'half-open') return this.#rejection(this.#openUntil - now)
        return this.#probes.size < this.#settings.halfOpenCalls
          ? this.#probe(now)
          : this.#rejection(this.#probeEta(now), 'its probes are still out')
    }
  }

  /** What `tryAcquire` would answer, without moving anything: how many calls may start now, or when. */
  peek(now: number): { readonly slots: number } | { readonly retryAfterMs?: number } {
    switch (this.#state) {
      case 'closed':
      case 'disabled':
        return { slots: Number.POSITIVE_INFINITY }
      case 'isolated':
        return {}
      case 'open':
        return now < this.#openUntil ? { retryAfterMs: this.#openUntil - now } : { slots: this.#settings.halfOpenCalls }
      case 'half-open': {
        this.expireProbes(now)
        if (this.state !== 'half-open') return { retryAfterMs: this.#openUntil - now }
        const slots = this.#settings.halfOpenCalls - this.#probes.size
        return slots > 0 ? { slots } : { retryAfterMs: this.#probeEta(now) }
      }
    }
  }

  #probe(now: number): BreakerPermit {
    const permit = new BreakerPermit(this, this.#generation, now)
    this.#probes.add(permit)
    return permit
  }

  #probeEta(now: number): number {
    let earliest = Number.POSITIVE_INFINITY
    for (const probe of this.#probes) earliest = Math.min(earliest, probe.startedAt)
    return Math.max(0, earliest + this.#settings.probeLeaseMs - now)
  }

  #rejection(retryAfterMs: number, reason = this.#reason): Rejection {
    return { rejected: true, retryAfterMs, reason }
  }

  /** A probe whose lease has run out counts as failed. */
  expireProbes(now: number): void {
    if (this.#state !== 'half-open') return
    for (const probe of this.#probes) {
      if (probe.startedAt + this.#settings.probeLeaseMs > now) continue
      this.#reopen('a probe did not come back in time', now)
      return
    }
  }

  /** @internal called by a permit, once */
  settle(permit: BreakerPermit, outcome: Outcome, now: number): void {
    if (permit.generation !== this.#generation) {
      if (outcome !== 'neutral') this.#stale++
      return
    }
    if (this.#state === 'half-open') {
      this.#probes.delete(permit)
      if (outcome === 'success') this.#probeSucceeded(now)
      else if (outcome === 'failure') this.#reopen('a probe failed', now)
    } else if (outcome !== 'neutral') this.#learn(outcome === 'failure', permit.startedAt, now)
  }

  /** The result of a call that was admitted while `admitsAll`, under the generation of that time. */
  settleUntimed(generation: number, outcome: Outcome, now: number): void {
    if (outcome === 'neutral') return
    if (generation === this.#generation) this.#learn(outcome === 'failure', now, now)
    else this.#stale++
  }

  #learn(failed: boolean, startedAt: number, now: number): void {
    const { trip } = this.#settings
    this.#consecutive = failed ? this.#consecutive + 1 : 0
    const slow = this.timesCalls && now - startedAt >= trip.slowAfter
    trip.window?.record(failed, slow, now)
    if (!failed && !slow) return
    const reason = tripReason(trip, this.#consecutive)
    if (reason !== undefined && this.#state === 'closed') this.open(reason, now)
  }

  #probeSucceeded(now: number): void {
    this.#successes++
    if (this.#successes >= this.#settings.successes) this.close(`${this.#successes} probes succeeded`, now)
  }

  #reopen(reason: string, now: number): void {
    this.#reopened++
    this.open(reason, now)
  }

  /** Opens for the open time, or for `forMs`. */
  open(reason: string, now: number, forMs?: number): void {
    const { openMs, openMaxMs } = this.#settings
    const ms = forMs ?? Math.min(openMaxMs, openMs * 2 ** Math.min(this.#reopened, 30))
    this.#openUntil = now + ms
    this.#change('open', reason, now, ms)
  }

  close(reason: string, now: number): void {
    this.#reopened = 0
    this.#change('closed', reason, now)
  }

  /** Rejects everything until `close`. */
  isolate(reason: string, now: number): void {
    this.#change('isolated', reason, now)
  }

  /** Admits everything and keeps counting, until `close`. */
  disable(reason: string, now: number): void {
    this.#change('disabled', reason, now)
  }

  /** Takes over a state from before a restart, without telling anybody; what was learnt here is forgotten. */
  restore(state: BreakerStateName, reason: string, openUntil: number, reopened: number, since: number): void {
    this.#begin(state, reason, since)
    this.#openUntil = openUntil
    this.#reopened = reopened
  }

  #change(to: BreakerStateName, reason: string, now: number, retryAfterMs?: number): void {
    const from = this.#state
    this.#begin(to, reason, now)
    this.#onChange(retryAfterMs === undefined ? { from, to, reason } : { from, to, reason, retryAfterMs }, now)
  }

  #begin(state: BreakerStateName, reason: string, since: number): void {
    this.#generation++
    this.#state = state
    this.#since = since
    this.#reason = reason
    this.#successes = 0
    this.#consecutive = 0
    this.#probes.clear()
    if (state === 'closed') this.#settings.trip.window?.clear()
  }
}
