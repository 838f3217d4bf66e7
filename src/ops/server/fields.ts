/**
 * Reads the fields of bodies and queries. Unknown names are refused, with the nearest known one as a hint.
 */
import { parseIsoTime } from '../../core/iso-time.ts'
import { nearest } from '../../core/validate.ts'
import { MAX_PRIORITY } from '../../work/job.ts'
import type { BatchRequest, JobRequest } from '../source.ts'
import type { ApiErrorDetails } from './api-error.ts'
import { ApiError, badField } from './api-error.ts'
import type { ApiContext } from './env.ts'

type Where = ApiErrorDetails & { readonly code?: string }

/** An object with no other names than these. */
export function checkObject(value: unknown, known: readonly string[], where: Where = {}): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badField('body', 'must be a JSON object', { ...where, hint: `Known fields: ${known.join(', ')}.` })
  for (const name of Object.keys(value)) checkKnownName(name, known, 'is not a known field', where)
  return value as Record<string, unknown>
}

function checkKnownName(name: string, known: readonly string[], rule: string, where: Where): void {
  if (known.includes(name)) return
  const near = nearest(name, known)
  const hint = near === undefined ? `Known: ${known.join(', ') || 'none'}.` : `Did you mean '${near}'?`
  throw badField(name.slice(0, 100), rule, { ...where, hint })
}

const JOB_FIELDS = ['kind', 'payload', 'idempotencyKey', 'runAt', 'delay', 'priority', 'maxAttempts', 'traceparent'] as const

/** W3C trace context, version 00. */
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

/**
 * One job as it was sent. What a kind wants of its payload is checked behind the source.
 * @param traceparent what the request's header said; the body's own wins
 */
export function checkJobRequest(value: unknown, traceparent: string | undefined, index?: number): JobRequest {
  const where: Where = { index }
  const body = checkObject(value, JOB_FIELDS, where)
  if (!('kind' in body)) throw badField('kind', 'is required', where)
  if (!('payload' in body))
    throw badField('payload', 'is required', { ...where, hint: 'Send null when the kind needs no payload.' })
  const kind = checkText(body.kind, 'kind', 200, where)
  const trace = optional(body.traceparent, (text) => checkTraceparent(text, where)) ?? traceparent
  return {
    kind,
    payload: body.payload,
    ...defined(
      'idempotencyKey',
      optional(body.idempotencyKey, (key) => checkText(key, 'idempotencyKey', 255, where)),
    ),
    ...defined(
      'runAt',
      optional(body.runAt, (at) => checkTime(at, 'runAt', where)),
    ),
    ...defined(
      'delay',
      optional(body.delay, (delay) => checkDelay(delay, where)),
    ),
    ...defined(
      'priority',
      optional(body.priority, (priority) => checkWhole(priority, 'priority', -MAX_PRIORITY, MAX_PRIORITY, where)),
    ),
    ...defined(
      'maxAttempts',
      optional(body.maxAttempts, (count) => checkWhole(count, 'maxAttempts', 1, 1000, where)),
    ),
    ...defined('traceparent', trace),
  }
}

/** What was said of a batch beside its jobs. The callback is checked behind the source, as its kind wants it. */
export function checkBatch(value: unknown, traceparent: string | undefined): Omit<BatchRequest, 'jobs'> {
  const { id, onComplete } = checkObject(value, ['jobs', 'onComplete', 'id'])
  if (onComplete === undefined)
    return {
      ...defined(
        'id',
        optional(id, (text) => checkText(text, 'id', 255)),
      ),
    }
  const callback = checkObject(onComplete, ['kind', 'payload', 'priority', 'maxAttempts', 'traceparent'])
  const trace = callback.traceparent === undefined ? defined('traceparent', traceparent) : {}
  return {
    ...defined(
      'id',
      optional(id, (text) => checkText(text, 'id', 255)),
    ),
    onComplete: { ...(callback as unknown as NonNullable<BatchRequest['onComplete']>), ...trace },
  }
}

