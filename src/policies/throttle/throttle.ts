/**
 * Refuses some calls on this side while the target takes only some of them, so that an overloaded target does not spend what
 * it has left on saying no.
 *
 * Not a circuit breaker: nothing opens or closes, the refused part follows what the target takes. Not a rate limiter: no rate
 * is known. One throttle per target, outside of retry or inside of it, where each attempt is a request.
 */

import type { Clock } from '../../core/clock.ts'
import { bounded, type PolicyDescription } from '../../core/description.ts'
import type { Duration } from '../../core/duration.ts'
import { OptionError, RejectedError } from '../../core/errors.ts'
import type { LiveExecution } from '../../core/execution.ts'
import type { Execution } from '../../core/operation.ts'
import type { Outcome } from '../../core/outcome.ts'
import { outcomeRule } from '../../core/outcome-rule.ts'
import { isOverload, ranOutOfTime } from '../../core/overload.ts'
import { ManualPermit } from '../../core/permit.ts'
import { BasePolicy, STAGES } from '../../core/policy.ts'
import { type Random, systemRandom } from '../../core/random.ts'
import type { Gate, Stage } from '../../core/stage.ts'
import { userRule } from '../../core/user-rule.ts'
import {
  checkClock,
  checkDuration,
  checkFunction,
  checkInteger,
  checkKnown,
  checkName,
  checkNumber,
  checkOneOf,
} from '../../core/validate.ts'
import { ThrottleMachine, type ThrottlePermit } from './machine.ts'
import { hydrate, snapshotOf, type ThrottleStored } from './snapshot.ts'

export interface ThrottleOptions {
  /**
   * K: so many requests are let through for each that the target accepts; at least 1. A lower one refuses sooner. A function
   * gives each call its own, so that calls that matter less are refused first; `Infinity` is never refused. Default 2.
   */
  readonly factor?: number | ((execution: Execution) => number)
  /** What is looked back on. Longer than the slowest call. Default 2 min. */
  readonly window?: Duration
  /** Below so many requests in the window nothing is refused. Default 10. */
  readonly minRequests?: number
  /** The largest part that is refused; what is left are the probes that notice a recovery. Default 0.9, below 1. */
  readonly maxRejection?: number
  /**
   * A call that is out for longer counts as not accepted until it comes back. 0 counts each from its admission, as the book
   * does, which takes the first burst after a pause for an outage. Default 5 s.
   */
  readonly patience?: Duration
  /**
   * Which errors mean that the target did not take the call; with any other error it did. Default: time-outs, refused and
   * lost connections, HTTP 429, 503 and 504.
   */
  readonly isRefused?: (error: unknown) => boolean
  /** Which results mean the same, such as a response with status 503. Default: none. */
  readonly isRefusedResult?: (value: unknown) => boolean
  /** `'shadow'` counts and tells what it would refuse, and refuses nothing. Default `'enforce'`. */
  readonly mode?: 'enforce' | 'shadow'
  /** Default `'throttle'`. */
  readonly name?: string
  readonly clock?: Clock
  readonly random?: Random
}

const KNOWN = [
  ...['factor', 'window', 'minRequests', 'maxRejection', 'patience', 'isRefused', 'isRefusedResult', 'mode', 'name'],
  ...['clock', 'random'],
] as const satisfies readonly (keyof ThrottleOptions)[]

const DEFAULT_FACTOR = 2

export interface ThrottleStatus {
  /** How likely the next call is refused. */
  readonly probability: number
  readonly requests: number
  readonly accepts: number
}

export class Throttle extends BasePolicy implements Gate {
  readonly #machine: ThrottleMachine
  readonly #factor: number | ((execution: Execution) => number)
  readonly #isRefused: (error: unknown) => Outcome
  readonly #isRefusedResult: ((value: unknown) => Outcome) | undefined
  readonly #shadow: boolean

