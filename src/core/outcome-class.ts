/**
 * Whether trying again can help: one reading of errors and statuses, for policies, kinds and presets alike.
 *
 * Narrower than `isRetryable`, which also retries what nothing is known about.
 * Not for rejections (they carry their own `retryAfterMs`) and not for a caller's cancel (nobody waits for that any more).
 */

import { anyCause } from './causes.ts'
import { isRetryableStatus } from './retryable.ts'

export type OutcomeClass = 'transient' | 'permanent'

const TRANSIENT_CODES: ReadonlySet<string> = new Set([
  // The connection was not made, or was lost.
  ...['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ENOTCONN', 'EPROTO', 'ETIMEDOUT', 'ESOCKETTIMEDOUT'],
  ...['EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN', 'ENETRESET'],
  // This host is short of something that comes back.
  ...['EMFILE', 'ENFILE', 'ENOBUFS', 'EADDRNOTAVAIL', 'EAGAIN'],
  // Names. ENOTFOUND too: a resolver that lost its zone says the same as a name that never was, and only time tells.
  ...['EAI_AGAIN', 'EAI_FAIL', 'EAI_NODATA', 'ENOTFOUND', 'ESERVFAIL', 'ETIMEOUT', 'EREFUSED'],
  ...['ERR_TIMEOUT', 'ERR_NETWORK', 'ERR_STORE_UNAVAILABLE', 'ERR_SOCKET_CONNECTION_TIMEOUT', 'ERR_STREAM_PREMATURE_CLOSE'],
])

/** undici's complaints about its caller; all its other codes tell of the network. */
const MISUSE_CODES: ReadonlySet<string> = new Set([
  ...['UND_ERR_INVALID_ARG', 'UND_ERR_INVALID_RETURN_VALUE', 'UND_ERR_NOT_SUPPORTED'],
  ...['UND_ERR_REQ_CONTENT_LENGTH_MISMATCH', 'UND_ERR_ABORTED'],
])

/**
 * Certificates that do not verify are the target's trouble, not the request's: one that ran out is renewed, a portal in
 * between goes away. Nothing was sent. HPE_: the target answered something that is not HTTP.
 */
const TRANSIENT_PREFIX =
  /^(UND_ERR_|HPE_|CERT_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT|UNABLE_TO_|ERR_TLS_|ERR_SSL_|ERR_HTTP2_)/

/** The timeouts of every library, and undici's word for an answer that is not HTTP, which it throws with or without a code. */
const TRANSIENT_NAMES: ReadonlySet<unknown> = new Set(['TimeoutError', 'HTTPParserError'])

/**
 * Classes what a network client threw, by `code`, by name (`TimeoutError` of any library), and through `cause` and the
 * `errors` of an `AggregateError`.
 *
 * ENOTFOUND is transient: it may be a typing error, but it is also what an outage of DNS looks like, and `maxAttempts` ends both.
 */
export function classifyNetworkError(error: unknown): OutcomeClass {
  return anyCause(error, isTransient) ? 'transient' : 'permanent'
}

function isTransient(error: object): boolean | undefined {
  const { name, code, retryable } = error as Record<string, unknown>
  if (typeof retryable === 'boolean') return retryable
  if (typeof code === 'string') {
    if (MISUSE_CODES.has(code)) return false
    if (TRANSIENT_CODES.has(code) || TRANSIENT_PREFIX.test(code)) return true
  }
  return TRANSIENT_NAMES.has(name) || undefined
}

/** Classes an HTTP status: 2xx is success; 408, 425, 429 and 5xx pass; anything else, a redirect not followed too, stays. */
export function classifyStatus(status: number): 'success' | OutcomeClass {
  if (status >= 200 && status <= 299) return 'success'
  return isRetryableStatus(status) ? 'transient' : 'permanent'
}
