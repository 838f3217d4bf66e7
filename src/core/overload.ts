/**
 * Whether an error says that the target has too much to do: it did not take the call, or did not answer in time.
 *
 * Not for deciding about another try (that is `isRetryable`), and not for faults of the request or bugs in the target: a 400,
 * a 404 or a 500 is an answer from somebody who had the time to give one.
 */
import { anyCause } from './causes.ts'
import { isRejected } from './errors.ts'
import { statusOf } from './retryable.ts'

/** 429 and 503 say so; behind a 504 a gateway waited in vain. */
const OVERLOADED: ReadonlySet<number> = new Set([429, 503, 504])

const CODES: ReadonlySet<unknown> = new Set([
  ...['ERR_TIMEOUT', 'ETIMEDOUT', 'ESOCKETTIMEDOUT', 'ERR_SOCKET_CONNECTION_TIMEOUT'],
  ...['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'],
  // A listener whose backlog is full refuses or resets.
  ...['ECONNREFUSED', 'ECONNRESET', 'EPIPE'],
])

/** Reads status, code, name, and through `cause` and the `errors` of an `AggregateError`. Never throws. */
export function isOverload(error: unknown): boolean {
  try {
    return anyCause(error, saysOverload)
  } catch {
    return false // What was thrown cannot be read.
  }
}

function saysOverload(error: object): boolean | undefined {
  if (isRejected(error)) return true
  const status = statusOf(error)
  if (status !== undefined) return OVERLOADED.has(status)
  const { name, code } = error as Record<string, unknown>
  return name === 'TimeoutError' || CODES.has(code) || undefined
}

/**
 * True when a call was given up because a time ran out, a policy's or that of an `AbortSignal.timeout`, and not because its
 * caller lost interest.
 */
export function ranOutOfTime(execution: { readonly aborted: boolean; readonly abortReason: unknown }): boolean {
  if (!execution.aborted) return false
  try {
    return (execution.abortReason as { name?: unknown }).name === 'TimeoutError'
  } catch {
    return false // The reason is nothing, or cannot be read.
  }
}