/** Whether it is a duration, and how long it may be, is checked behind the source. */
function checkDelay(value: unknown, where: Where): number | string {
  if (typeof value === 'number' || (typeof value === 'string' && value.length <= 100)) return value
  throw badField('delay', "must be milliseconds or a duration such as '10m'", where)
}

/** The header, when it is one; the standard says that a broken one is ignored. */
export function traceparentOf(c: ApiContext): string | undefined {
  const header = c.req.header('traceparent')
  return header !== undefined && TRACEPARENT.test(header) ? header : undefined
}

function checkTraceparent(value: unknown, where: Where): string {
  if (typeof value !== 'string' || !TRACEPARENT.test(value))
    throw badField('traceparent', 'must be a W3C trace context, version 00, in lower case', where)
  return value
}

export function optional<T>(value: unknown, check: (value: unknown) => T): T | undefined {
  return value === undefined ? undefined : check(value)
}

function defined<K extends string, V>(name: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [name]: value } as Record<K, V>)
}

export function checkText(value: unknown, field: string, longest: number, where: Where = {}): string {
  if (typeof value !== 'string' || value === '' || value.length > longest)
    throw badField(field, `must be a text of 1 to ${longest} characters`, where)
  if (value.includes('\0')) throw badField(field, 'must not contain the character NUL', where)
  return value
}

export function checkWhole(value: unknown, field: string, min: number, max: number, where: Where = {}): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max)
    throw badField(field, `must be a whole number from ${min} to ${max}`, where)
  return value
}

export function checkFlag(value: unknown, field: string): boolean {
  if (typeof value !== 'boolean') throw badField(field, 'must be true or false')
  return value
}

/** The last moment that a Date can hold. */
const LATEST = 8.64e15

/** Epoch ms, from epoch ms or an ISO 8601 date. */
export function checkTime(value: unknown, field: string, where: Where = {}): number {
  const ms = typeof value === 'string' ? parseIsoTime(value) : value
  if (typeof ms !== 'number' || !Number.isInteger(ms) || ms < 0 || ms > LATEST)
    throw badField(field, 'must be epoch milliseconds or an ISO 8601 date, its time with a zone', where)
  return ms
}

/** The query parameters: only these names, each at most once. Empty ones count as absent. */
export function checkQuery<K extends string>(c: ApiContext, known: readonly K[]): Partial<Record<K, string>> {
  const found: Partial<Record<K, string>> = {}
  for (const [name, values] of Object.entries(c.req.queries())) {
    checkKnownName(name, known, 'is not a known query parameter', { code: 'ERR_QUERY' })
    if (values.length > 1) throw badQuery(name, 'may be given once')
    if (values[0] !== undefined && values[0] !== '') found[name as K] = values[0]
  }
  return found
}

export function badQuery(field: string, rule: string, hint?: string): ApiError {
  return badField(field, rule, { code: 'ERR_QUERY', hint })
}

export function queryOneOf<T extends string>(value: string | undefined, field: string, allowed: readonly T[]): T | undefined {
  if (value === undefined) return undefined
  if (!allowed.includes(value as T)) throw badQuery(field, `must be one of ${allowed.join(', ')}`)
  return value as T
}

export function queryLimit(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  if (!/^\d{1,4}$/.test(value) || Number(value) < 1 || Number(value) > 1000)
    throw badQuery('limit', 'must be a whole number from 1 to 1000')
  return Number(value)
}

export function queryText(value: string | undefined, field: string): string | undefined {
  if (value !== undefined && value.length > 2048) throw badQuery(field, 'must be at most 2048 characters')
  if (value?.includes('\0')) throw badQuery(field, 'must not contain the character NUL')
  return value
}

/** A path parameter. */
export function pathParam(c: ApiContext, name: string): string {
  const value = c.req.param(name)
  if (value === undefined || value === '' || value.includes('\0'))
    throw new ApiError(404, 'ERR_NOT_FOUND', 'There is nothing here.')
  return value
}
