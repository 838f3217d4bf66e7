/**
 * Checks of options, made once when a policy is constructed. The result is a frozen copy, so nothing is shared by accident.
 */
import { type Clock, systemClock } from './clock.ts'
import type { Duration } from './duration.ts'
import { parseDuration } from './duration.ts'
import { OptionError } from './errors.ts'

/**
 * Refuses options that are not an object; names that are not known, with the nearest known one as a hint; and `null`, which
 * says neither a value nor that there is none, but for those that take it.
 */
export function checkKnown(options: object, known: readonly string[], where: string, nullable?: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new OptionError(where, 'must be an object of options', options)
  for (const [name, value] of Object.entries(options)) {
    if (!known.includes(name)) {
      const near = nearest(name, known)
      const hint = near === undefined ? `Known options: ${known.join(', ')}.` : `Did you mean '${near}'?`
      throw new OptionError(`${where}.${name}`, 'is not an option', value, hint)
    }
    if (value === null && !nullable?.includes(name))
      throw new OptionError(`${where}.${name}`, 'must not be null', value, 'Leave it out where it has no value.')
  }
}

/** A whole number within inclusive bounds. */
export function checkInteger(value: unknown, option: string, min: number, max = Number.MAX_SAFE_INTEGER): number {
  if (!Number.isInteger(value) || (value as number) < min || (value as number) > max)
    throw new OptionError(option, `must be a whole number ${range(min, max)}`, value)
  return value as number
}

/** A finite number within inclusive bounds. */
export function checkNumber(value: unknown, option: string, min: number, max = Number.MAX_VALUE): number {
  if (!Number.isFinite(value) || (value as number) < min || (value as number) > max)
    throw new OptionError(option, `must be a number ${range(min, max)}`, value)
  return value as number
}

/** A duration in ms, at least `min` (default 0). */
export function checkDuration(value: unknown, option: string, min = 0): number {
  return parseDuration(value as Duration, option, { min })
}

export function checkFunction<F>(value: F, option: string): F {
  if (typeof value !== 'function') throw new OptionError(option, 'must be a function', value)
  return value
}

export function checkOneOf<T extends string>(value: unknown, option: string, allowed: readonly T[]): T {
  if (!allowed.includes(value as T))
    throw new OptionError(option, `must be one of ${allowed.map((name) => `'${name}'`).join(', ')}`, value)
  return value as T
}

export function checkName(value: unknown, option: string): string {
  if (typeof value !== 'string' || value === '') throw new OptionError(option, 'must be a non-empty string', value)
  return value
}

/** A clock; the runtime's own where none is given. */
export function checkClock(value: Clock | undefined, option: string): Clock {
  if (value === undefined) return systemClock
  const { now, wallNow, setTimer } = (value ?? {}) as Partial<Clock>
  if (![now, wallNow, setTimer].every((method) => typeof method === 'function'))
    throw new OptionError(option, 'must be a clock, with now, wallNow and setTimer', value)
  return value
}

function range(min: number, max: number): string {
  return max >= Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`
}

/** The known name closest to a wrong one, when it is close enough to be a slip. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, change))
    }
    row = next
  }
  return row[b.length] as number
}
