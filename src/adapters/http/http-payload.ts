/**
 * What a job of the kind `http` carries, checked when it is enqueued: nothing that cannot be sent is stored.
 *
 * A host that is an address is checked here against the allow-list; a name is checked when it resolves, at the call.
 */
import { nearest } from '../../core/validate.ts'
import type { AllowList } from './allow-list.ts'
import { checkHeaders } from './http-headers.ts'
import { HttpPayloadError } from './http-payload-error.ts'

/** A payload as callers write it. */
export interface HttpPayload {
  /** Absolute, http or https, without credentials. */
  readonly url: string
  /** Default `POST` with a body, `GET` without. */
  readonly method?: string
  /** Sent as they are, beside those that the kind owns. */
  readonly headers?: Readonly<Record<string, string>>
  /** A string is sent as it is; any other JSON value as `application/json`. `null` is no body, as in fetch. */
  readonly body?: unknown
  /** For the whole attempt, redirects and all. Default: the kind's. */
  readonly timeoutMs?: number
  /** The summary of a batch that has ended, added by the batch: the body, when there is no other. */
  readonly batch?: unknown
}

/** A payload that was checked, ready to send. */
export interface HttpRequest {
  readonly url: URL
  readonly method: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
  readonly timeoutMs: number | undefined
}

const FIELDS = ['url', 'method', 'headers', 'body', 'timeoutMs', 'batch']
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
const WITHOUT_BODY = ['GET', 'HEAD']
const MAX_URL_LENGTH = 8192
export const MAX_BODY_BYTES = 1_048_576
const MAX_TIMEOUT_MS = 300_000

/**
 * Checks a payload and makes it a request.
 *
 * @throws HttpPayloadError naming field, rule and value
 * @throws ForbiddenAddressError when the host is refused without resolving it
 */
export function readPayload(payload: unknown, allow: AllowList): HttpRequest {
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload))
    throw new HttpPayloadError('payload', 'must be an object', payload, `Known fields: ${FIELDS.join(', ')}.`)
  refuseUnknown(payload)
  const { url, method, headers, timeoutMs, batch, ...rest } = payload as Record<string, unknown>
  const body = rest.body === undefined && batch !== undefined ? { batch } : rest.body
  const checkedUrl = readUrl(url)
  allow.checkUrl(checkedUrl, 'payload.url')
  const checkedMethod = readMethod(method, body)
  const checkedHeaders = checkHeaders(headers)
  return {
    url: checkedUrl,
    method: checkedMethod,
    ...withBody(body, checkedMethod, checkedHeaders),
    timeoutMs: readTimeout(timeoutMs),
  }
}

function refuseUnknown(payload: object): void {
  for (const name of Object.keys(payload)) {
    if (FIELDS.includes(name)) continue
    const near = nearest(name, FIELDS)
    const hint = near === undefined ? `Known fields: ${FIELDS.join(', ')}.` : `Did you mean '${near}'?`
    throw new HttpPayloadError(`payload.${name}`, 'is not a field of kind http', (payload as Record<string, unknown>)[name], hint)
  }
}

/** The URL of a payload, checked, but not against the allow-list. @throws HttpPayloadError */
export function readUrl(value: unknown): URL {
  const fail = (rule: string, hint?: string): never => {
    throw new HttpPayloadError('payload.url', rule, typeof value === 'string' ? withoutCredentials(value) : value, hint)
  }
  if (typeof value !== 'string') return fail('must be a string', 'Such as "https://api.example.com/hook".')
  if (value.length > MAX_URL_LENGTH) return fail(`must have at most ${MAX_URL_LENGTH} characters`)
  // A URL parser drops tabs and line breaks and trims blanks: what is checked would not be what was written.
  if (/[\p{Cc}\s]/u.test(value)) return fail('must not contain blanks or control characters', 'Encode them, as in %20.')
  if (!value.isWellFormed()) return fail('must be well-formed Unicode')
  const url = URL.parse(value)
  if (url === null) return fail('must be an absolute URL', 'Such as "https://api.example.com/hook".')
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return fail('must use the scheme http or https')
  if (url.username !== '' || url.password !== '')
    return fail('must not contain credentials', 'Send them in a header such as authorization.')
  if (url.port === '0') return fail('must not use port 0')
  return url
}

function withoutCredentials(text: string): string {
  return text.replace(/^([a-z]+:)?[/\\]*[^/\\?#]*@/i, '$1//***@')
}

function readMethod(value: unknown, body: unknown): string {
  if (value === undefined) return body === undefined || body === null ? 'GET' : 'POST'
  const method = typeof value === 'string' ? value.toUpperCase() : undefined
  if (method === undefined || !METHODS.includes(method))
    throw new HttpPayloadError('payload.method', `must be one of ${METHODS.join(', ')}`, value)
  return method
}

function withBody(
  value: unknown,
  method: string,
  headers: Readonly<Record<string, string>>,
): Pick<HttpRequest, 'body' | 'headers'> {
  if (value === undefined || value === null) return { body: undefined, headers }
  if (WITHOUT_BODY.includes(method))
    throw new HttpPayloadError(
      'payload.body',
      `must be absent with the method ${method}`,
      value,
      'Use POST, or put it into the URL.',
    )
  const body = writeBody(value)
  if (Buffer.byteLength(body) > MAX_BODY_BYTES)
    throw new HttpPayloadError(
      'payload.body',
      `must have at most ${MAX_BODY_BYTES} bytes`,
      value,
      'Store it elsewhere and send where it is.',
    )
  const type = typeof value === 'string' ? 'text/plain;charset=UTF-8' : 'application/json'
  return { body, headers: { 'content-type': type, ...headers } }
}

function writeBody(value: unknown): string {
  if (typeof value !== 'string') return writeJson(value)
  // Half a surrogate pair would arrive as U+FFFD, silently.
  if (!value.isWellFormed()) throw new HttpPayloadError('payload.body', 'must be well-formed Unicode', value)
  return value
}

function writeJson(value: unknown): string {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch {
    text = undefined
  }
  if (text === undefined) throw new HttpPayloadError('payload.body', 'must be a string or a JSON value', value)
  return text
}

function readTimeout(value: unknown): number | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > MAX_TIMEOUT_MS)
    throw new HttpPayloadError('payload.timeoutMs', `must be a whole number from 1 to ${MAX_TIMEOUT_MS}`, value)
  return value
}
