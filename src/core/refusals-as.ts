/**
 * Turns refusals into the caller's own error type, so that an API can answer with its own codes. Only what admission rejects
 * is converted; failures, timeouts and cancellations pass through untouched.
 */

import type { PolicyDescription } from './description.ts'
import type { RejectedError } from './errors.ts'
import { isRejected } from './errors.ts'
import type { Execution, Operation } from './operation.ts'
import { BasePolicy, type Policy, STAGES } from './policy.ts'
import type { Stage } from './stage.ts'
import { isThenable } from './thenable.ts'
import { checkFunction } from './validate.ts'

/** The codes under which callers know refusals: too many calls, or a service that cannot be used now. */
export type RefusalCode = 'RATE_LIMIT_EXCEEDED' | 'SERVICE_UNAVAILABLE'

/**
 * A policy for the outermost place of a composition.
 *
 * @param convert makes the error to throw, or throws it itself; give it the rejection as its cause
 * @throws OptionError when `convert` is not a function
 * @example
 * class ApiError extends Error {
 *   readonly code: string
 *   constructor(code: string, cause: Error) { super(code, { cause }); this.code = code }
 * }
 * const api = compose(refusalsAs((code, rejection) => new ApiError(code, rejection)), circuitBreaker())
 */
export function refusalsAs(convert: (code: RefusalCode, rejection: RejectedError) => unknown): Policy {
  return new RefusalsAs(checkFunction(convert, 'convert'))
}

class RefusalsAs extends BasePolicy {
  readonly #convert: (code: RefusalCode, rejection: RejectedError) => unknown

  constructor(convert: (code: RefusalCode, rejection: RejectedError) => unknown) {
    super('refusals-as')
    this.#convert = convert
  }

  get [STAGES](): readonly Stage[] {
    return [{ type: 'layer', layer: (next) => (execution) => this.#run(next, execution) }]
  }

  override get usesClock(): boolean {
    return false
  }

  override describe(): PolicyDescription {
    return { name: this.name, type: 'refusals-as', options: {}, state: {} }
  }

  #run<T>(next: Operation<T>, execution: Execution): PromiseLike<T> | T {
    try {
      const result = next(execution)
      if (!isThenable(result)) return result
      return Promise.resolve(result).catch((error: unknown) => this.#throw(error))
    } catch (error) {
      return this.#throw(error)
    }
  }

  #throw(error: unknown): never {
    if (!isRejected(error)) throw error
    throw this.#convert(error.code === 'ERR_RATE_LIMITED' ? 'RATE_LIMIT_EXCEEDED' : 'SERVICE_UNAVAILABLE', error)
  }
}
