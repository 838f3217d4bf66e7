/**
 * The building blocks of the schema. A rule's message says what a value must be; path, value and source are added by
 * problems.ts.
 */
import { z } from 'zod'
import type { Duration, DurationBounds } from '../core/duration.ts'
import { parseDuration } from '../core/duration.ts'
import { isHoldfastError, OptionError } from '../core/errors.ts'
import type { Size } from './size.ts'
import { parseSize } from './size.ts'

/** Marks the message of an unknown key; what follows are the known ones, for problems.ts to find the nearest. */
export const UNKNOWN = 'unknown:'

/** An object with exactly these options. */
export function options<S extends z.core.$ZodLooseShape>(shape: S): z.ZodObject<S, z.core.$strict> {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys' ? `${UNKNOWN}${Object.keys(shape).join(',')}` : 'must be an object of options',
  })
}

/** A duration, as ms. */
export function duration(bounds: DurationBounds = {}) {
  return converted<Duration>('must be a duration', (value) => parseDuration(value, undefined, bounds))
}

/** A size, as bytes. */
export function size() {
  return converted<Size>('must be a size', (value) => parseSize(value))
}

/** A number or text that `read` turns into a number; its OptionError's rule becomes the message. */
function converted<T extends number | string>(rule: string, read: (value: T) => number) {
  return z
    .custom<T>((value) => typeof value === 'number' || typeof value === 'string', `${rule}, a number or a string`)
    .transform((value, context): number => {
      try {
        return read(value)
      } catch (error) {
        context.addIssue(ruleOf(error))
        return z.NEVER
      }
    })
}

function ruleOf(error: unknown): string {
  if (error instanceof OptionError) return error.rule
  if (isHoldfastError(error)) return error.message
  throw error
}

/** A whole number within inclusive bounds. */
export function whole(min: number, max = Number.MAX_SAFE_INTEGER) {
  return within(min, max, 'a whole number').int(`must be a whole number ${range(min, max)}`)
}

/** A number within inclusive bounds. */
export function within(min: number, max: number, what = 'a number') {
  const rule = `must be ${what} ${range(min, max)}`
  return z.number(rule).min(min, rule).max(max, rule)
}

function range(min: number, max: number): string {
  return max >= Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`
}

export function oneOf<const T extends readonly [string, ...string[]]>(names: T) {
  return z.enum(names, `must be one of ${names.map((name) => `'${name}'`).join(', ')}`)
}

export function text(rule = 'must be a non-empty string') {
  return z.string(rule).min(1, rule)
}

export function flag() {
  return z.boolean('must be true or false')
}

/** Options, or `false` for «none of that». */
export function orFalse<T extends z.ZodType>(schema: T) {
  return z.union([z.literal(false), schema], 'must be an object of options, or false')
}

/** A value, or `false` for «not by this». */
export function unlessFalse<T extends z.ZodType>(schema: T, rule: string) {
  return z.union([z.literal(false), schema], rule)
}

/** Options by names that the user chooses. */
export function named<T extends z.ZodType>(schema: T) {
  return z.record(z.string(), schema, 'must be an object of names')
}
