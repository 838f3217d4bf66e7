/**
 * The built-in kind `http`: a plain descriptor that the runtime plugs into its kinds. One instance owns one set of connections.
 */
import type { Clock } from '../../core/clock.ts'
import { systemClock } from '../../core/clock.ts'
import type { Duration } from '../../core/duration.ts'
import { OptionError } from '../../core/errors.ts'
import { classifyStatus } from '../../core/outcome-class.ts'
import { parseRetryAfter } from '../../core/retry-after.ts'
import { checkDuration, checkFunction, checkInteger, checkKnown } from '../../core/validate.ts'
import { AllowList } from './allow-list.ts'
import type { Lookup } from './guarded-connector.ts'
import { systemLookup } from './guarded-connector.ts'
import type { Fetched } from './guarded-fetch.ts'
import { GuardedFetch } from './guarded-fetch.ts'
import { HttpStatusError } from './http-errors.ts'
import { checkTraceparent, toHeaderValue } from './http-headers.ts'
import type { HttpPayload, HttpRequest } from './http-payload.ts'
import { readPayload, readUrl } from './http-payload.ts'

export interface HttpKindOptions {
  /** Where calls may go, see allow-list.ts. Default `['public']`. */
  readonly allow?: readonly string[]
  /** For an attempt whose payload says nothing. Default 30 s, at most 300 s. */
  readonly timeout?: Duration
  /** For making a connection. Default 10 s. */
  readonly connectTimeout?: Duration
  /** Connections per origin. Default 64. */
  readonly connections?: number
  /** Redirects followed. Default 3; 0 follows none. */
  readonly maxRedirects?: number
  /** Bytes read of an answer's body. Default 64 KiB. */
  readonly maxBodyBytes?: number
  readonly clock?: Clock
  /** Resolves names; for tests and for resolvers of your own. Default: the system's. */
  readonly lookup?: Lookup
}

/** What the kind needs to know of the attempt. */
export interface HttpSendContext {
  /** Travels as `Idempotency-Key`, the same in every attempt. */
  readonly idempotencyKey?: string | undefined
  /** W3C trace context; passed on when well-formed. */
  readonly traceparent?: string | undefined
  readonly signal?: AbortSignal | undefined
  readonly attempt?: number | undefined
  /** A reading of the kind's clock (`now`) after which nobody waits any more. */
  readonly deadline?: number | undefined
}

/** What is kept of an answer with 2xx. JSON. */
export interface HttpResult {
  readonly status: number
  /** Content type, location and the ids that help to find the call in the target's log; no cookies. */
  readonly headers: Readonly<Record<string, string>>
  /** As UTF-8 text; absent when empty or not text. */
  readonly body?: string
  /** False when the body was cut: over the limit, broken off, or too slow. The call succeeded all the same. */
  readonly bodyComplete: boolean
  /** Where the answer came from, when that is not the payload's URL. Without query. */
  readonly redirectedTo?: string
}

export interface HttpKind {
  readonly name: 'http'
  /**
   * Checks a payload at enqueue; returns it with the method filled in.
   * @throws HttpPayloadError (`ERR_JOB_INVALID`) or ForbiddenAddressError (`ERR_ADDRESS_FORBIDDEN`); `path` names the field
   */
  validate(payload: unknown): HttpPayload
  /** The URL's origin: each origin has its own breaker and limits. Checks the URL alone. @throws HttpPayloadError */
  target(payload: unknown): string
  /**
   * One attempt.
   * @throws HttpStatusError, ForbiddenAddressError, TimeoutError, the error of the network (see `classifyNetworkError`), or the
   * signal's reason
   */
  send(payload: unknown, context?: HttpSendContext): Promise<HttpResult>
  /** Ends calls in flight and closes the connections; further sends fail. */
  close(): Promise<void>
}

const OPTIONS = ['allow', 'timeout', 'connectTimeout', 'connections', 'maxRedirects', 'maxBodyBytes', 'clock', 'lookup']
const MAX_TIMEOUT_MS = 300_000
const EXCERPT_CHARACTERS = 300

/**
 * Makes the kind.
 *
 * @throws OptionError naming the option
 * @example
 * const http = httpKind({ allow: ['public', 'hooks.internal:8443'] })
 * await http.send({ url: 'https://api.example.com/hook', body: { hello: 'world' } }, { idempotencyKey: 'a1' })
 */
