/**
 * What an error says of the target that was called.
 */
import { isHoldfastError } from '../core/errors.ts'
import type { Outcome } from '../core/outcome.ts'
import { retryAfterOf } from '../core/retry-after.ts'
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

/** What a 429 asks for is believed for at most so long; then one call asks again. */
const LONGEST_PATIENCE_MS = 3_600_000

/**
 * For how long a 429 asks everybody to stay away, in ms, by its `retryAfterMs` or its headers; undefined when it is another
 * error or does not say.
 *
 * @param wallNow epoch ms, for dates
 */
export function throttledFor(error: unknown, wallNow: number): number | undefined {
  if (statusOf(error) !== TOO_MANY_REQUESTS) return undefined
  const ms = retryAfterOf(error, wallNow) ?? 0
  return ms > 0 ? Math.min(ms, LONGEST_PATIENCE_MS) : undefined
}
