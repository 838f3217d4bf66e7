/**
 * The breaker as a pure machine: told the time, it decides and learns; it never looks at a clock.
 *
 * Every change of state begins a new generation. A permit remembers the generation that gave it, and a result that comes
 * back to a later one is stale: counted, and nothing else. In half-open each probe has a lease; one that runs out counts as
 * a failed probe, so a hung call never strands the breaker. Cancelled and ignored calls are neutral everywhere.
 */
import type { BreakerStateName } from '../../core/events.ts'
import type { Outcome } from '../../core/outcome.ts'
import type { Rejection } from '../../core/permit.ts'
import { Openings } from './openings.ts'
import { BreakerPermit, type Issuer } from './permit.ts'
import { Probes } from './probes.ts'
import { Ramp } from './ramp.ts'
import type { BreakerChange, BreakerMemory, BreakerSettings } from './settings.ts'
import { tripReason } from './trip.ts'

export class BreakerMachine implements Issuer {
  readonly #settings: BreakerSettings
  readonly #onChange: (change: BreakerChange) => void
  /** True when a closed breaker needs the time of a call's start. */
  readonly timesCalls: boolean
  /** True when a success needs to be recorded with its time. */
  readonly timesSuccesses: boolean
  readonly #openings: Openings
  readonly #probes: Probes
  #state: BreakerStateName = 'closed'
  #admitsAll: boolean
  #generation = 0
  #since = 0
  #reason = ''
  #openUntil = 0
  /** No probe goes before, though the open time is over. */
  #waitUntil = Number.NEGATIVE_INFINITY
  #isolatedUntil = Number.POSITIVE_INFINITY
  #ramp: Ramp | undefined
  #consecutive = 0
  #stale = 0

  /** @param now when it was made: since then it is closed */
  constructor(settings: BreakerSettings, onChange: (change: BreakerChange) => void, now = 0) {
    this.#settings = settings
    this.#openings = new Openings(settings)
    this.#probes = new Probes(settings.probeLeaseMs)
    this.timesCalls = settings.trip.slowAfter !== Number.POSITIVE_INFINITY
    this.timesSuccesses = settings.trip.window !== undefined
    this.#admitsAll = !this.timesCalls
    this.#onChange = onChange
    this.#since = now
  }

  get state(): BreakerStateName {
    return this.#state
  }

  get generation(): number {
    return this.#generation
  }

  get reason(): string {
    return this.#reason
  }

  /** Results that came back to a later generation. */
  get stale(): number {
    return this.#stale
  }

  /** How often it has opened. */
  get opened(): number {
    return this.#openings.total
  }

  get openUntil(): number {
    return this.#openUntil
  }

  get probes(): { readonly running: number; readonly succeeded: number; readonly failed: number } {
    const { running, succeeded, failed } = this.#probes
    return { running, succeeded, failed }
  }

  get memory(): BreakerMemory {
    return {
      state: this.#state,
      reason: this.#reason,
      since: this.#since,
      openUntil: this.#openUntil,
      isolatedUntil: this.#isolatedUntil,
      openings: this.#openings.inARow,
      consecutiveFailures: this.#consecutive,
      ramping: this.#ramp !== undefined,
    }
  }

  /** True while every call is admitted and none is timed: then the generation alone is a permit, see `settleUntimed`. */
  get admitsAll(): boolean {
    return this.#admitsAll
  }

  /** The share of calls that a closed breaker admits, after a recovery. */
  share(now: number): number {
    return this.#ramp?.share(now) ?? 1
  }