export function httpKind(options: HttpKindOptions = {}): HttpKind {
  checkKnown(options, OPTIONS, 'http')
  const clock = options.clock ?? systemClock
  const allow = new AllowList(options.allow, 'http.allow')
  const timeoutMs = checkTimeout(options.timeout ?? 30_000, 'http.timeout')
  const fetcher = new GuardedFetch({
    allow,
    clock,
    lookup: checkFunction(options.lookup ?? systemLookup, 'http.lookup'),
    connections: checkInteger(options.connections ?? 64, 'http.connections', 1, 10_000),
    connectTimeoutMs: checkTimeout(options.connectTimeout ?? 10_000, 'http.connectTimeout'),
    maxRedirects: checkInteger(options.maxRedirects ?? 3, 'http.maxRedirects', 0, 20),
    maxBodyBytes: checkInteger(options.maxBodyBytes ?? 65_536, 'http.maxBodyBytes', 0, 16_777_216),
  })
  return {
    name: 'http',
    validate: (payload) => ({ ...(payload as HttpPayload), method: readPayload(payload, allow).method }),
    target: (payload) => readUrl((payload as HttpPayload | undefined)?.url).origin,
    async send(payload, context = {}) {
      const request = addJobHeaders(readPayload(payload, allow), context)
      const left = context.deadline === undefined ? Number.POSITIVE_INFINITY : Math.max(1, context.deadline - clock.now())
      const limits = { timeoutMs: Math.min(request.timeoutMs ?? timeoutMs, left), signal: context.signal }
      return judge(await fetcher.send(request, limits), clock, request)
    },
    close: () => fetcher.close(),
  }
}

function checkTimeout(value: Duration, option: string): number {
  const ms = checkDuration(value, option, 1)
  if (ms > MAX_TIMEOUT_MS) throw new OptionError(option, 'must be at most 5m', value)
  return ms
}

function addJobHeaders(request: HttpRequest, { idempotencyKey, traceparent }: HttpSendContext): HttpRequest {
  const trace = checkTraceparent(traceparent)
  return {
    ...request,
    headers: {
      'user-agent': 'holdfast',
      accept: '*/*',
      ...request.headers,
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': toHeaderValue(idempotencyKey) }),
      ...(trace === undefined ? {} : { traceparent: trace }),
    },
  }
}

function judge(fetched: Fetched, clock: Clock, first: HttpRequest): HttpResult {
  const { status, headers, request } = fetched
  if (classifyStatus(status) === 'success') return toResult(fetched, first)
  throw new HttpStatusError({
    status,
    method: request.method,
    origin: request.url.origin,
    retryAfterMs: parseRetryAfter(headers, clock.wallNow()),
    excerpt: readText(fetched)?.slice(0, EXCERPT_CHARACTERS),
  })
}

const KEPT_HEADERS = ['content-type', 'location', 'etag', 'date', 'server', 'x-request-id', 'request-id', 'x-correlation-id']

function toResult(fetched: Fetched, first: HttpRequest): HttpResult {
  const { status, headers, complete, request } = fetched
  const kept = KEPT_HEADERS.flatMap((name) => (typeof headers[name] === 'string' ? [[name, headers[name]] as const] : []))
  const body = readText(fetched)
  return {
    status,
    headers: Object.fromEntries(kept),
    ...(body === undefined ? {} : { body }),
    bodyComplete: complete,
    ...(request.url === first.url ? {} : { redirectedTo: `${request.url.origin}${request.url.pathname}` }),
  }
}

const TEXT = /^(?:text\/|application\/(?:[\w.+-]*\+)?(?:json|xml|problem|x-www-form-urlencoded|x-ndjson|javascript)\b)/i

/** The body when it is text by its type, or of no type and valid UTF-8. A character cut at the limit becomes U+FFFD. */
function readText({ body, headers, complete }: Fetched): string | undefined {
  if (body.length === 0) return undefined
  const type = headers['content-type']
  if (type !== undefined && !TEXT.test(type)) return undefined
  const text = body.toString('utf8').replaceAll('\0', '')
  return type === undefined && complete && text.includes('\uFFFD') ? undefined : text
}
