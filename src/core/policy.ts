/**
 * A policy is a named behaviour over an operation; a composition of policies is a policy.
 *
 * Laws, tested as properties: composing with `noop` changes nothing; composition is associative; a rejected call never runs
 * the operation; every permit is released exactly once; after a call has settled nothing of it remains.
 */
import type { Clock } from './clock.ts'
import { systemClock } from './clock.ts'
import { describePolicy, type PolicyDescription } from './description.ts'
import { OptionError } from './errors.ts'
import type { Listener, Observable, Unobserve } from './events.ts'
import { EventBus } from './events.ts'
import { LiveExecution } from './execution.ts'
import { link } from './frame.ts'
import { boundBy, guarded } from './guarded.ts'
import type { ExecuteOptions, Layer, Operation } from './operation.ts'
import type { Stage } from './stage.ts'
import { refusePromise } from './sync-frame.ts'
import { checkFunction, checkName } from './validate.ts'

export interface Policy extends Observable {
  readonly name: string
  /** The behaviour alone, for building other policies. */
  readonly layer: Layer
  /**
   * Runs the operation under this policy.
   *
   * @throws whatever the operation fails with, a `RejectedError` when admission says no, a `TimeoutError` when a policy's
   *   time runs out, the signal's own reason when the caller cancels
   */
  execute<T>(operation: Operation<T>, options?: ExecuteOptions): Promise<T>
  /**
   * The same for an operation that returns a value. Retry waits block the thread; nothing waits in a queue or for its turn.
   * `within` bounds when an attempt may begin: nothing interrupts an operation that runs.
   *
   * @throws OptionError when there is a timeout, or when the operation or a layer returns a promise
   */
  executeSync<T>(operation: Operation<T>, options?: ExecuteOptions): T
  /**
   * A function like `fn` whose calls run under this policy. It does not see the execution: what is to heed the signal, so that
   * a timeout ends it, is `(…args) => policy.execute(({ signal }) => fn(…args, signal))`.
   *
   * @param options of each call, or a function of its arguments that makes them, such as `(user) => ({ key: user.id })`
   */
  wrap<A extends readonly unknown[], R>(
    fn: (...args: A) => PromiseLike<R> | R,
    options?: ExecuteOptions | ((...args: A) => ExecuteOptions | undefined),
  ): (...args: A) => Promise<R>
  /** What this policy is made of, outermost first; a single policy has itself. */
  readonly parts: readonly Policy[]
}

/** The stages of a policy made by this library; foreign implementations of `Policy` have a layer only. */
export const STAGES: unique symbol = Symbol('holdfast.stages')

/** The stages of a policy as a trace sees them, for `explain`: linked anew for each explained call, and for no other. */
export const TRACED: unique symbol = Symbol('holdfast.traced')

/** Wraps the stages of one policy so that they tell what they decide. */
export type StageTrace = (part: Policy, stages: readonly Stage[]) => readonly Stage[]

/** What all policies of this library share. A subclass gives its stages. */
export abstract class BasePolicy implements Policy {
  readonly name: string
  readonly clock: Clock
  readonly events = new EventBus()
  #linked: Operation<unknown> | undefined

  constructor(name: string, clock: Clock = systemClock) {
    this.name = name
    this.clock = clock
  }

  abstract get [STAGES](): readonly Stage[]

  /** What it is and how it stands, as plain data. `key`: whose state, in a keyed policy. */
  describe(_key?: string): PolicyDescription {
    return { name: this.name, type: 'custom', options: {}, state: {} }
  }

  /** The stages, each seen through by a trace; policies that hold others pass it on to them. */
  [TRACED](trace: StageTrace): readonly Stage[] {
    return trace(this, this[STAGES])
  }

  /** @internal False for what never asks the time, and so runs beside any clock. */
  get usesClock(): boolean {
    return true
  }

  get parts(): readonly Policy[] {
    return [this]
  }

  readonly layer: Layer = (next) => {
    const linked = link([...this[STAGES], { type: 'layer', layer: () => next as Operation<never> }])
    return linked as typeof next
  }

