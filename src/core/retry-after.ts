/**
 * What a server means by `Retry-After`, in ms from now.
 *
 * Only reads; how long a caller is willing to wait (its own bounds, its deadline) is the caller's to clamp.
 */

/** Headers of any client: `Headers`, a Node or undici record, a record in any letter case. */
export type HeaderSource =
  | { get(name: string): string | null | undefined }
  | Readonly<Record<string, string | readonly string[] | undefined>>

const SECONDS = /^\d+(?:\.\d+)?$/
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const IMF = /^(?:mon|tue|wed|thu|fri|sat|sun), (\d{2}) ([a-z]{3}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) (?:gmt|utc)$/i
const RFC_850 = /^(?:mon|tues|wednes|thurs|fri|satur|sun)day, (\d{2})-([a-z]{3})-(\d{2}) (\d{2}):(\d{2}):(\d{2}) (?:gmt|utc)$/i
const ASCTIME = /^(?:mon|tue|wed|thu|fri|sat|sun) ([a-z]{3}) ([ \d]\d) (\d{2}):(\d{2}):(\d{2}) (\d{4})$/i

/** The finer unit wins over the coarser: each vendor that sends ms also sends rounded seconds beside them. */
const MILLISECOND_HEADERS = ['retry-after-ms', 'x-ms-retry-after-ms', 'x-amz-retry-after']

/**
 * Reads `retry-after-ms`, `x-ms-retry-after-ms`, `x-amz-retry-after` (ms) and `retry-after` (seconds or any HTTP date).
 *
 * @param source headers, or the value of `Retry-After` alone (a number is seconds)
 * @param wallNow epoch ms, for dates
 * @returns ms to wait, at least 0 (0: now, as for a date that has passed); `undefined` for absent, negative or unreadable values
 * @example
 * parseRetryAfter('120', Date.now()) // 120_000
 */
export function parseRetryAfter(source: HeaderSource | string | number | null | undefined, wallNow: number): number | undefined {
  if (source === null || source === undefined) return undefined
  if (typeof source === 'string') return fromValue(source, wallNow)
  if (typeof source === 'number') return fromValue(String(source), wallNow)
  for (const name of MILLISECOND_HEADERS) {
    const ms = fromNumber(readHeader(source, name), 1)
    if (ms !== undefined) return ms
  }
  const value = readHeader(source, 'retry-after')
  return value === undefined ? undefined : fromValue(value, wallNow)
}

/**
 * How long an error asks its caller to stay away: its own `retryAfterMs`, else what the headers of the error, or of its
 * response, say. Never throws.
 *
 * @returns ms, or `undefined` where it asks for nothing; a negative `retryAfterMs` is passed on as it is
 */
export function retryAfterOf(error: unknown, wallNow: number): number | undefined {
  try {
    const { retryAfterMs, headers, response } = error as Record<string, unknown>
    if (typeof retryAfterMs === 'number') return Number.isFinite(retryAfterMs) ? retryAfterMs : undefined
    // Stryker disable next-line OptionalChaining: most errors have no response, and a throw costs more than a look
    const source = headers ?? (response as { headers?: unknown } | null | undefined)?.headers
    return typeof source === 'object' ? parseRetryAfter(source as HeaderSource | null, wallNow) : undefined
  } catch {
    // What was thrown is nothing, or cannot be read.
  }
  return undefined
}

/** One header, whatever the letter case of a record's names; of several values the first. */
export function readHeader(source: HeaderSource, name: string): string | undefined {
  if (hasGet(source)) return source.get(name) ?? undefined
  const own = Object.hasOwn(source, name) ? name : Object.keys(source).find((key) => key.toLowerCase() === name)
  const value = source[own ?? name]
  return typeof value === 'string' ? value : value?.[0]
}

function hasGet(source: HeaderSource): source is { get(name: string): string | null | undefined } {
  return typeof source.get === 'function'
}

function fromValue(value: string, wallNow: number): number | undefined {
  return fromNumber(value, 1000) ?? fromDate(value.trim(), wallNow)
}

function fromNumber(value: string | undefined, unitMs: number): number | undefined {
  const text = String(value).trim()
  return SECONDS.test(text) ? Math.min(Math.ceil(Number(text) * unitMs), Number.MAX_SAFE_INTEGER) : undefined
}

function fromDate(text: string, wallNow: number): number | undefined {
  const at = readHttpDate(text, wallNow)
  return at === undefined ? undefined : Math.max(0, at - wallNow)
}

/** All three forms of RFC 9110, section 5.6.7. `Date.parse` would also take local times, and `5` as a month. */
function readHttpDate(text: string, wallNow: number): number | undefined {
  const imf = IMF.exec(text)
  if (imf !== null) return toEpoch(Number(imf[3]), imf[2], imf[1], imf[4], imf[5], imf[6])
  const old = RFC_850.exec(text)
  if (old !== null) return toEpoch(fullYear(Number(old[3]), wallNow), old[2], old[1], old[4], old[5], old[6])
  const asctime = ASCTIME.exec(text)
  if (asctime !== null) return toEpoch(Number(asctime[6]), asctime[1], asctime[2], asctime[3], asctime[4], asctime[5])
  return undefined
}

/** A two-digit year that would lie more than 50 years ahead is of the past century, says the RFC. */
function fullYear(short: number, wallNow: number): number {
  const thisYear = new Date(wallNow).getUTCFullYear()
  const year = thisYear - (thisYear % 100) + short
  return year > thisYear + 50 ? year - 100 : year
}

function toEpoch(year: number, monthName: string | undefined, ...parts: (string | undefined)[]): number | undefined {
  const month = MONTHS.indexOf(monthName!.toLowerCase())
  const [day, hour, minute, second] = parts.map(Number) as [number, number, number, number]
  // 60 is a leap second.
  if (hour > 23 || minute > 59 || second > 60) return undefined
  const midnight = new Date(Date.UTC(year, month, day))
  // Another month: there is no such day, or no such month.
  if (midnight.getUTCMonth() !== month) return undefined
  return midnight.getTime() + ((hour * 60 + minute) * 60 + second) * 1000
}
