/** A job as callers send it, and the checks that turn it into what a store takes. Pure. */
import type { Duration } from '../core/duration.ts'
import { parseDuration } from '../core/duration.ts'
import { type HoldfastError, isHoldfastError, OptionError } from '../core/errors.ts'
import { parseIsoTime } from '../core/iso-time.ts'
import { nearest } from '../core/validate.ts'
import type { NewJob } from './job.ts'
import { MAX_PRIORITY } from './job.ts'
import { atIndex, JobInvalidError, UnknownKindError } from './job-errors.ts'
import type { Kind } from './kind.ts'
import type { PayloadLimits } from './payload.ts'
import { checkPayload, fingerprint, PAYLOAD_LIMITS } from './payload.ts'

/** A job as callers send it. */
export interface JobRequest {
  readonly kind: string
  readonly payload: unknown
  readonly idempotencyKey?: string | undefined
  /** Epoch ms, or an ISO 8601 date. */
  readonly runAt?: number | string | undefined
  /** Not before so long from now, such as `'10m'`. This or `runAt`. Counted on this process's clock. */
  readonly delay?: Duration | undefined
  readonly priority?: number | undefined
  readonly maxAttempts?: number | undefined
  readonly traceparent?: string | undefined
}

export interface RequestLimits extends PayloadLimits {
  /** Jobs in one `enqueue`. Default 10,000. */
  readonly batch: number
  /** How far ahead `runAt` and `delay` may lie, in ms. Default 366 days. */
  readonly maxAheadMs: number
}

export const REQUEST_LIMITS: RequestLimits = { ...PAYLOAD_LIMITS, batch: 10_000, maxAheadMs: 366 * 86_400_000 }

const FIELDS = ['kind', 'payload', 'idempotencyKey', 'runAt', 'delay', 'priority', 'maxAttempts', 'traceparent'] as const
const MAX_ATTEMPTS = 1000

/**
 * Checks a batch, the first bad job refuses all of it. Errors name the index only when there are several.
 *
 * @param now epoch ms
 * @throws JobInvalidError, UnknownKindError
 */
export function checkRequests(
  requests: readonly JobRequest[],
  kinds: ReadonlyMap<string, Kind>,
  now: number,
  limits: RequestLimits,
): Omit<NewJob, 'id'>[] {
  if (!Array.isArray(requests)) throw new JobInvalidError('jobs', 'must be an array of jobs', requests)
  if (requests.length > limits.batch)
    throw new JobInvalidError('jobs', `must not be more than ${limits.batch} in one batch`, requests.length)
  const single = requests.length === 1
  return requests.map((request: JobRequest, index) => {
    try {
      return checkRequest(request, kinds, now, limits)
    } catch (error) {
      throw single ? error : atIndex(error, index)
    }
  })
}

function checkRequest(
  request: JobRequest,
  kinds: ReadonlyMap<string, Kind>,
  now: number,
  limits: RequestLimits,
): Omit<NewJob, 'id'> {
  checkFields(request)
  const kind = kindOf(request.kind, kinds)
  const idempotencyKey = checkKey(request.idempotencyKey)
  const runAt = checkWhen(request, now, limits.maxAheadMs)
  const priority = checkWhole(request.priority, 'priority', -MAX_PRIORITY, MAX_PRIORITY) ?? kind.priority
  const maxAttempts = checkWhole(request.maxAttempts, 'maxAttempts', 1, MAX_ATTEMPTS)
  const traceparent = checkTraceparent(request.traceparent)
  const payload = checkPayload(request.payload, limits)
  checkByKind(kind, payload)
  return {
    kind: kind.name,
    target: targetOf(kind, payload, idempotencyKey),
    payload,
    priority,
    maxAttempts,
    runAt,
    idempotencyKey,
    // Only compared between jobs with a key, so only those pay for the hash.
    fingerprint: idempotencyKey === undefined ? '' : fingerprint(kind.name, payload),
    idempotencyWindowMs: kind.idempotencyWindowMs,
    traceparent,
    ...(kind.concurrencyKey === undefined ? {} : { concurrencyKey: keyOf(kind, payload) }),
  }
}

function checkFields(request: unknown): void {
  if (typeof request !== 'object' || request === null || Array.isArray(request))
    throw new JobInvalidError('job', 'must be an object', request)
  for (const name of Object.keys(request)) {
    if ((FIELDS as readonly string[]).includes(name)) continue
    const near = nearest(name, FIELDS)
    throw new JobInvalidError(name, 'is not a field of a job', (request as Record<string, unknown>)[name], {
      hint: near === undefined ? `Known fields: ${FIELDS.join(', ')}.` : `Did you mean '${near}'?`,
    })
  }
}

function kindOf(name: unknown, kinds: ReadonlyMap<string, Kind>): Kind {
  const kind = typeof name === 'string' ? kinds.get(name) : undefined
  if (kind !== undefined) return kind
  const known = [...kinds.keys()]
  if (typeof name !== 'string' || name === '')
    throw new JobInvalidError('kind', 'must be the name of a kind', name, { hint: `Known kinds: ${known.join(', ')}.` })
  throw new UnknownKindError(name, known, nearest(name, known))
}

