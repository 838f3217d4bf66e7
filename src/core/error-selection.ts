/**
 * Errors chosen by lists instead of by a function: by class, by HTTP status, by code. As data it can stand in a configuration,
 * and be shown.
 */
import { anyCause } from './causes.ts'
import { isRejected, OptionError, showValue } from './errors.ts'
import { statusOf } from './retryable.ts'
import { checkKnown } from './validate.ts'

/** Any class of errors, whatever its constructor takes. */
export type ErrorClass = abstract new (...args: never[]) => unknown

/** An error that one of the lists names is chosen. At least one list must name something. */
export interface ErrorSelection {
  /** Classes, subclasses included; or the error's `name`, for classes that cannot be imported or exist twice. */
  readonly errors?: readonly (ErrorClass | string)[]
  /** HTTP statuses, or `'4xx'`, `'5xx'` for all of them; found where `statusOf` looks. */
  readonly statuses?: readonly (number | '4xx' | '5xx')[]
  /** Values of `code`, of the error, of its causes, or of the errors of an `AggregateError`. */
  readonly codes?: readonly string[]
}

/**
 * The selection as a predicate, which never throws.
 *
 * @throws OptionError for an unknown list, an empty selection, or an entry that can never match
 */
export function errorSelector(selection: ErrorSelection, where: string): (error: unknown) => boolean {
  checkKnown(selection, ['errors', 'statuses', 'codes'], where)
  const errors = checkList(selection.errors, `${where}.errors`, isClassOrName, 'must hold error classes or names of errors')
  const statuses = checkList(selection.statuses, `${where}.statuses`, isStatus, "must hold HTTP statuses, '4xx' or '5xx'")
  const codes = checkList(selection.codes, `${where}.codes`, isText, 'must hold codes such as ECONNRESET')
  if (errors.length + statuses.length + codes.length === 0)
    throw new OptionError(where, "must name something in 'errors', 'statuses' or 'codes'", selection)
  const classes = errors.filter((one) => typeof one === 'function')
  const names = new Set<unknown>(errors)
  const known = new Set<unknown>(codes)
  return (error) => {
    try {
      return (
        classes.some((one) => error instanceof one) ||
        names.has((error as { name?: unknown }).name) ||
        hasStatus(error, statuses) ||
        anyCause(error, (one) => hasCode(one, known))
      )
    } catch {
      return false // What was thrown is nothing, or cannot be read.
    }
  }
}

function checkList<T>(list: readonly T[] | undefined, where: string, fits: (entry: unknown) => boolean, rule: string): T[] {
  if (list === undefined) return []
  if (!Array.isArray(list)) throw new OptionError(where, 'must be an array', list)
  for (const entry of list) if (!fits(entry)) throw new OptionError(where, rule, entry, `${showValue(entry)} never matches.`)
  return [...list]
}

function isClassOrName(entry: unknown): boolean {
  return typeof entry === 'function' || isText(entry)
}

function isStatus(entry: unknown): boolean {
  return entry === '4xx' || entry === '5xx' || (Number.isInteger(entry) && (entry as number) >= 100 && (entry as number) < 600)
}

function isText(entry: unknown): boolean {
  return typeof entry === 'string' && entry !== ''
}

function hasStatus(error: unknown, statuses: readonly (number | string)[]): boolean {
  const status = statusOf(error) ?? 0 // None is named 0.
  return statuses.includes(status) || statuses.includes(`${Math.floor(status / 100)}xx`)
}

function hasCode(error: object, codes: ReadonlySet<unknown>): boolean | undefined {
  if (codes.has((error as { code?: unknown }).code)) return true
  // The cause of a refusal is what happened to others.
  return isRejected(error) ? false : undefined
}
