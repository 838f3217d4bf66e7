/**
 * What is kept under a key once its work is done: versioned JSON. Whatever the work returned, keeping it never fails: it is done,
 * and what cannot be kept is replaced by why.
 */
import { describeError, type ErrorSummary } from '../../core/errors.ts'
import { checkPayload } from '../payload.ts'
import { alreadyDone, failedBefore } from './idempotency-error.ts'

export interface OnceRecord {
  readonly v: 1
  /** Absent for undefined. */
  readonly value?: unknown
  /** It failed, and always will. */
  readonly error?: ErrorSummary
  /** Why there is no result although it is done. */
  readonly unkept?: string
}

/** Larger results are not kept: a key is no place for data. */
const LIMITS = { maxBytes: 64 * 1024, maxDepth: 32, maxKeys: 10_000 }

export function recordOf(value: unknown, keepsResults: boolean): OnceRecord {
  if (!keepsResults) return { v: 1, unkept: 'results are not kept' }
  if (value === undefined) return { v: 1 }
  try {
    return { v: 1, value: checkPayload(value, LIMITS, 'result') }
  } catch (error) {
    return { v: 1, unkept: describeError(error).message }
  }
}

/** Something done earlier, as its keeper tells of it. */
export interface Done {
  readonly record: unknown
  readonly ageMs: number
  /** When the key may run again, in ms from now. */
  readonly freeInMs: number
}

/**
 * What a duplicate gets.
 *
 * @throws IdempotencyError where there is no result to give
 */
export function replay(policy: string, key: string, done: Done, windowMs: number): unknown {
  const { v, value, error, unkept } = (done.record ?? {}) as Partial<OnceRecord>
  if (v !== 1) throw alreadyDone(policy, key, 'kept by another version', done.freeInMs)
  if (error !== undefined) throw failedBefore(policy, key, error)
  if (done.ageMs > windowMs && windowMs > 0) throw alreadyDone(policy, key, 'cool-down', done.freeInMs)
  if (unkept !== undefined) throw alreadyDone(policy, key, unkept, done.freeInMs)
  return value
}
