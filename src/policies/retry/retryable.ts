/**
 * Retries around a function, with defaults that suit a short call to something remote: 3 attempts or 10 s, whichever ends
 * first; waits that grow from 0.2 s to 2 s, half of each left to chance; the last error itself is rethrown.
 *
 * For one function at hand. What should share its rules, or stand with a breaker and a timeout, is a `retry` policy.
 */
import { OptionError } from '../../core/errors.ts'
import type { Operation } from '../../core/operation.ts'
import { checkFunction, checkName } from '../../core/validate.ts'
import { Retry, type RetryOptions } from './retry.ts'

export const RETRYABLE_DEFAULTS = Object.freeze({
  maxAttempts: 3,
  maxElapsed: 10_000,
  backoff: Object.freeze({ type: 'exponential', initial: 200, factor: 2, max: 2000, jitter: 'equal' }),
} as const satisfies RetryOptions)

export interface RetryableOptions extends RetryOptions {
  /** The operation's name for events, and for `byOperation`. Default: the name of the function. */
  readonly operation?: string
}

/** A function that retries, and the policy by which it does: to observe, or to share. */
export type Retryable<F> = F & { readonly policy: Retry }

/**
 * Wraps a sync or async function. The wrapped one returns a promise, since it may have to wait; for code that cannot await,
 * see `retryableSync`. `this` and arguments are passed on to every attempt.
 *
 * @throws OptionError for an unknown option or a value out of bounds
 * @example
 * const load = retryable(async (url: string) => (await fetch(url)).text(), { maxAttempts: 5 })
 */
export function retryable<A extends readonly unknown[], R>(
  operation: (...args: A) => PromiseLike<R> | R,
  options: RetryableOptions = {},
): Retryable<(...args: A) => Promise<R>> {
  const { policy, named } = prepare(operation, options)
  return withPolicy(function (this: unknown, ...args: A): Promise<R> {
    return policy.execute(() => Reflect.apply(operation, this, args) as PromiseLike<R> | R, named)
  }, policy)
}

/**
 * The same for a function that returns a value, in code that cannot await. Its waits **block the thread** (`Atomics.wait`):
 * for scripts and workers, not for an event loop that others share.
 *
 * @throws OptionError also when the function returns a promise
 */
export function retryableSync<A extends readonly unknown[], R>(
  operation: (...args: A) => R,
  options: RetryableOptions = {},
): Retryable<(...args: A) => R> {
  const { policy, named } = prepare(operation, options)
  return withPolicy(function (this: unknown, ...args: A): R {
    return policy.executeSync(() => Reflect.apply(operation, this, args) as R, named)
  }, policy)
}

/**
 * Runs a synchronous operation now, with the same defaults. Its waits **block the thread**, see `retryableSync`.
 *
 * @example
 * const settings = retrySync(({ attempt }) => JSON.parse(`{"attempt":${attempt}}`))
 */
export function retrySync<T>(operation: Operation<T>, options: RetryableOptions = {}): Awaited<T> {
  const { policy, named } = prepare(operation, options)
  return policy.executeSync(operation, named) as Awaited<T>
}

function prepare(fn: { readonly name: string }, given: RetryableOptions) {
  if (typeof given !== 'object' || given === null) throw new OptionError('retryable', 'must be an object of options', given)
  checkFunction(fn, 'operation')
  const { operation = fn.name, ...options } = given
  if (operation !== '') checkName(operation, 'retryable.operation')
  const policy = new Retry({ ...RETRYABLE_DEFAULTS, ...options })
  return { policy, named: operation === '' ? {} : { operation } }
}

function withPolicy<F extends object>(wrapped: F, policy: Retry): Retryable<F> {
  return Object.assign(wrapped, { policy })
}
