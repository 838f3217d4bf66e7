/**
 * How long a call may take: one number, one by the operation's name, or what a function says.
 */
import type { PlainRecord } from '../../core/description.ts'
import { type Duration, parseDuration } from '../../core/duration.ts'
import { OptionError } from '../../core/errors.ts'
import type { Execution } from '../../core/operation.ts'
import { checkDuration } from '../../core/validate.ts'

/** A number where all calls have the same, so that they pay for nothing else. Ms; `Infinity` is no limit. */
export type LimitRule = number | ((execution: Execution) => number)

/** @throws OptionError for a limit under 1 ms, or what is none */
export function limitRule(
  limit: Duration | ((execution: Execution) => Duration),
  byOperation: Readonly<Record<string, Duration>> | undefined,
): LimitRule {
  const common: LimitRule =
    typeof limit === 'function' ? (execution) => readLimit(limit(execution), 'timeout.limit') : readLimit(limit, 'timeout.limit')
  if (byOperation === undefined) return common
  if (typeof byOperation !== 'object')
    throw new OptionError('timeout.byOperation', 'must be limits by the name of an operation', byOperation)
  const own = new Map<string | undefined, number>()
  for (const [operation, value] of Object.entries(byOperation))
    own.set(operation, readLimit(value, `timeout.byOperation.${operation}`))
  return (execution) => own.get(execution.operation) ?? (typeof common === 'number' ? common : common(execution))
}

/** Limits that were checked, as plain data; what a function says for each call is not known ahead. */
export function describeLimits(
  limit: Duration | ((execution: Execution) => Duration),
  byOperation: Readonly<Record<string, Duration>> = {},
): PlainRecord {
  const own = Object.entries(byOperation).map(([operation, value]) => [operation, { limitMs: readBounded(value) }] as const)
  return {
    ...(typeof limit === 'function' ? { limitBy: 'call' } : { limitMs: readBounded(limit) }),
    ...(own.length === 0 ? {} : { byOperation: Object.fromEntries(own) }),
  }
}

function readBounded(limit: Duration): number | undefined {
  return limit === Number.POSITIVE_INFINITY ? undefined : parseDuration(limit)
}

function readLimit(value: Duration, option: string): number {
  return value === Number.POSITIVE_INFINITY ? value : checkDuration(value, option, 1)
}
