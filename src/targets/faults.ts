/**
 * What an error says of the target that was called.
 */
import { isHoldfastError } from '../core/errors.ts'
import type { Outcome } from '../core/outcome.ts'
import { isRetryable, statusOf } from '../core/retryable.ts'

const TOO_MANY_REQUESTS = 429

/**
 * `failure`: it is down, slow or broken. `success`: it answered, if only to refuse this request. `neutral`: it says nothing,
 * as the fault is the caller's own, or the target asks for patience (429), which is a matter of limits.
 */
export function faultOf(error: unknown): Outcome {
  const status = statusOf(error)
  if (status === TOO_MANY_REQUESTS) return 'neutral'
  if (status !== undefined) return isRetryable(error) ? 'failure' : 'success'
  if (isHoldfastError(error) && error.code !== 'ERR_TIMEOUT' && error.code !== 'ERR_NETWORK') return 'neutral'
  return isRetryable(error) ? 'failure' : 'neutral'
}

/** For how long a 429 asks everybody to stay away, in ms; undefined when it is another error or does not say. */
export function throttledFor(error: unknown): number | undefined {
  if (statusOf(error) !== TOO_MANY_REQUESTS) return undefined
  const ms = (error as { retryAfterMs?: unknown }).retryAfterMs
  return typeof ms === 'number' && ms > 0 ? ms : undefined
}
