/**
 * The options of coalesce: what they are, which go together, and how a time to live is read.
 */
import type { Clock } from '../../core/clock.ts'
import type { Duration } from '../../core/duration.ts'
import { OptionError } from '../../core/errors.ts'
import type { Execution } from '../../core/operation.ts'
import { userRule } from '../../core/user-rule.ts'
import { checkDuration } from '../../core/validate.ts'
import type { ResultStore } from './result-store.ts'

export interface CoalesceOptions {
  /**
   * What makes calls the same; undefined for a call that shares nothing. Default: `key` and `operation` of the call together, and
   * nothing is shared without a `key`.
   */
  readonly key?: (execution: Execution) => string | undefined
  /** How long a result is kept, or a function of it that says so; 0 keeps nothing. Default 0: only calls in flight share. */
  readonly ttl?: Duration | ((value: unknown) => Duration)
  /** The same for errors. Refusals by other policies and cancelled calls are never kept. Default 0. */
  readonly errorTtl?: Duration | ((error: unknown) => Duration)
  /** How many results are kept; the least recently used go first. Default 1000. */
  readonly maxEntries?: number
  /** Makes each caller's own copy of the result, such as `structuredClone`. Default: all get the same. */
  readonly copy?: (value: unknown) => unknown
  /** Keeps results elsewhere than in this process; needs `ttl`, and a `name`, with which its keys begin. */
  readonly store?: ResultStore
  /** How long the store may take to answer before the call goes on without it. Default 250 ms. */
  readonly storeTimeout?: Duration
  /** Default `'coalesce'`. */
  readonly name?: string
  readonly clock?: Clock
}

export const KNOWN_OPTIONS: readonly (keyof CoalesceOptions)[] = [
  'key',
  'ttl',
  'errorTtl',
  'maxEntries',
  'copy',
  'store',
  'storeTimeout',
  'name',
  'clock',
]

/** Refuses options that would have no effect beside the others. */
export function checkCombination(options: CoalesceOptions): void {
  const { ttl, errorTtl, maxEntries, store, storeTimeout, name } = options
  if (store === undefined) {
    if (storeTimeout !== undefined) throw new OptionError('coalesce.storeTimeout', "needs a 'store'", storeTimeout)
    if (maxEntries !== undefined && !keepsResults(options))
      throw new OptionError('coalesce.maxEntries', "needs 'ttl' or 'errorTtl', without which nothing is kept", maxEntries)
    return
  }
  if (ttl === undefined) throw new OptionError('coalesce.store', "needs a 'ttl', without which nothing is kept", store)
  if (name === undefined)
    throw new OptionError('coalesce.store', "needs a 'name', which keeps its results apart from those of other policies", store)
  if (errorTtl !== undefined)
    throw new OptionError('coalesce.errorTtl', "cannot be combined with 'store': errors stay here", errorTtl)
  if (maxEntries !== undefined)
    throw new OptionError('coalesce.maxEntries', "cannot be combined with 'store', which bounds itself", maxEntries)
}

export function keepsResults({ ttl, errorTtl }: CoalesceOptions): boolean {
  return ttl !== undefined || errorTtl !== undefined
}

/** Reads a time to live. A user's function that throws, or answers nonsense, is reported, and nothing is kept. */
export function ttlRule(ttl: CoalesceOptions['ttl'], option: string): (subject: unknown) => number {
  if (typeof ttl !== 'function') {
    const fixed = checkDuration(ttl ?? 0, option)
    return () => fixed
  }
  return userRule(ttl as (subject: unknown) => Duration, option, 0, (ms) => checkDuration(ms, `${option}()`))
}
