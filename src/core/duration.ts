/**
 * Durations as people write them: a number of milliseconds, or a string such as `'250ms'`, `'30s'`, `'1.5m'`, `'1h30m'`.
 *
 * Not for points in time: those are epoch milliseconds (`wallNow`) or clock readings (`now`).
 */
import { OptionError } from './errors.ts'

export type Duration = number | string

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const PART = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/gy

/** What a duration may be; both bounds are inclusive milliseconds. */
export interface DurationBounds {
  readonly min?: number
  readonly max?: number
}

/**
 * Reads a duration as milliseconds.
 *
 * @param value a finite number of ms, or number-and-unit pairs with the units `ms`, `s`, `m`, `h`, `d`
 * @param option the option's name, for the error
 * @param bounds inclusive limits in ms; by default 0 and up, `Infinity` not allowed
 * @throws OptionError naming the option, the rule and the value
 * @example
 * parseDuration('1h30m') // 5_400_000
 */
export function parseDuration(value: Duration, option = 'duration', bounds: DurationBounds = {}): number {
  const ms = typeof value === 'string' ? fromText(value) : value
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = bounds
  if (typeof ms !== 'number' || Number.isNaN(ms))
    throw new OptionError(option, "must be a number of milliseconds or a string such as '250ms', '30s', '1h30m'", value)
  if (ms < min || ms > max) throw new OptionError(option, rangeOf(min, max), value)
  return ms
}

function rangeOf(min: number, max: number): string {
  const least = formatDuration(min)
  return max === Number.MAX_SAFE_INTEGER
    ? `must be finite and at least ${least}`
    : `must be between ${least} and ${formatDuration(max)}`
}

function fromText(text: string): number {
  const trimmed = text.trim()
  let total = 0
  PART.lastIndex = 0
  while (PART.lastIndex < trimmed.length) {
    const part = PART.exec(trimmed)
    if (part === null) return Number.NaN
    total += Number(part[1]) * (UNITS[part[2] as string] as number)
  }
  return trimmed === '' ? Number.NaN : total
}

/**
 * Writes milliseconds for people, with at most two units: `90_000` is `'1m30s'`.
 * Units smaller than what is shown are dropped, not rounded up.
 */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms)) return ms === Number.POSITIVE_INFINITY ? 'for ever' : String(ms)
  if (ms < 1000) return `${Math.trunc(ms)}ms`
  if (ms < 60_000) return `${trimZeros((Math.floor(ms / 100) / 10).toFixed(1))}s`
  const parts: string[] = []
  let rest = Math.floor(ms / 1000)
  for (const [unit, seconds] of [
    ['d', 86_400],
    ['h', 3600],
    ['m', 60],
    ['s', 1],
  ] as const) {
    const count = Math.floor(rest / seconds)
    rest -= count * seconds
    if (count > 0 && parts.length < 2) parts.push(`${count}${unit}`)
    else if (parts.length > 0) break
  }
  return parts.join('')
}

function trimZeros(text: string): string {
  return text.endsWith('.0') ? text.slice(0, -2) : text
}
