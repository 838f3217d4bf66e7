/**
 * One budget for all that is called more often than its callers asked: the repeats of retries, the second calls of hedges, the
 * other ways of fallbacks. When everything fails, every retry of every layer together makes at most `ratio` times as many calls
 * more, instead of three times as many.
 *
 * **Composed, it counts; given as an option, it is asked.** As a policy it notes each call and refuses none; it belongs outside
 * of what repeats. Retry, hedge and fallback take the same object as `budget`, and ask it before each extra call.
 *
 * Not a rate limit: it knows nothing of what the target bears, and a caller's own calls are never refused.
 */

import type { Budget } from '../../core/budget-port.ts'
import type { Clock } from '../../core/clock.ts'
import type { PolicyDescription } from '../../core/description.ts'
import type { Duration } from '../../core/duration.ts'
import { OptionError } from '../../core/errors.ts'
import type { LiveExecution } from '../../core/execution.ts'
import { BasePolicy, STAGES } from '../../core/policy.ts'
import type { Gate, Stage } from '../../core/stage.ts'
import { checkClock, checkDuration, checkKnown, checkName, checkNumber } from '../../core/validate.ts'
import { type BudgetCount, BudgetMachine } from './machine.ts'

export interface BudgetOptions {
  /** Extra calls per call, over the window: 0.2 is one for five. 0 leaves `minPerSecond` alone. Default 0.2. */
  readonly ratio?: number
  /** Extra calls per second that are always allowed, so that a quiet caller can repeat at all. May be a fraction. Default 3. */
  readonly minPerSecond?: number
  /** Over how long calls are compared with extra calls. At least 1 s. Default 10 s. */
  readonly window?: Duration
  /** Counts and tells, and never refuses: to find the right ratio before it matters. Default false. */
  readonly shadow?: boolean
  /** Default `'budget'`. */
  readonly name?: string
  readonly clock?: Clock
}

/** The budget as a gauge, and what `hydrate` goes on from. Plain data. */
export interface BudgetSnapshot extends BudgetCount {
  readonly version: 1
  /** Epoch ms. */
  readonly at: number
}

export class CallBudget extends BasePolicy implements Budget, Gate {
  readonly #machine: BudgetMachine
  readonly #shadow: boolean
  readonly #ratio: number
  readonly #minPerSecond: number
  /** The refusal was told; a flood of them is one piece of news. */
  #told = false

  constructor(options: BudgetOptions = {}) {
    checkKnown(options, ['ratio', 'minPerSecond', 'window', 'shadow', 'name', 'clock'], 'budget')
    super(checkName(options.name ?? 'budget', 'budget.name'), checkClock(options.clock, 'budget.clock'))
    const windowMs = checkDuration(options.window ?? 10_000, 'budget.window', 1000)
    const minPerSecond = checkNumber(options.minPerSecond ?? 3, 'budget.minPerSecond', 0, 1e6)
    this.#shadow = options.shadow ?? false
    if (typeof this.#shadow !== 'boolean') throw new OptionError('budget.shadow', 'must be true or false', options.shadow)
    this.#minPerSecond = minPerSecond
    this.#ratio = checkNumber(options.ratio ?? 0.2, 'budget.ratio', 0, 100)
    this.#machine = new BudgetMachine({
      ratio: this.#ratio,
      floor: (minPerSecond * windowMs) / 1000,
      windowMs,
    })
  }

  override describe(): PolicyDescription {
    const options = { ratio: this.#ratio, minPerSecond: this.#minPerSecond, mode: this.#shadow ? 'shadow' : 'enforce' }
    return { name: this.name, type: 'budget', options, state: { ...this.#machine.count(this.clock.now()) } }
  }

  get [STAGES](): readonly Stage[] {
    return [{ type: 'gate', gate: this }]
  }

  /** Counts a call that does not run through this policy. */
  noteCall(now: number = this.clock.now()): void {
    this.#machine.noteCall(now)
  }

  /** The right to one extra call: take it before the wait, `refund` it when the call is not made after all. */
  reserve(now: number = this.clock.now()): boolean {
    if (this.#machine.reserve(now)) {
      this.#told = false
      return true
    }
    this.#tell(now)
    if (this.#shadow) this.#machine.overdraw(now)
    return this.#shadow
  }

  refund(): void {
    this.#machine.refund()
  }

  snapshot(): BudgetSnapshot {
    return { version: 1, at: this.clock.wallNow(), ...this.#machine.count(this.clock.now()) }
  }

  /**
   * Goes on from a snapshot; what has left the window since then is forgotten, and a snapshot of the future is one of now.
   *
   * @throws OptionError when it is not a snapshot of a version that this release knows
   */
  hydrate(stored: unknown): void {
    const { version, at, calls, extras } = (stored ?? {}) as Partial<BudgetSnapshot>
    if (version !== 1 || ![at, calls, extras].every(Number.isFinite))
      throw new OptionError('snapshot', 'must be a budget snapshot of version 1', stored)
    this.#machine.restore(calls!, extras!, this.clock.wallNow() - at!, this.clock.now())
  }

  #tell(now: number): void {
    if (this.#told || !this.events.active) return
    this.#told = true
    const { calls, extras, allowed } = this.#machine.count(now)
    this.events.emit({ ...this.about(), type: 'budget.exhausted', calls, extras, allowed, shadow: this.#shadow })
  }

  /** @internal Further attempts of a call are not calls, should a retry stand outside. */
  enter(execution: LiveExecution): undefined {
    if (execution.attempt === 1) this.#machine.noteCall(execution.now())
  }

  /** @internal */
  succeeded(): void {}

  /** @internal */
  failed(): void {}

  /** @internal */
  cancelled(): void {}
}

/**
 * @throws OptionError for an unknown option or a value out of bounds
 * @example
 * const extra = budget({ ratio: 0.1 })
 * const policy = compose(extra, hedge({ delay: '300ms', budget: extra }))
 * await policy.execute(() => 'answer')
 */
export function budget(options: BudgetOptions = {}): CallBudget {
  return new CallBudget(options)
}