  constructor(options: ThrottleOptions = {}) {
    checkKnown(options, KNOWN, 'throttle')
    super(checkName(options.name ?? 'throttle', 'throttle.name'), checkClock(options.clock, 'throttle.clock'))
    const { factor = DEFAULT_FACTOR, isRefusedResult } = options
    this.#factor =
      typeof factor === 'function'
        ? userRule(factor, 'throttle.factor', DEFAULT_FACTOR, readFactor)
        : checkNumber(factor, 'throttle.factor', 1)
    this.#isRefused = outcomeRule(options.isRefused ?? isOverload, 'throttle.isRefused', 'success')
    this.#isRefusedResult =
      isRefusedResult === undefined ? undefined : outcomeRule(isRefusedResult, 'throttle.isRefusedResult', 'success')
    this.#shadow = checkOneOf(options.mode ?? 'enforce', 'throttle.mode', ['enforce', 'shadow']) === 'shadow'
    const windowMs = checkDuration(options.window ?? 120_000, 'throttle.window', 1)
    this.#machine = new ThrottleMachine(
      {
        windowMs,
        minRequests: checkInteger(options.minRequests ?? 10, 'throttle.minRequests', 1),
        maxRejection: checkNumber(options.maxRejection ?? 0.9, 'throttle.maxRejection', 0, 0.999),
        patienceMs: checkDuration(options.patience ?? Math.min(5000, windowMs / 4), 'throttle.patience'),
      },
      options.random === undefined ? systemRandom : checkFunction(options.random, 'throttle.random'),
    )
  }

  override describe(): PolicyDescription {
    const factor = typeof this.#factor === 'number' ? bounded(this.#factor) : 'by call'
    const options = { factor, mode: this.#shadow ? 'shadow' : 'enforce' }
    return { name: this.name, type: 'throttle', options, state: { ...this.status() } }
  }

  get [STAGES](): readonly Stage[] {
    return [{ type: 'gate', gate: this }]
  }

  /** What it has counted, and what follows for a call of factor `factor`. */
  status(factor: number = typeof this.#factor === 'number' ? this.#factor : DEFAULT_FACTOR): ThrottleStatus {
    const probability = this.#machine.probability(this.clock.now(), factor)
    const { requests, accepts } = this.#machine.window
    return { probability, requests, accepts }
  }

  /** Versioned plain data that outlives the process; see `hydrate`. */
  snapshot(): ThrottleStored {
    return snapshotOf(this.#machine, this.clock)
  }

  /**
   * Goes on from a snapshot; what has left the window meanwhile is dropped.
   *
   * @throws OptionError when it is not a snapshot of a version that this release knows
   */
  hydrate(stored: unknown): void {
    hydrate(this.#machine, stored, this.clock)
  }

  /** Forgets all that came back. */
  reset(): void {
    this.#machine.clear()
  }

  /**
   * A permit for a caller that cannot wrap a function: `succeed` when the target took the call, `fail` when it did not.
   *
   * @param factor as the option's, or `Infinity` for never
   * @throws RejectedError when the call is refused
   */
  acquire(factor: number = typeof this.#factor === 'number' ? this.#factor : DEFAULT_FACTOR): ManualPermit {
    return new ManualPermit(this.#enter(this.clock.now(), readFactor(factor)), () => this.clock.now())
  }

  /** @internal */
  enter(execution: LiveExecution): unknown {
    return this.#enter(execution.now(), this.#factorOf(execution), execution)
  }

  #enter(now: number, factor: number, execution?: LiveExecution): ThrottlePermit {
    const machine = this.#machine
    if (machine.decide(now, factor)) {
      const probability = machine.probability(now, factor)
      if (this.events.active) {
        const { requests, accepts } = machine.window
        const type = this.#shadow ? 'throttle.would-reject' : 'throttle.rejected'
        this.events.emit({ ...this.about(execution), type, probability, requests, accepts })
      }
      if (!this.#shadow) {
        machine.refuse(now)
        throw this.#rejection(probability)
      }
    }
    return machine.admit(now)
  }

  #factorOf(execution: LiveExecution): number {
    return typeof this.#factor === 'number' ? this.#factor : this.#factor(execution)
  }

  #rejection(probability: number): RejectedError {
    const { requests, accepts } = this.#machine.window
    return new RejectedError(`throttled: the target accepts ${accepts} of ${requests} requests`, {
      code: 'ERR_THROTTLED',
      policy: this.name,
      hint: `One in ${Math.round(1 / (1 - probability))} calls still goes through and notices when the target recovers. Do not retry at once; send less.`,
      details: { probability, requests, accepts },
    })
  }

  /** @internal */
  succeeded(permit: unknown, value: unknown, execution: LiveExecution): void {
    this.#release(permit, ranOutOfTime(execution) ? 'failure' : (this.#isRefusedResult?.(value) ?? 'success'))
  }

  /** @internal */
  failed(permit: unknown, error: unknown): void {
    this.#release(permit, this.#isRefused(error))
  }

  /** @internal */
  cancelled(permit: unknown, execution: LiveExecution): void {
    this.#release(permit, ranOutOfTime(execution) ? 'failure' : 'neutral')
  }

  #release(permit: unknown, outcome: Outcome): void {
    ;(permit as ThrottlePermit).release(outcome, this.clock.now())
  }
}

/** Unlike the option, a call's own may be `Infinity`: never refused. */
function readFactor(factor: number): number {
  if (typeof factor !== 'number' || !(factor >= 1)) throw new OptionError('throttle.factor()', 'must be at least 1', factor)
  return factor
}

/**
 * @throws OptionError for an unknown option or a value out of bounds
 * @example
 * const gentle = throttle({ factor: 1.5, window: '1m' })
 * await gentle.execute(() => 'answer')
 */
export function throttle(options: ThrottleOptions = {}): Throttle {
  return new Throttle(options)
}
