/**
 * Stops calling a target that keeps failing, and probes whether it is back.
 *
 * closed → (trip) → open → (open time over) → half-open → (probes succeed) → closed, or (a probe fails) → open for longer.
 *
 * Not for errors that say something about the request and nothing about the target: tell them apart with `isFailure`.
 * One breaker per target, shared by all of its calls.
 */

import { type Clock, systemClock } from '../../core/clock.ts'
import type { PlainRecord, PolicyDescription } from '../../core/description.ts'
import { type Duration, formatDuration } from '../../core/duration.ts'
import { OptionError, RejectedError } from '../../core/errors.ts'
import { type BreakerStateName, reportListenerError } from '../../core/events.ts'
import type { LiveExecution } from '../../core/execution.ts'
import type { Outcome } from '../../core/outcome.ts'
import { isRejection, ManualPermit, type Rejection } from '../../core/permit.ts'
import { BasePolicy, STAGES } from '../../core/policy.ts'
import type { Gate, Stage } from '../../core/stage.ts'
import { checkDuration, checkFunction, checkInteger, checkKnown, checkName } from '../../core/validate.ts'
import { type BreakerChange, BreakerMachine, type BreakerPermit } from './machine.ts'
import { type BreakerStored, hydrate, snapshotOf } from './snapshot.ts'
import { describeTrip, readTrip, type TripOptions } from './trip.ts'
import type { CallWindow } from './window.ts'

export interface CircuitBreakerOptions {
  /** When it opens. Default: 5 failures in a row. */
  readonly trip?: TripOptions
  /** How long it stays open before it probes. Default 60 s. */
  readonly openFor?: Duration
  /** Each failed probe doubles the open time up to this. Default: `openFor`, no growth. */
  readonly openForMax?: Duration
  readonly halfOpen?: {
    /** How many probes may run at once. Default 1. */
    readonly maxCalls?: number
    /** How many must succeed to close. Default 1. */
    readonly successes?: number
    /** A probe that takes longer counts as failed. Default: `openFor`, at least 30 s. */
    readonly probeLease?: Duration
  }
  /** Which errors speak against the target; others are neutral. Default: all. */
  readonly isFailure?: (error: unknown) => boolean
  /**
   * What each error says of the target, instead of `isFailure`: an answer such as 404 is a `success`, since the target
   * answers; a fault of the caller is `neutral`.
   */
  readonly classify?: (error: unknown) => Outcome
  /** Which results speak against the target. Default: none. */
  readonly isFailureResult?: (value: unknown) => boolean
  /** Default `'circuit-breaker'`. */
  readonly name?: string
  readonly clock?: Clock
}

export interface BreakerStatus {
  readonly state: BreakerStateName
  /** Epoch ms when it entered this state. */
  readonly since: number
  readonly reason: string
  /** Epoch ms of the next probe, while open. */
  readonly probeAt: number | undefined
  readonly consecutiveFailures: number
  /** Finished calls in the window, and failures among them; without a window the failures in a row. */
  readonly calls: number
  readonly failures: number
  /** Results that came back too late to count. */
  readonly stale: number
}

export class CircuitBreaker extends BasePolicy implements Gate {
  readonly #machine: BreakerMachine
  readonly #window: CallWindow | undefined
  readonly #classify: (error: unknown) => Outcome
  readonly #classifyResult: ((value: unknown) => Outcome) | undefined
  readonly #openMaxMs: number
  readonly #options: PlainRecord

