/**
 * Stops calling a target that keeps failing, and probes whether it is back.
 *
 * closed → (trip) → open → (open time over) → half-open → (probes succeed) → closed, or (a probe fails) → open for longer.
 *
 * Not for errors that say something about the request and nothing about the target: tell them apart with `isFailure`.
 * One breaker per target, shared by all of its calls.
 */
import type { PolicyDescription } from '../../core/description.ts'
import type { Duration } from '../../core/duration.ts'
import { RejectedError } from '../../core/errors.ts'
import type { BreakerStateName } from '../../core/events.ts'
import type { LiveExecution } from '../../core/execution.ts'
import type { Outcome } from '../../core/outcome.ts'
import { isRejection, ManualPermit, type Rejection } from '../../core/permit.ts'
import { BasePolicy, STAGES } from '../../core/policy.ts'
import { retryAfterOf } from '../../core/retry-after.ts'
import type { Gate, Stage } from '../../core/stage.ts'
import { checkClock, checkDuration, checkName, checkOneOf } from '../../core/validate.ts'
import { type IsolateOptions, Isolation, Isolations, readIsolation } from './isolation.ts'
import { BreakerMachine } from './machine.ts'
import { type BreakerMode, type BreakerPlan, type CircuitBreakerOptions, describePlan, readOptions } from './options.ts'
import type { BreakerPermit } from './permit.ts'
import { refusalOf } from './refusal.ts'
import type { BreakerChange } from './settings.ts'
import { ShadowBook } from './shadow.ts'
import { type BreakerStored, hydrate, snapshotOf } from './snapshot.ts'
import { type BreakerDetails, statusOf } from './status.ts'

export type { CircuitBreakerOptions } from './options.ts'
export type { BreakerStatus } from './status.ts'

export interface FollowOptions {
  /** Shown to whoever is refused. */
  readonly reason: string
  /** At most its own longest open time. */
  readonly openFor: Duration
  /** How often the others have opened in a row, by which the next open time grows. Default 0. */
  readonly openings?: number
}

/** A generation where nothing is timed or counted, else a permit, or the book of what a shadow lets pass. */
type Entry = number | BreakerPermit | ShadowBook

export class CircuitBreaker extends BasePolicy implements Gate {
  readonly #machine: BreakerMachine
  readonly #plan: BreakerPlan
  readonly #isolations = new Isolations()
  readonly #shadow = new ShadowBook()
  #mode: BreakerMode
  #rejected = 0
  /** What opened it: the cause of its refusals. */
  #lastError: unknown

  constructor(options: CircuitBreakerOptions = {}) {
    const plan = readOptions(options)
    super(checkName(options.name ?? 'circuit-breaker', 'circuitBreaker.name'), checkClock(options.clock, 'circuitBreaker.clock'))
    this.#plan = plan
    this.#mode = plan.mode
    this.#machine = new BreakerMachine(plan, (change) => this.#changed(change), this.clock.now())
  }