function checkKey(key: unknown): string | undefined {
  if (key === undefined) return undefined
  if (typeof key !== 'string' || !/^[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?$/.test(key))
    throw new JobInvalidError('idempotencyKey', 'must be 1 to 255 printable ASCII characters, no space at its ends', key)
  return key
}

function checkWhen({ runAt, delay }: JobRequest, now: number, maxAheadMs: number): number | undefined {
  if (delay === undefined) return checkRunAt(runAt, now, maxAheadMs)
  if (runAt !== undefined) throw new JobInvalidError('delay', "must not be given together with 'runAt'", delay)
  let ms: number
  try {
    ms = parseDuration(delay, 'delay', { max: maxAheadMs })
  } catch (error) {
    throw new JobInvalidError('delay', error instanceof OptionError ? error.rule : 'must be a duration', delay)
  }
  return ms === 0 ? undefined : Math.ceil(now + ms)
}

function checkRunAt(value: unknown, now: number, maxAheadMs: number): number | undefined {
  if (value === undefined) return undefined
  const at = typeof value === 'string' ? parseIsoTime(value) : value
  if (typeof at !== 'number' || !Number.isFinite(at))
    throw new JobInvalidError('runAt', 'must be epoch milliseconds or an ISO 8601 date, its time with a zone', value)
  if (at < Date.UTC(2000, 0, 1))
    throw new JobInvalidError('runAt', 'must not lie before the year 2000', value, { hint: 'Milliseconds, not seconds?' })
  if (at > now + maxAheadMs)
    throw new JobInvalidError('runAt', `must not lie more than ${Math.round(maxAheadMs / 86_400_000)} days ahead`, value)
  return Math.round(at)
}

function checkWhole(value: unknown, path: string, min: number, max: number): number | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max)
    throw new JobInvalidError(path, `must be a whole number from ${min} to ${max}`, value)
  return value
}

function checkTraceparent(value: unknown): string | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'string' || !/^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}$/.test(value))
    throw new JobInvalidError('traceparent', 'must be a W3C trace context', value, {
      hint: 'Like 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.',
    })
  return value
}

function checkByKind(kind: Kind, payload: unknown): void {
  try {
    kind.validate?.(payload)
  } catch (error) {
    throw asInvalid(error, payload)
  }
}

function targetOf(kind: Kind, payload: unknown, idempotencyKey: string | undefined): string {
  let target: unknown
  try {
    target = kind.targetOf(payload, idempotencyKey)
  } catch (error) {
    throw asInvalid(error, payload)
  }
  if (typeof target !== 'string' || target === '' || target.length > 500)
    throw new JobInvalidError('payload', `must name a target of 1 to 500 characters for kind '${kind.name}'`, target)
  if (!isPlainText(target))
    throw new JobInvalidError('payload', `must name a target without control characters for kind '${kind.name}'`, target)
  return target
}

/** Empty for a job without one, whose kind has keys. */
function keyOf({ name, concurrencyKey }: Kind, payload: unknown): string {
  let key: unknown
  try {
    key = concurrencyKey?.(payload)
  } catch (error) {
    throw asInvalid(error, payload)
  }
  if (key === undefined) return ''
  if (typeof key !== 'string' || key === '' || key.length > 500 || !isPlainText(key))
    throw new JobInvalidError(
      'payload',
      `must give a concurrency key of 1 to 500 characters, none of them a control character, for kind '${name}'`,
      key,
    )
  return key
}

/** What every store keeps as it is, and every terminal and log shows as it is. */
function isPlainText(text: string): boolean {
  return text.isWellFormed() && !/\p{Cc}/u.test(text)
}

/** Refusals of what a caller sent; any other code that a kind's check throws would be read as trouble of this process. */
const REFUSALS: ReadonlySet<string> = new Set(['ERR_JOB_INVALID', 'ERR_ADDRESS_FORBIDDEN'])

/** Whatever a kind's own check threw, as a refusal of the request; what the error knows (code, path, rule, hint) is kept. */
function asInvalid(error: unknown, payload: unknown): unknown {
  if (isHoldfastError(error) && REFUSALS.has(error.code)) {
    const { path, rule } = error as { path?: unknown; rule?: unknown }
    if (typeof path === 'string' && typeof rule === 'string') return withPath(error, inPayload(path), rule)
  }
  const { hint, details } = isHoldfastError(error) ? error : { hint: undefined, details: undefined }
  const path = typeof details?.path === 'string' ? inPayload(details.path) : 'payload'
  const rule = error instanceof Error ? `is refused (${error.message})` : `is refused (${String(error)})`
  return new JobInvalidError(path, rule, payload, { cause: error, ...(hint === undefined ? {} : { hint }) })
}

function withPath(error: HoldfastError, path: string, rule: string): HoldfastError {
  return Object.assign(error, { path, details: { ...error.details, path, rule } })
}

/** A kind may name its fields from its payload's root, or from the request's. */
function inPayload(path: string): string {
  if (/^payload(?![\w$])/.test(path)) return path
  return path.startsWith('[') ? `payload${path}` : `payload.${path}`
}