  constructor(options: CircuitBreakerOptions = {}) {
    checkKnown(
      options,
      ['trip', 'openFor', 'openForMax', 'halfOpen', 'isFailure', 'classify', 'isFailureResult', 'name', 'clock'],
      'circuitBreaker',
    )
    super(checkName(options.name ?? 'circuit-breaker', 'circuitBreaker.name'), options.clock ?? systemClock)
    const halfOpen = options.halfOpen ?? {}
    checkKnown(halfOpen, ['maxCalls', 'successes', 'probeLease'], 'circuitBreaker.halfOpen')
    const trip = readTrip(options.trip ?? { consecutive: 5 }, 'circuitBreaker.trip')
    const openMs = checkDuration(options.openFor ?? 60_000, 'circuitBreaker.openFor', 1)
    this.#openMaxMs = checkDuration(options.openForMax ?? openMs, 'circuitBreaker.openForMax', openMs)
    this.#window = trip.window
    this.#classify = classifier(options)
    this.#classifyResult = resultClassifier(options)
    const settings = {
      trip,
      openMs,
      openMaxMs: this.#openMaxMs,
      halfOpenCalls: checkInteger(halfOpen.maxCalls ?? 1, 'circuitBreaker.halfOpen.maxCalls', 1),
      successes: checkInteger(halfOpen.successes ?? 1, 'circuitBreaker.halfOpen.successes', 1),
      probeLeaseMs: checkDuration(halfOpen.probeLease ?? Math.max(openMs, 30_000), 'circuitBreaker.halfOpen.probeLease', 1),
    }
    this.#options = {
      ...describeTrip(trip),
      openForMs: openMs,
      openForMaxMs: this.#openMaxMs,
      halfOpenCalls: settings.halfOpenCalls,
      successes: settings.successes,
      probeLeaseMs: settings.probeLeaseMs,
    }
    this.#machine = new BreakerMachine(settings, (change) => this.#changed(change), this.clock.now())
  }

  override describe(): PolicyDescription {
    const { state, consecutiveFailures, calls, failures } = this.status()
    const { openUntil } = this.#machine
    const wait = state === 'open' ? { retryAfterMs: Math.max(0, openUntil - this.clock.now()) } : {}
    const now = { state, consecutiveFailures, calls, failures, ...wait }
    return { name: this.name, type: 'circuit-breaker', options: this.#options, state: now }
  }

  get [STAGES](): readonly Stage[] {
    return [{ type: 'gate', gate: this }]
  }

  get state(): BreakerStateName {
    return this.#machine.state
  }

  status(): BreakerStatus {
    const machine = this.#machine
    const now = this.clock.now()
    const offset = this.clock.wallNow() - now
    this.#window?.expire(now)
    return {
      state: machine.state,
      since: Math.round(machine.since + offset),
      reason: machine.reason,
      probeAt: machine.state === 'open' ? Math.ceil(machine.openUntil + offset) : undefined,
      consecutiveFailures: machine.consecutiveFailures,
      calls: this.#window?.calls ?? machine.consecutiveFailures,
      failures: this.#window?.failures ?? machine.consecutiveFailures,
      stale: machine.stale,
    }
  }

  /** How many calls it would admit now, or how long it would refuse. Uses up nothing. */
  peek(): { readonly slots: number } | { readonly retryAfterMs?: number } {
    return this.#machine.peek(this.clock.now())
  }

  /** Rejects every call until `reset`. */
  isolate(reason = 'isolated by hand'): void {
    this.#machine.isolate(reason, this.clock.now())
  }

  /** Closes it and forgets its failures. */
  reset(reason = 'reset by hand'): void {
    this.#machine.close(reason, this.clock.now())
  }

  /** Admits every call and only counts, until `reset`. */
  disable(reason = 'disabled by hand'): void {
    this.#machine.disable(reason, this.clock.now())
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
    hydrate(this.#machine, stored, this.clock, this.#openMaxMs)
  }

  /**
   * A permit for a caller that cannot wrap a function.
   *
   * @throws RejectedError when the breaker does not admit
   */
  acquire(): ManualPermit {
    const permit = this.#machine.tryAcquire(this.clock.now())
    if (isRejection(permit)) throw this.#rejection(permit)
    return new ManualPermit(permit, () => this.clock.now())
  }

  /** @internal */
  enter(execution: LiveExecution): unknown {
    const machine = this.#machine
    // The frame gives each permit back once, so while nothing is timed or counted a generation is permit enough.
    if (machine.admitsAll) return machine.generation
    const permit = machine.tryAcquire(execution.now())
    if (!isRejection(permit)) return permit
    if (this.events.active) {
      const wait = permit.retryAfterMs === undefined ? {} : { retryAfterMs: permit.retryAfterMs }
      this.events.emit({ ...this.about(execution), type: 'circuit-breaker.rejected', ...wait })
    }
    throw this.#rejection(permit)
  }

  /** @internal */
  succeeded(permit: unknown, value: unknown, execution: LiveExecution): void {
    this.#release(permit as BreakerPermit | number, this.#classifyResult?.(value) ?? 'success', execution)
  }

  /** @internal */
  failed(permit: unknown, error: unknown, execution: LiveExecution): void {
    this.#release(permit as BreakerPermit | number, this.#classify(error), execution)
  }

  /** @internal */
  cancelled(permit: unknown, execution: LiveExecution): void {
    this.#release(permit as BreakerPermit | number, 'neutral', execution)
  }

  #release(permit: BreakerPermit | number, outcome: Outcome, execution: LiveExecution): void {
    const machine = this.#machine
    const untimed = machine.state === 'closed' && outcome === 'success' && !machine.timesSuccesses
    const stale = machine.stale
    const now = untimed ? 0 : this.clock.now()
    if (typeof permit === 'number') machine.settleUntimed(permit, outcome, now)
    else permit.release(outcome, now)
    if (machine.stale > stale && this.events.active)
      this.events.emit({ ...this.about(execution), type: 'circuit-breaker.stale', outcome })
  }

  #changed(change: BreakerChange): void {
    if (this.events.active) this.events.emit({ ...this.about(), type: 'circuit-breaker.changed', ...change })
  }

  #rejection({ retryAfterMs, reason }: Rejection): RejectedError {
    const { state } = this.#machine
    const isolated = state === 'isolated'
    return new RejectedError(`circuit is ${state}: ${reason}`, {
      code: isolated ? 'ERR_CIRCUIT_ISOLATED' : 'ERR_CIRCUIT_OPEN',
      policy: this.name,
      retryAfterMs,
      hint: isolated
        ? 'Somebody took this target out of use; reset the breaker to admit calls again.'
        : `The next probe may go in ${formatDuration(retryAfterMs ?? 0)}; until then calls fail fast. Check whether the target is up.`,
    })
  }
}