  tryAcquire(now: number): BreakerPermit | Rejection {
    this.endIsolation(now)
    switch (this.#state) {
      case 'closed':
        return this.#ramp === undefined ? this.#permit(now) : this.#climb(this.#ramp, now)
      case 'disabled':
        return this.#permit(now)
      case 'isolated':
        return this.#isolatedUntil === Number.POSITIVE_INFINITY
          ? { rejected: true, reason: this.#reason }
          : this.#rejection(this.#isolatedUntil - now)
      case 'open':
        if (now < this.#openUntil) return this.#rejection(this.#openUntil - now)
        if (now < this.#waitUntil) return this.#rejection(this.#waitUntil - now, 'another process may be probing')
        this.halfOpen('the open time is over', now)
        // Whoever was told of that may have isolated it, or closed it, by now.
        return this.tryAcquire(now)
      case 'half-open':
        this.expireProbes(now)
        if (this.#state !== 'half-open') return this.#rejection(this.#openUntil - now)
        return this.#probes.running < this.#settings.halfOpenCalls
          ? this.#probes.add(this.#permit(now))
          : this.#rejection(this.#probes.eta(now), 'its probes are still out')
    }
  }

  /** What `tryAcquire` would answer, without moving anything: how many calls may start now, or when. */
  peek(now: number): { readonly slots: number } | { readonly retryAfterMs?: number } {
    this.endIsolation(now)
    switch (this.#state) {
      case 'closed':
        // One at a time climbs the ramp; whether it is admitted is decided when it comes.
        return { slots: this.share(now) < 1 ? 1 : Number.POSITIVE_INFINITY }
      case 'disabled':
        return { slots: Number.POSITIVE_INFINITY }
      case 'isolated':
        return this.#isolatedUntil === Number.POSITIVE_INFINITY ? {} : { retryAfterMs: this.#isolatedUntil - now }
      case 'open':
        if (now < this.#openUntil) return { retryAfterMs: this.#openUntil - now }
        return now < this.#waitUntil ? { retryAfterMs: this.#waitUntil - now } : { slots: this.#settings.halfOpenCalls }
      case 'half-open': {
        this.expireProbes(now)
        if (this.state !== 'half-open') return { retryAfterMs: this.#openUntil - now }
        const slots = this.#settings.halfOpenCalls - this.#probes.running
        return slots > 0 ? { slots } : { retryAfterMs: this.#probes.eta(now) }
      }
    }
  }

  #permit(now: number): BreakerPermit {
    return new BreakerPermit(this, this.#generation, now)
  }

  #climb(ramp: Ramp, now: number): BreakerPermit | Rejection {
    const share = ramp.share(now)
    if (share >= 1) {
      this.#ramp = undefined
      this.#admitsAll = !this.timesCalls
    } else if (!ramp.admits(now))
      return this.#rejection(ramp.wait(now, this.#settings.random), `recovering, admits ${Math.floor(share * 100)} % of calls`)
    return this.#permit(now)
  }

  #rejection(retryAfterMs: number, reason = this.#reason): Rejection {
    return { rejected: true, retryAfterMs, reason }
  }

  /** A probe whose lease has run out counts as failed. */
  expireProbes(now: number): void {
    while (this.#probes.expireOne(now)) this.#probeFailed('a probe did not come back in time', now)
  }

  /** @internal called by a permit, once */
  settle(permit: BreakerPermit, outcome: Outcome, now: number, askedMs?: number): void {
    if (permit.generation !== this.#generation) {
      if (outcome !== 'neutral') this.#stale++
    } else if (this.#state === 'half-open') this.#settleProbe(permit, outcome, now, askedMs)
    else if (outcome !== 'neutral') this.#learn(outcome === 'failure', permit.startedAt, now, askedMs)
  }

  #settleProbe(permit: BreakerPermit, outcome: Outcome, now: number, askedMs?: number): void {
    const leased = this.#probes.leave(permit)
    if (outcome === 'neutral') return
    // It has been counted when its lease ran out.
    if (!leased) this.#stale++
    else if (outcome === 'failure') this.#probeFailed('a probe failed', now, askedMs)
    else if (this.#isSlow(permit.startedAt, now)) this.#probeFailed('a probe was slow', now)
    else if (++this.#probes.succeeded >= this.#settings.successes) this.recover(`${this.#probes.succeeded} probes succeeded`, now)
  }

  /** The result of a call that was admitted while `admitsAll`, under the generation of that time. */
  settleUntimed(generation: number, outcome: Outcome, now: number, askedMs?: number): void {
    if (outcome === 'neutral') return
    if (generation === this.#generation) this.#learn(outcome === 'failure', now, now, askedMs)
    else this.#stale++
  }

  #learn(failed: boolean, startedAt: number, now: number, askedMs = 0): void {
    const { trip } = this.#settings
    this.#consecutive = failed ? this.#consecutive + 1 : 0
    const slow = this.#isSlow(startedAt, now)
    trip.window?.record(failed, slow, now)
    if ((!failed && !slow) || this.#state !== 'closed') return
    const asked = askedMs > 0 && this.#settings.opensWhenAsked
    const reason = tripReason(trip, this.#consecutive) ?? (asked ? 'the target asked to be left alone' : undefined)
    if (reason === undefined) return
    this.#openings.heal(now - this.#since)
    this.#open(reason, now, askedMs)
  }

  #isSlow(startedAt: number, now: number): boolean {
    return this.timesCalls && now - startedAt >= this.#settings.trip.slowAfter
  }

  /** The one too many opens it, and then no probe is out any more. */
  #probeFailed(reason: string, now: number, askedMs?: number): void {
    const { failures = 1 } = this.#settings
    if (++this.#probes.failed < failures) return
    this.#open(failures === 1 ? reason : `${failures} probes failed, at last: ${reason}`, now, askedMs)
  }

  #open(reason: string, now: number, askedMs?: number): void {
    this.trip(reason, now, this.#openings.timeOfNext(askedMs))
  }

  /** Opens for `forMs`, by default as long as it would by itself. */
  trip(reason: string, now: number, forMs = this.#openings.timeOfNext()): void {
    this.#openings.count()
    this.#openUntil = now + forMs
    this.#change('open', reason, now, forMs)
  }

  /** Opens it, or corrects how long it stays open, as others have found; `openings` in a row are theirs. */
  follow(reason: string, now: number, forMs: number, openings: number): void {
    this.#openings.follow(openings, this.#state === 'closed')
    this.#openUntil = now + forMs
    if (this.#state !== 'open') this.#change('open', reason, now, forMs)
  }

  /** Once the open time is over, probes wait until then, or until `halfOpen`. */
  wait(until: number): void {
    this.#waitUntil = until
  }

  /** Lets probes go now. */
  halfOpen(reason: string, now: number): void {
    this.#change('half-open', reason, now)
  }

  /** Closes it as its own probes do: with the ramp, if there is one. */
  recover(reason: string, now: number): void {
    const { ramp } = this.#settings
    this.#openings.recovered()
    this.#change('closed', reason, now, undefined, ramp && new Ramp(ramp, now))
  }

  /** Closes it for everybody at once, and forgets how often it has opened. */
  close(reason: string, now: number): void {
    this.#openings.inARow = 0
    this.#change('closed', reason, now)
  }

  /** Rejects everything until `until`, or until `close`. */
  isolate(reason: string, now: number, until = Number.POSITIVE_INFINITY): void {
    if (this.#state !== 'isolated' || this.#reason !== reason) this.#change('isolated', reason, now)
    this.#isolatedUntil = until
  }

  /** Closes it when its isolation is over. */
  endIsolation(now: number): void {
    if (now >= this.#isolatedUntil) this.close('the isolation is over', now)
  }

  /** Admits everything and keeps counting, until `close`. */
  disable(reason: string, now: number): void {
    this.#change('disabled', reason, now)
  }

  /** Takes over a state from before a restart, without telling anybody; what was learnt here is forgotten. */
  restore(memory: BreakerMemory): void {
    const { state, since } = memory
    const { ramp } = this.#settings
    this.#begin(state, memory.reason, since, memory.ramping && ramp && state === 'closed' ? new Ramp(ramp, since) : undefined)
    this.#openUntil = memory.openUntil
    if (state === 'isolated') this.#isolatedUntil = memory.isolatedUntil
    if (state === 'closed') this.#consecutive = memory.consecutiveFailures
    this.#openings.inARow = memory.openings
  }

  #change(to: BreakerStateName, reason: string, now: number, retryAfterMs?: number, ramp?: Ramp): void {
    const from = this.#state
    this.#begin(to, reason, now, ramp)
    this.#onChange(retryAfterMs === undefined ? { from, to, reason } : { from, to, reason, retryAfterMs })
  }

  #begin(state: BreakerStateName, reason: string, since: number, ramp?: Ramp): void {
    this.#generation++
    this.#state = state
    this.#ramp = ramp
    this.#admitsAll = state === 'closed' && !this.timesCalls && ramp === undefined
    this.#since = since
    this.#reason = reason
    this.#isolatedUntil = Number.POSITIVE_INFINITY
    this.#waitUntil = Number.NEGATIVE_INFINITY
    this.#consecutive = 0
    this.#probes.clear()
    if (state === 'closed') this.#settings.trip.window?.clear()
  }
}
