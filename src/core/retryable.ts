/**
 * Which errors are worth another try, when nobody said otherwise.
 *
 * Retried: time-outs, network and connection errors, HTTP 408, 425, 429 and 5xx, and errors that nothing is known about.
 * Never: other HTTP statuses, cancellations, refusals other than a rate limit with a known end, wrong options, and what only
 * a change of code mends (`TypeError`, `RangeError`, `SyntaxError`, `ReferenceError`, validation errors). An error's own
 * boolean `retryable` decides before all of this.
 */
import { isHoldfastError } from './errors.ts'

const RETRIED_STATUSES: ReadonlySet<number> = new Set([408, 425, 429])
const FINAL_NAMES: ReadonlySet<string> = new Set([
  'AbortError',
  'RangeError',
  'ReferenceError',
  'SyntaxError',
  'TypeError',
  'ValidationError',
  'ZodError',
])

/** True for an HTTP status that may be different the next time. */
export function isRetryableStatus(status: number): boolean {
  return status >= 500 || RETRIED_STATUSES.has(status)
}

/** The HTTP status that an error carries, wherever its client puts it. */
export function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const { status, statusCode, response } = error as Record<string, unknown>
  for (const candidate of [status, statusCode, (response as { status?: unknown } | undefined)?.status])
    if (typeof candidate === 'number' && candidate >= 100 && candidate < 600) return candidate
  return undefined
}

export function isRetryable(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return true
  const { retryable, name, cause, code } = error as Record<string, unknown>
  if (typeof retryable === 'boolean') return retryable
  if (isHoldfastError(error)) return isRetryableCode(error.code, error.retryAfterMs)
  const status = statusOf(error)
  if (status !== undefined) return isRetryableStatus(status)
  // fetch reports every network error as a TypeError whose cause tells what happened.
  if (name === 'TypeError' && (cause !== undefined || code !== undefined))
    return !isWrongArgument(code) && !isWrongArgument((cause as { code?: unknown } | null | undefined)?.code)
  return !FINAL_NAMES.has(String(name))
}

/** The platform's own complaints about its caller are TypeErrors with a code as well. */
function isWrongArgument(code: unknown): boolean {
  return typeof code === 'string' && /^(?:UND_)?ERR_(?:INVALID|MISSING|UNKNOWN)_/.test(code)
}

function isRetryableCode(code: string, retryAfterMs: number | undefined): boolean {
  return code === 'ERR_TIMEOUT' || code === 'ERR_NETWORK' || (code === 'ERR_RATE_LIMITED' && retryAfterMs !== undefined)
}