function classifier({ classify, isFailure }: CircuitBreakerOptions): (error: unknown) => Outcome {
  if (classify !== undefined && isFailure !== undefined)
    throw new OptionError('circuitBreaker.classify', "cannot be combined with 'isFailure'", classify)
  if (classify !== undefined) return safely(checkFunction(classify, 'circuitBreaker.classify'), 'circuitBreaker.classify')
  if (isFailure === undefined) return () => 'failure'
  checkFunction(isFailure, 'circuitBreaker.isFailure')
  return safely((error) => (isFailure(error) ? 'failure' : 'neutral'), 'circuitBreaker.isFailure')
}

function resultClassifier({ isFailureResult }: CircuitBreakerOptions): ((value: unknown) => Outcome) | undefined {
  if (isFailureResult === undefined) return undefined
  checkFunction(isFailureResult, 'circuitBreaker.isFailureResult')
  return safely((value) => (isFailureResult(value) ? 'failure' : 'success'), 'circuitBreaker.isFailureResult')
}

/** A user's rule that throws is reported, and the call teaches nothing: its own result is what counts. */
function safely(rule: (subject: unknown) => Outcome, name: string): (subject: unknown) => Outcome {
  return (subject) => {
    try {
      return rule(subject)
    } catch (error) {
      reportListenerError(error, name)
      return 'neutral'
    }
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
