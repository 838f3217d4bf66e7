/** Which headers a payload may carry, and which go along when a redirect leaves the origin. */
import { HttpPayloadError } from './http-payload-error.ts'

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
/** Visible ASCII and Latin-1, blanks and tabs: no CR, LF, NUL or other control character. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/** Headers that belong to the connection, to the message's framing, or to the kind itself; each with the reason. */
const RESERVED: Readonly<Record<string, string>> = {
  connection: 'it belongs to the connection',
  'keep-alive': 'it belongs to the connection',
  'proxy-connection': 'it belongs to the connection',
  'proxy-authenticate': 'it belongs to the connection',
  'proxy-authorization': 'it belongs to the connection',
  te: 'it belongs to the connection',
  trailer: 'it belongs to the connection',
  upgrade: 'it belongs to the connection',
  'http2-settings': 'it belongs to the connection',
  expect: 'it belongs to the connection',
  host: 'it follows from the URL',
  'content-length': 'it follows from the body',
  'transfer-encoding': 'it follows from the body',
  'accept-encoding': 'answers are read uncompressed',
  'idempotency-key': "it is the job's own: give idempotencyKey beside the payload",
  traceparent: "it is the job's own: give traceparent beside the payload",
}

const MAX_HEADERS = 64
const MAX_HEADER_BYTES = 16_384

/**
 * Checks a payload's headers and returns them with names in lower case.
 *
 * @throws HttpPayloadError naming the header; its value is not shown, it may be a secret
 */
export function checkHeaders(value: unknown): Readonly<Record<string, string>> {
  if (value === undefined) return {}
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new HttpPayloadError('payload.headers', 'must be an object of strings', value)
  const entries = Object.entries(value)
  if (entries.length > MAX_HEADERS)
    throw new HttpPayloadError('payload.headers', `must have at most ${MAX_HEADERS} headers`, value)
  const checked = new Map<string, string>()
  for (const [name, content] of entries) {
    const key = checkName(name)
    if (checked.has(key)) throw new HttpPayloadError(fieldOf(name), 'must be given once, whatever its letter case', name)
    checked.set(key, checkValue(name, content))
  }
  const bytes = [...checked].reduce((sum, [name, content]) => sum + name.length + content.length + 4, 0)
  if (bytes > MAX_HEADER_BYTES)
    throw new HttpPayloadError('payload.headers', `must have at most ${MAX_HEADER_BYTES} bytes`, value)
  return Object.fromEntries(checked)
}

function checkName(name: string): string {
  if (!TOKEN.test(name))
    throw new HttpPayloadError(
      fieldOf(name),
      'must have a name of letters, digits and -',
      name,
      'No blanks, colons or line breaks.',
    )
  const key = name.toLowerCase()
  const reason = Object.hasOwn(RESERVED, key) ? RESERVED[key] : undefined
  if (reason !== undefined) throw new HttpPayloadError(fieldOf(name), 'must not be set', name, `Leave it out: ${reason}.`)
  return key
}

function checkValue(name: string, value: unknown): string {
  if (typeof value !== 'string') throw new HttpPayloadError(fieldOf(name), 'must be a string', value)
  if (!VALUE.test(value))
    throw new HttpPayloadError(
      fieldOf(name),
      'must not contain line breaks, control characters or characters beyond Latin-1',
      `a text of ${value.length} characters`,
      'Percent-encode such characters.',
    )
  return value.trim()
}

function fieldOf(name: string): string {
  return `payload.headers.${/^[\w-]{1,64}$/.test(name) ? name : JSON.stringify(name.slice(0, 64))}`
}

const SECRET = /auth|cookie|token|secret|passw|api-?key|session|signature|credential/

/** The headers that may follow a redirect to another origin: none that looks like a credential. */
export function withoutSecrets(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !SECRET.test(name)))
}

/** A job's key as a header value: what is not visible ASCII is percent-encoded, the same in every attempt. */
export function toHeaderValue(key: string): string {
  return /^[\x21-\x7e]+$/.test(key) ? key : encodeURIComponent(key.toWellFormed())
}

/** The trace context, or nothing: a malformed one must not travel. */
export function checkTraceparent(value: string | undefined): string | undefined {
  return value !== undefined && /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/.test(value) ? value : undefined
}