  override describe(): PolicyDescription {
    const { state, consecutiveFailures, calls, failures, share, mode } = this.status()
    const now = {
      state,
      consecutiveFailures,
      calls,
      failures,
      ...(state === 'open' ? { retryAfterMs: Math.max(0, this.#machine.openUntil - this.clock.now()) } : {}),
      ...(share < 1 ? { share } : {}),
    }
    return { name: this.name, type: 'circuit-breaker', options: { ...describePlan(this.#plan), mode }, state: now }
  }

  get [STAGES](): readonly Stage[] {
    return [{ type: 'gate', gate: this }]
  }

  /** In shadow mode: what it would be. */
  get state(): BreakerStateName {
    if (this.#machine.state === 'isolated') this.#machine.endIsolation(this.clock.now())
    return this.#machine.state
  }

  get mode(): BreakerMode {
    return this.#mode
  }

  /** Goes over to refusing calls, or to only telling which it would refuse. What was learnt is kept. */
  setMode(mode: BreakerMode): void {
    this.#mode = checkOneOf(mode, 'mode', ['enforce', 'shadow'])
  }

  status(): BreakerDetails {
    const counts = { mode: this.#mode, rejected: this.#rejected, shadow: this.#shadow }
    return statusOf(this.#machine, this.#plan.trip.window, this.clock, counts)
  }

  /** How many calls it would admit now, or how long it would refuse. Uses up nothing. */
  peek(): { readonly slots: number } | { readonly retryAfterMs?: number } {
    const answer = this.#machine.peek(this.clock.now())
    return this.#refuses ? answer : { slots: Number.POSITIVE_INFINITY }
  }

  /**
   * Rejects every call, in shadow mode too, until it is lifted, its time is over, or `reset`. Of several isolations the last
   * one counts.
   *
   * @param options a reason, or options
   */
  isolate(options: string | IsolateOptions = {}): Isolation {
    const { reason, ms } = readIsolation(options, this.clock.wallNow())
    const now = this.clock.now()
    const remove = this.#isolations.add(now + ms)
    this.#machine.isolate(reason, now, this.#isolations.end)
    return new Isolation(() => {
      if (!remove()) return
      const then = this.clock.now()
      if (this.#isolations.isEmpty) this.#machine.close('the isolation was lifted', then)
      else this.#machine.isolate(this.#machine.reason, then, this.#isolations.end)
    })
  }

  /** Closes it and forgets its failures. */
  reset(reason = 'reset by hand'): void {
    this.#machine.close(reason, this.clock.now())
  }

  /** Admits every call and only counts, until `reset`. */
  disable(reason = 'disabled by hand'): void {
    this.#machine.disable(reason, this.clock.now())
  }

  /**
   * Opens it, as failures would: for whoever knows by other means that the target is down. It probes after its open time, or
   * after `openFor`. Does nothing while it is isolated or disabled.
   */
  trip(reason = 'tripped by hand', openFor?: Duration): void {
    const ms = openFor === undefined ? undefined : checkDuration(openFor, 'trip.openFor', 1)
    const { state } = this
    if (state !== 'isolated' && state !== 'disabled') this.#machine.trip(reason, this.clock.now(), ms)
  }

  /**
   * Opens it, or corrects for how long it stays open, because others have found the target down: for whoever shares a breaker
   * among processes. Not for findings of one's own, see `trip`. Does nothing while it is isolated or disabled.
   */
  follow({ reason, openFor, openings = 0 }: FollowOptions): void {
    const ms = Math.min(checkDuration(openFor, 'follow.openFor'), this.#plan.openMaxMs)
    const { state } = this
    if (state !== 'isolated' && state !== 'disabled') this.#machine.follow(reason, this.clock.now(), ms, openings)
  }

  /**
   * Lets an open breaker begin no probe for so long, though its open time be over, unless `probe` says so: another process may
   * be probing. 0 lets it. The wait ends with the state.
   */
  holdProbes(wait: Duration): void {
    this.#machine.wait(this.clock.now() + checkDuration(wait, 'holdProbes.wait'))
  }

  /** Closes an open or half-open breaker as good probes do: for whoever knows that another process's probe was good. */
  recover(reason: string): void {
    const { state } = this.#machine
    if (state === 'open' || state === 'half-open') this.#machine.recover(reason, this.clock.now())
  }

  /** Lets an open breaker probe now: for whoever knows by other means that the target is back. Otherwise does nothing. */
  probe(reason = 'told to probe'): void {
    if (this.#machine.state === 'open') this.#machine.halfOpen(reason, this.clock.now())
  }

  /** Versioned plain data that outlives the process; see `hydrate`. */
  snapshot(): BreakerStored {
    return snapshotOf(this.#machine, this.clock)
  }

  /**
   * Goes on from a snapshot: an open breaker stays open for what is left of its time, at most its longest open time.
   *
   * @throws OptionError when it is not a snapshot of a version that this release knows
   */
  hydrate(stored: unknown): void {
    hydrate(this.#machine, stored, this.clock, this.#plan.openMaxMs)
    this.#isolations.clear()
    this.#lastError = undefined
  }

  /**
   * A permit for a caller that cannot wrap a function.
   *
   * @throws RejectedError when the breaker does not admit
   */
  acquire(): ManualPermit {
    const permit = this.#machine.tryAcquire(this.clock.now())
    const now = () => this.clock.now()
    if (!isRejection(permit)) return new ManualPermit(permit, now)
    const refusal = this.#refuse(permit)
    if (refusal instanceof RejectedError) throw refusal
    return new ManualPermit(refusal.permit(), now)
  }

  /** @internal */
  enter(execution: LiveExecution): unknown {
    const machine = this.#machine
    // The frame gives each permit back once, so while nothing is timed or counted a generation is permit enough.
    if (machine.admitsAll) return machine.generation
    const permit = machine.tryAcquire(execution.now())
    return isRejection(permit) ? this.#refuse(permit, execution) : permit
  }

  get #refuses(): boolean {
    return this.#mode === 'enforce' || this.#machine.state === 'isolated'
  }

  #refuse(rejection: Rejection, execution?: LiveExecution): RejectedError | ShadowBook {
    const refuses = this.#refuses
    if (refuses) this.#rejected++
    else this.#shadow.rejected++
    if (this.events.active) {
      const wait = rejection.retryAfterMs === undefined ? {} : { retryAfterMs: rejection.retryAfterMs }
      const type = refuses ? 'circuit-breaker.rejected' : 'circuit-breaker.would-reject'
      this.events.emit({ ...this.about(execution), type, ...wait })
    }
    return refuses ? refusalOf(this.name, this.#machine.state, rejection, this.#lastError) : this.#shadow
  }

  /** @internal */
  succeeded(entry: unknown, value: unknown, execution: LiveExecution): void {
    const outcome = this.#plan.classifyResult?.(value) ?? 'success'
    this.#release(entry as Entry, outcome, execution, this.#askedBy(outcome, value))
  }

  /** @internal */
  failed(entry: unknown, error: unknown, execution: LiveExecution): void {
    const outcome = this.#plan.classify(error)
    const { opened } = this.#machine
    this.#release(entry as Entry, outcome, execution, this.#askedBy(outcome, error))
    if (this.#machine.opened > opened) this.#lastError = error
  }

  /** How long a failure, be it an error or a response, asks everybody to stay away. */
  #askedBy(outcome: Outcome, told: unknown): number | undefined {
    return outcome === 'failure' && this.#plan.hearsRetryAfter ? retryAfterOf(told, this.clock.wallNow()) : undefined
  }

  /** @internal */
  cancelled(entry: unknown, execution: LiveExecution): void {
    this.#release(entry as Entry, 'neutral', execution)
  }

  #release(entry: Entry, outcome: Outcome, execution: LiveExecution, askedMs?: number): void {
    const machine = this.#machine
    const untimed = machine.state === 'closed' && outcome === 'success' && !machine.timesSuccesses
    const stale = machine.stale
    const now = untimed ? 0 : this.clock.now()
    if (typeof entry === 'number') machine.settleUntimed(entry, outcome, now, askedMs)
    else entry.release(outcome, now, askedMs)
    if (machine.stale > stale && this.events.active)
      this.events.emit({ ...this.about(execution), type: 'circuit-breaker.stale', outcome })
  }

  #changed(change: BreakerChange): void {
    if (change.to !== 'isolated') this.#isolations.clear()
    if (change.to === 'closed') this.#lastError = undefined
    if (!this.events.active) return
    const byHand = change.to === 'isolated' || change.from === 'isolated'
    const type = this.#mode === 'enforce' || byHand ? 'circuit-breaker.changed' : 'circuit-breaker.would-change'
    this.events.emit({ ...this.about(), type, ...change })
  }
}

/**
 * @throws OptionError for an unknown option or a value out of bounds
 * @example
 * const breaker = circuitBreaker({ trip: { consecutive: 3 }, openFor: '30s' })
 * await breaker.execute(() => 'answer')
 */
export function circuitBreaker(options: CircuitBreakerOptions = {}): CircuitBreaker {
  return new CircuitBreaker(options)
}
