/**
 * An operation that behaves as a test says: call by call it fails, hangs, throws or returns, and remembers how it was called.
 *
 * Not a mock of your own function: it stands in for what your code calls through a policy.
 */
import type { Clock } from '../core/clock.ts'
import { sleep, systemClock } from '../core/clock.ts'
import type { Execution } from '../core/operation.ts'

/** One call as the operation saw it. */
export interface ScriptedCall {
  /** The execution's own attempt number, from 1. */
  readonly attempt: number
  /** Monotonic ms on the script's clock. */
  readonly at: number
  readonly execution: Execution
}

export interface ScriptedOptions {
  /** Times calls and drives `resolvesAfter` and `rejectsAfter`. Default: the system clock. */
  readonly clock?: Clock
}

/**
 * A script is the operation itself; its methods add steps and return it. Each call plays the next step. A step with a count
 * plays so often, any other step plays for ever, so what follows it is never reached.
 */
export interface ScriptedOperation<T> {
  (execution: Execution): PromiseLike<T> | T
  /** Rejects, `times` times or for ever. Default error: `new Error('scripted failure N')`, N the number of the call. */
  fails(times?: number, error?: unknown): ScriptedOperation<T>
  /** Throws before there is a promise. */
  throwsSync(times?: number, error?: unknown): ScriptedOperation<T>
  /** Returns the value itself, without a promise. */
  returns(value: T, times?: number): ScriptedOperation<T>
  /** Returns a promise of the value. */
  resolves(value: T, times?: number): ScriptedOperation<T>
  /** Like `resolves`, for reading: `scripted().fails(2).thenReturns('ok')`. */
  thenReturns(value: T, times?: number): ScriptedOperation<T>
  /** Resolves after `ms` on the script's clock, whatever its signal says. */
  resolvesAfter(ms: number, value?: T, times?: number): ScriptedOperation<T>
  /** Rejects after `ms` on the script's clock, whatever its signal says. */
  rejectsAfter(ms: number, error?: unknown, times?: number): ScriptedOperation<T>
  /** Never settles and ignores its signal; `release` ends it. */
  hangs(times?: number): ScriptedOperation<T>
  /** Rejects with the reason of its signal when that aborts; `release` ends it too. Its listener is gone then. */
  hangsUntilAborted(times?: number): ScriptedOperation<T>
  /** Plays any function of your own. */
  plays(step: (execution: Execution) => PromiseLike<T> | T, times?: number): ScriptedOperation<T>
  /** Resolves everything that hangs; answers how many that were. */
  release(value?: T): number
  readonly calls: readonly ScriptedCall[]
  /** The attempt number of each call. */
  readonly attempts: readonly number[]
  /** The signal of each call. Reading makes signals that the script did not read, so read it when the run is over. */
  readonly signals: readonly AbortSignal[]
  /** Calls that have begun and not settled. */
  readonly running: number
  /** The most that ever ran at once. */
  readonly mostRunning: number
}

/** A call came after the last step of the script. */
export class ScriptEndedError extends Error {
  constructor(calls: number) {
    super(`the script has no step for call ${calls}; end it with a step without a count`)
  }
}
ScriptEndedError.prototype.name = 'ScriptEndedError'

/**
 * @example
 * const operation = scripted<string>().fails(2).thenReturns('ok')
 * // the first two calls reject, all others resolve to 'ok'
 */
export function scripted<T = unknown>(options: ScriptedOptions = {}): ScriptedOperation<T> {
  return new Script<T>(options.clock ?? systemClock).operation
}

type Play<T> = (execution: Execution, call: number) => PromiseLike<T> | T

class Script<T> {
  readonly operation: ScriptedOperation<T>
  readonly #clock: Clock
  readonly #steps: { readonly play: Play<T>; left: number }[] = []
  readonly #calls: ScriptedCall[] = []
  readonly #hung = new Set<(value: T) => void>()
  #running = 0
  #mostRunning = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.operation = this.#build()
  }

  #build(): ScriptedOperation<T> {
    const add = (play: Play<T>, times = Number.POSITIVE_INFINITY): ScriptedOperation<T> => {
      this.#steps.push({ play, left: times })
      return operation
    }
    const steps = {
      fails: (times?: number, error?: unknown) => add((_, call) => Promise.reject(failure(error, call)), times),
      throwsSync: (times?: number, error?: unknown) =>
        add((_, call) => {
          throw failure(error, call)
        }, times),
      returns: (value: T, times?: number) => add(() => value, times),
      resolves: (value: T, times?: number) => add(() => Promise.resolve(value), times),
      thenReturns: (value: T, times?: number) => add(() => Promise.resolve(value), times),
      resolvesAfter: (ms: number, value?: T, times?: number) => add(() => sleep(this.#clock, ms).then(() => value as T), times),
      rejectsAfter: (ms: number, error?: unknown, times?: number) =>
        add((_, call) => sleep(this.#clock, ms).then(() => Promise.reject(failure(error, call))), times),
      hangs: (times?: number) => add(() => new Promise<T>((resolve) => this.#hung.add(resolve)), times),
      hangsUntilAborted: (times?: number) => add(({ signal }) => this.#untilAborted(signal), times),
      plays: (step: (execution: Execution) => PromiseLike<T> | T, times?: number) => add(step, times),
      release: (value?: T) => this.#release(value as T),
    }
    const operation = Object.assign((execution: Execution) => this.#call(execution), steps) as ScriptedOperation<T>
    return Object.defineProperties(operation, {
      calls: { get: () => this.#calls },
      attempts: { get: () => this.#calls.map(({ attempt }) => attempt) },
      signals: { get: () => this.#calls.map(({ execution }) => execution.signal) },
      running: { get: () => this.#running },
      mostRunning: { get: () => this.#mostRunning },
    })
  }

  #call(execution: Execution): PromiseLike<T> | T {
    this.#calls.push({ attempt: execution.attempt, at: this.#clock.now(), execution })
    const step = this.#steps.find(({ left }) => left > 0)
    if (step === undefined) throw new ScriptEndedError(this.#calls.length)
    step.left--
    const result = step.play(execution, this.#calls.length)
    if (result instanceof Promise) this.#track(result)
    return result
  }

  #track(result: Promise<T>): void {
    this.#mostRunning = Math.max(this.#mostRunning, ++this.#running)
    const settled = (): void => {
      this.#running--
    }
    result.then(settled, settled)
  }

  #untilAborted(signal: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error)
      const released = (value: T): void => {
        signal.removeEventListener('abort', aborted)
        resolve(value)
      }
      const aborted = (): void => {
        this.#hung.delete(released)
        reject(signal.reason as Error)
      }
      this.#hung.add(released)
      signal.addEventListener('abort', aborted, { once: true })
    })
  }

  #release(value: T): number {
    const count = this.#hung.size
    for (const resolve of this.#hung) resolve(value)
    this.#hung.clear()
    return count
  }
}

function failure(error: unknown, call: number): unknown {
  return error === undefined ? new Error(`scripted failure ${call}`) : error
}
