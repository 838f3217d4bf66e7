/**
 * What a response says of the server's limits, in each of the ways in which servers say it.
 *
 * `RateLimit` and `RateLimit-Policy` as structured fields (draft-ietf-httpapi-ratelimit-headers, from 08 on), the dictionary
 * of the drafts before, and the three headers `…-Limit`, `…-Remaining`, `…-Reset` behind `RateLimit`, `X-RateLimit` and
 * `X-Rate-Limit`. A reset there may be seconds from now, a duration, or a date: epoch seconds, epoch ms, ISO or HTTP date.
 * Only reads; how long a server is believed is the caller's to decide.
 */
import { parseDuration } from '../../core/duration.ts'
import { type HeaderSource, parseRetryAfter, readHeader } from '../../core/retry-after.ts'
import type { ToldQuota } from './server-view.ts'
import { type FieldMember, parseFieldList } from './structured-field.ts'

export interface RateAdvice {
  readonly quotas: readonly ToldQuota[]
  /** From `Retry-After` in all its forms. */
  readonly retryAfterMs: number | undefined
}

/** The name of a quota that the server gave none. */
const UNNAMED = 'default'

/** @param wallNow epoch ms; a `Date` header takes precedence, since a server's dates go by the server's clock */
export function readRateLimits(headers: HeaderSource, wallNow: number): RateAdvice {
  const serverNow = Date.parse(String(readHeader(headers, 'date')))
  const now = Number.isNaN(serverNow) ? wallNow : serverNow
  const current = parseFieldList(joined(headers, 'ratelimit'))
  const policies = parseFieldList(joined(headers, 'ratelimit-policy'))
  let quotas = fromItems(current, policies)
  if (quotas.length === 0) quotas = fromDictionary(current, policies)
  if (quotas.length === 0) quotas = fromTriples(headers, policies, now)
  return { quotas, retryAfterMs: parseRetryAfter(headers, now) }
}

/** `"burst";r=5;t=1, "daily";r=900;t=40000` */
function fromItems(current: readonly FieldMember[], policies: readonly FieldMember[]): ToldQuota[] {
  const quotas: ToldQuota[] = []
  for (const { key, value, params } of current) {
    if (key !== undefined || params.r === undefined) continue
    const policy = policies.find((one) => one.value === value)?.params ?? {}
    // Bytes and concurrent requests are other units than ours.
    if (policy.qu !== undefined && policy.qu !== 'requests') continue
    quotas.push({
      name: value,
      remaining: count(params.r),
      limit: count(policy.q),
      resetMs: seconds(params.t),
      windowMs: seconds(policy.w),
    })
  }
  return quotas
}

/** `limit=100, remaining=50, reset=30` */
function fromDictionary(current: readonly FieldMember[], policies: readonly FieldMember[]): ToldQuota[] {
  const told = (key: string): string | undefined => current.find((one) => one.key === key)?.value
  const remaining = count(told('remaining'))
  if (remaining === undefined) return []
  const limit = count(told('limit'))
  return [{ name: UNNAMED, remaining, limit, resetMs: seconds(told('reset')), windowMs: windowOf(policies, limit) }]
}

const PREFIXES = ['ratelimit', 'x-ratelimit', 'x-rate-limit'] as const
const SUFFIXES = ['', '-requests'] as const

function fromTriples(headers: HeaderSource, policies: readonly FieldMember[], now: number): ToldQuota[] {
  for (const prefix of PREFIXES)
    for (const suffix of SUFFIXES) {
      const remaining = count(readHeader(headers, `${prefix}-remaining${suffix}`))
      if (remaining === undefined) continue
      // Some say `100, 100;w=60`: the limit that applies, then all of them.
      const limits = parseFieldList(readHeader(headers, `${prefix}-limit${suffix}`))
      const limit = count(limits[0]?.value)
      const windowMs = windowOf([...limits, ...policies], limit)
      const resetMs =
        seconds(readHeader(headers, `${prefix}-reset-after`)) ?? readReset(readHeader(headers, `${prefix}-reset${suffix}`), now)
      return [{ name: UNNAMED, remaining, limit, resetMs, windowMs }]
    }
  return []
}

function windowOf(policies: readonly FieldMember[], limit: number | undefined): number | undefined {
  const mine = policies.find(({ value, params }) => count(value) === limit && (params.w ?? params.window) !== undefined)
  return seconds(mine?.params.w ?? mine?.params.window)
}

/** As seconds from now this is 31 years; as a date it is 2001. */
const EPOCH_SECONDS_FROM = 1e9
/** As epoch seconds this is the year 5138; as epoch ms it is 1973. */
const EPOCH_MS_FROM = 1e11

/** @returns ms from now, at least 0; undefined when it cannot be read */
export function readReset(text: string | undefined, wallNow: number): number | undefined {
  if (text === undefined) return undefined
  const value = text.trim()
  if (/^\d+(?:\.\d+)?$/.test(value)) {
    const number = Number(value)
    if (number >= EPOCH_MS_FROM) return Math.max(0, number - wallNow)
    return number >= EPOCH_SECONDS_FROM ? Math.max(0, number * 1000 - wallNow) : number * 1000
  }
  // Stryker disable next-line Regex: with something before it, it is no date either
  if (/^\d{4}-\d{2}-\d{2}T/i.test(value)) {
    const at = Date.parse(value)
    return Number.isNaN(at) ? undefined : Math.max(0, at - wallNow)
  }
  if (/^(?:\d+(?:\.\d+)?(?:ms|[smhd]))+$/.test(value)) return parseDuration(value)
  return parseRetryAfter(value, wallNow)
}

function seconds(text: string | undefined): number | undefined {
  const value = numberOf(text)
  return value >= 0 && value <= Number.MAX_SAFE_INTEGER / 1000 ? value * 1000 : undefined
}

function count(text: string | undefined): number | undefined {
  const value = Math.floor(numberOf(text))
  // Below nothing is still nothing.
  return Number.isFinite(value) ? Math.max(0, value) : undefined
}

function numberOf(text: string | undefined): number {
  return text?.trim() ? Number(text) : Number.NaN
}

/** A list may be spread over several headers of one name; a record holds them as an array. */
function joined(headers: HeaderSource, name: string): string | undefined {
  const all = (headers as Readonly<Record<string, unknown>>)[name]
  return Array.isArray(all) ? all.join(', ') : readHeader(headers, name)
}
