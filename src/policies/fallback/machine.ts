/**
 * Whether a failure is replaced: a pure rule over what happened, and the thread from the replacement's own failure back to it.
 */
import { isHoldfastError } from '../../core/errors.ts'

export type Failure = { readonly error: unknown } | { readonly value: unknown }

export interface FallbackRules {
  /** Undefined: all errors. */
  readonly handle: ((error: unknown) => boolean) | undefined
  /** Undefined: no result is a failure. */
  readonly handleResult: ((value: unknown) => boolean) | undefined
}

/**
 * Never for a call that was cancelled, nobody waits for its replacement; and never for a wrong use of this library, which only
 * a change of code mends and which a replacement would hide.
 */
export function isReplaced(failure: Failure, cancelled: boolean, rules: FallbackRules): boolean {
  if (cancelled) return false
  if ('value' in failure) return rules.handleResult?.(failure.value) ?? false
  if (isHoldfastError(failure.error) && failure.error.code === 'ERR_OPTION') return false
  return rules.handle?.(failure.error) ?? true
}

const CAUSES_FOLLOWED = 20

/**
 * Gives the replacement's error the original one as its cause, where it is an error that has none and can take one.
 * A chain that already holds either of the two stays as it is: it would become a circle.
 */
export function withCause(error: unknown, original: unknown): unknown {
  if (!(error instanceof Error) || 'cause' in error || !Object.isExtensible(error) || leadsTo(original, error)) return error
  Object.defineProperty(error, 'cause', { value: original, writable: true, configurable: true, enumerable: false })
  return error
}

function leadsTo(from: unknown, to: unknown): boolean {
  let error = from
  for (let depth = 0; depth < CAUSES_FOLLOWED; depth++) {
    if (error === to) return true
    if (!(error instanceof Error)) return false
    error = error.cause
  }
  return true
}