  execute<T>(operation: Operation<T>, options?: ExecuteOptions): Promise<T> {
    if (typeof operation !== 'function') return Promise.reject(notCallable(operation))
    try {
      // Stryker disable next-line BooleanLiteral: it only saves the first attempt an execution of its own
      this.#linked ??= link(this[STAGES], true)
    } catch (error) {
      return Promise.reject(error) // A custom layer failed while it was applied.
    }
    const execution = new LiveExecution(this.clock, operation, options)
    if (options?.signal !== undefined || options?.within !== undefined)
      return guarded(this.#linked, execution, options) as Promise<T>
    return start(this.#linked, execution) as Promise<T>
  }

  executeSync<T>(operation: Operation<T>, options?: ExecuteOptions): T {
    if (typeof operation !== 'function') throw notCallable(operation)
    // Stryker disable next-line BooleanLiteral: it only saves the first attempt an execution of its own
    this.#linked ??= link(this[STAGES], true)
    return callSync(this.#linked, new LiveExecution(this.clock, operation, options, undefined, 1, false, true), options) as T
  }

  wrap<A extends readonly unknown[], R>(
    fn: (...args: A) => PromiseLike<R> | R,
    options?: ExecuteOptions | ((...args: A) => ExecuteOptions | undefined),
  ): (...args: A) => Promise<R> {
    if (typeof fn !== 'function') throw notCallable(fn)
    const policy = this
    return function (this: unknown, ...args: A): Promise<R> {
      try {
        const own = typeof options === 'function' ? options(...args) : options
        return policy.execute(() => Reflect.apply(fn, this, args) as PromiseLike<R> | R, own)
      } catch (error) {
        return Promise.reject(error) // What makes the options failed.
      }
    }
  }

  observe(listener: Listener): Unobserve {
    return this.events.observe(listener)
  }

  /** What every event of this policy says: when, who, about which call. */
  protected about(execution?: LiveExecution) {
    const common = { at: this.clock.wallNow(), policy: this.name }
    if (execution === undefined) return common
    const { operation, id, key } = execution
    return { ...common, execution: id, ...(operation === undefined ? {} : { operation }), ...(key === undefined ? {} : { key }) }
  }
}

/** Before any policy hears of it: what is wrong with the call says nothing of the target. */
function notCallable(operation: unknown): OptionError {
  return new OptionError('operation', 'must be a function', operation, 'Pass what makes the call: `execute(() => fetch(url))`.')
}

/** Always a promise, also for an operation that returns or throws at once and meets no frame. */
function start(linked: Operation<unknown>, execution: LiveExecution): Promise<unknown> {
  try {
    const result = linked(execution)
    return result instanceof Promise ? result : Promise.resolve(result)
  } catch (error) {
    return Promise.reject(error)
  }
}

/** @internal */
export function callSync(linked: Operation<unknown>, execution: LiveExecution, options: ExecuteOptions | undefined): unknown {
  options?.signal?.throwIfAborted()
  boundBy(execution, options?.within)
  const value = linked(execution)
  refusePromise(value)
  return value
}

class Layered extends BasePolicy {
  readonly #layer: Layer

  constructor(name: string, layer: Layer) {
    super(name)
    this.#layer = layer
  }

  get [STAGES](): readonly Stage[] {
    return [{ type: 'layer', layer: this.#layer }]
  }

  override get usesClock(): boolean {
    return false
  }
}

/**
 * Makes a policy of your own out of one function.
 *
 * @param layer wraps the next operation; it must pass the execution on, and may call next any number of times
 * @throws OptionError without a name, or when the layer is not a function
 * @example
 * const logged = policy('logged', (next) => async (execution) => {
 *   console.log(`calling ${execution.operation}`)
 *   return next(execution)
 * })
 * await logged.execute(() => 1)
 */
export function policy(name: string, layer: Layer): Policy {
  return new Layered(checkName(name, 'name'), checkFunction(layer, 'layer'))
}

class Composition extends BasePolicy {
  readonly #parts: readonly Policy[]

  constructor(parts: readonly Policy[]) {
    super(parts.map((part) => part.name).join(' > ') || 'noop', sharedClock(parts))
    this.#parts = parts
  }

  override get parts(): readonly Policy[] {
    return this.#parts
  }

  get [STAGES](): readonly Stage[] {
    return this.#parts.flatMap(stagesOf)
  }

  override describe(key?: string): PolicyDescription {
    const parts = this.#parts.map((part) => describePolicy(part, key))
    return { name: this.name, type: 'composition', options: {}, state: {}, parts }
  }

  override [TRACED](trace: StageTrace): readonly Stage[] {
    return this.#parts.flatMap((part) => tracedStagesOf(part, trace))
  }

  /** One bus for a composition: what any part tells is heard. */
  override observe(listener: Listener): Unobserve {
    const stops = [...new Set(this.#parts)].map((part) => part.observe(listener))
    return () => {
      for (const stop of stops) stop()
    }
  }
}

/** @internal */
export function stagesOf(part: Policy): readonly Stage[] {
  return part instanceof BasePolicy ? part[STAGES] : [{ type: 'layer', layer: part.layer }]
}

/** @internal */
export function tracedStagesOf(part: Policy, trace: StageTrace): readonly Stage[] {
  return part instanceof BasePolicy ? part[TRACED](trace) : trace(part, stagesOf(part))
}

/**
 * @internal
 * @throws OptionError when there are several
 */
export function sharedClock(parts: readonly Policy[]): Clock | undefined {
  const clocks = new Set(parts.flatMap((part) => (part instanceof BasePolicy && part.usesClock ? [part.clock] : [])))
  if (clocks.size > 1)
    throw new OptionError('clock', 'must be the same for all policies of a composition', `${clocks.size} clocks`)
  return [...clocks][0]
}

/**
 * Composes policies, outermost first: `compose(retry, breaker, timeout)` retries calls that the breaker admits and the
 * timeout bounds. Linked once; neighbours that only admit, time or repeat run in one frame.
 *
 * @throws OptionError when something is not a policy, or when policies run on different clocks
 */
export function compose(...policies: readonly Policy[]): Policy {
  for (const [index, part] of policies.entries())
    if (typeof part?.layer !== 'function') throw new OptionError(`policies[${index}]`, 'must be a policy', part)
  const parts = policies.flatMap((part) => part.parts)
  return parts.length === 1 ? (parts[0] as Policy) : new Composition(parts)
}

/** The policy that changes nothing: the identity of `compose`. */
export const noop: Policy = new Composition([])
