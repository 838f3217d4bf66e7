/**
 * Answers with something else when the call fails: a value, or what another function makes of the error.
 *
 * Not for errors that the caller has to see: say with `handle` which ones are replaced. Never replaces a caller's own cancel.
 * Outside of a retry it answers when all attempts have failed; inside of it the retry never sees a failure.
 */

import { type Budget, checkBudget } from '../../core/budget-port.ts'
import type { Clock } from '../../core/clock.ts'
import type { PolicyDescription } from '../../core/description.ts'
import { describeError, OptionError } from '../../core/errors.ts'
import type { LiveExecution } from '../../core/execution.ts'
import type { ExecuteOptions, Execution, Operation } from '../../core/operation.ts'
import { BasePolicy, STAGES } from '../../core/policy.ts'
import type { Stage } from '../../core/stage.ts'
import { isThenable } from '../../core/thenable.ts'
import { userRule } from '../../core/user-rule.ts'
import { checkClock, checkKnown, checkName } from '../../core/validate.ts'
import { type Failure, type FallbackRules, isReplaced, withCause } from './machine.ts'

/**
 * Makes the answer. Gets the error; for an unacceptable result `error` is undefined and the result comes third.
 * It may throw or reject: its own error is then what the call fails with, and has the original error as its `cause`.
 */
export type FallbackFunction<F> = (error: unknown, execution: Execution, result: unknown) => PromiseLike<F> | F

export interface FallbackOptions<F> {
  /** The answer, or a function that makes it. A function is always called: to answer with one, return it from another. */
  readonly use: FallbackFunction<F> | F
  /** Which errors are replaced. Default: all but a wrong use of this library (`ERR_OPTION`). */
  readonly handle?: (error: unknown) => boolean
  /** Which results are replaced. Default: none. */
  readonly handleResult?: (value: unknown) => boolean
  /** Asked before `use` is called, for a `use` that is one more call of something: refused, the failure stays. Default: none. */
  readonly budget?: Budget
  /** Default `'fallback'`. */
  readonly name?: string
  readonly clock?: Clock
}

/** `F` is what `use` answers. */
export class Fallback<F = unknown> extends BasePolicy {
  readonly #rules: FallbackRules
  readonly #use: FallbackFunction<F>
  readonly #budget: Budget | undefined

  constructor(options: FallbackOptions<F>) {
    checkKnown(options, ['use', 'handle', 'handleResult', 'budget', 'name', 'clock'], 'fallback', ['use'])
    super(checkName(options.name ?? 'fallback', 'fallback.name'), checkClock(options.clock, 'fallback.clock'))
    if (!('use' in options)) throw new OptionError('fallback.use', 'must be given, if only as undefined', options)
    const { use, handle, handleResult } = options
    if (options.budget !== undefined && typeof use !== 'function')
      throw new OptionError('fallback.budget', 'needs a `use` that is a function; a value costs nothing', use)
    this.#use = typeof use === 'function' ? (use as FallbackFunction<F>) : () => use
    this.#budget = options.budget === undefined ? undefined : checkBudget(options.budget, 'fallback.budget')
    this.#rules = {
      handle: handle === undefined ? undefined : userRule(handle, 'fallback.handle', false),
      handleResult: handleResult === undefined ? undefined : userRule(handleResult, 'fallback.handleResult', false),
    }
  }

  override describe(): PolicyDescription {
    const { handle, handleResult } = this.#rules
    const options = { replacesErrors: handle === undefined ? 'all' : 'some', replacesResults: handleResult !== undefined }
    return { name: this.name, type: 'fallback', options, state: {} }
  }

  get [STAGES](): readonly Stage[] {
    return [
      {
        type: 'layer',
        layer: (next) => ((execution: Execution) => this.#run(next, execution as LiveExecution)) as unknown as typeof next,
      },
    ]
  }

  /**
   * As for any policy; the type tells that the answer may be the fallback's. In a composition only the operation's type is
   * known: name the wider one there, `execute<User | undefined>(…)`.
   */
  override execute<T>(operation: Operation<T>, options?: ExecuteOptions): Promise<T | F>
  override execute<T>(operation: Operation<T>, options?: ExecuteOptions): Promise<T>
  override execute<T>(operation: Operation<T>, options?: ExecuteOptions): Promise<T> {
    return super.execute(operation, options)
  }

  #run(next: Operation<unknown>, execution: LiveExecution): unknown {
    let result: unknown
    try {
      result = next(execution)
      // A thenable may throw while it is read: that is the operation's failure too.
      if (!execution.sync && isThenable(result)) result = Promise.resolve(result)
    } catch (error) {
      return this.#settled({ error }, execution)
    }
    if (!(result instanceof Promise)) return this.#settled({ value: result }, execution)
    // Called synchronously, a promise is refused further out.
    if (execution.sync) return result
    return result.then(
      (value) => this.#settled({ value }, execution),
      (error) => this.#settled({ error }, execution),
    )
  }

  /** The end of the call: the failure's own, or the replacement's. */
  #settled(failure: Failure, execution: LiveExecution): unknown {
    if (!isReplaced(failure, execution.aborted, this.#rules) || this.#budget?.reserve(execution.clock.now()) === false) {
      if ('error' in failure) throw failure.error
      return failure.value
    }
    if (this.events.active) {
      const told = 'error' in failure ? { error: describeError(failure.error) } : {}
      this.events.emit({ ...this.about(execution), type: 'fallback.used', ...told })
    }
    return this.#replace(failure, execution)
  }

  #replace(failure: Failure, execution: LiveExecution): unknown {
    let answer: unknown
    try {
      execution.refresh()
      if ('error' in failure) answer = this.#use(failure.error, execution, undefined)
      else answer = this.#use(undefined, execution, failure.value)
      if (execution.sync || !isThenable(answer)) return answer
    } catch (error) {
      throw this.#failed(error, failure, execution)
    }
    return Promise.resolve(answer).catch((error: unknown) => {
      throw this.#failed(error, failure, execution)
    })
  }

  #failed(error: unknown, failure: Failure, execution: LiveExecution): unknown {
    // Its own work was cancelled with the call: that says nothing of the fallback.
    if (execution.aborted) return error
    if (this.events.active) this.events.emit({ ...this.about(execution), type: 'fallback.failed', error: describeError(error) })
    return 'error' in failure ? withCause(error, failure.error) : error
  }
}

/**
 * @throws OptionError for an unknown option or a missing `use`
 * @example
 * const orNothing = fallback({ use: undefined, handle: (error) => error instanceof RangeError })
 * await orNothing.execute(() => 'found')
 */
export function fallback<F>(options: FallbackOptions<F>): Fallback<F> {
  return new Fallback(options)
}
