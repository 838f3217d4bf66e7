/** Why a call under an idempotency key was not run, or its result dropped. */

import { formatDuration } from '../../core/duration.ts'
import type { ErrorSummary } from '../../core/errors.ts'
import { type ErrorCode, RejectedError } from '../../core/errors.ts'

type Code = Extract<ErrorCode, `ERR_IDEMPOTENCY_${string}` | 'ERR_LEASE_LOST'>

interface Facts {
  readonly policy: string
  readonly retryAfterMs?: number
  readonly hint?: string
  readonly details?: Readonly<Record<string, unknown>>
  readonly cause?: unknown
}

/**
 * Not for failures of the operation: those are passed on as they are. `retryable` is true where a later call of the same key
 * may get an answer by itself.
 */
export class IdempotencyError extends RejectedError {
  readonly key: string
  readonly retryable: boolean

  constructor(code: Code, key: string, message: string, facts: Facts) {
    const { details, ...rest } = facts
    super(message, { ...rest, code, details: { key, ...details } })
    this.key = key
    this.retryable = code === 'ERR_IDEMPOTENCY_RUNNING'
  }
}
IdempotencyError.prototype.name = 'IdempotencyError'

/** A key for people: short. */
function show(key: string): string {
  return JSON.stringify(key.length > 80 ? `${key.slice(0, 77)}...` : key)
}

export function mismatch(policy: string, key: string): IdempotencyError {
  return new IdempotencyError('ERR_IDEMPOTENCY_MISMATCH', key, `key ${show(key)} was used with another payload`, {
    policy,
    hint: 'Use a new key for new work, or send the same payload again.',
  })
}

export function running(policy: string, key: string, owner: string, retryAfterMs: number): IdempotencyError {
  return new IdempotencyError('ERR_IDEMPOTENCY_RUNNING', key, `key ${show(key)} is being worked on`, {
    policy,
    retryAfterMs,
    hint: "Ask again later, or wait for the result with whenRunning: 'wait'.",
    details: { owner },
  })
}

/** @param reason why there is no result to give: `cool-down`, or what kept it from being kept */
export function alreadyDone(policy: string, key: string, reason: string, freeInMs: number): IdempotencyError {
  return new IdempotencyError('ERR_IDEMPOTENCY_DONE', key, `key ${show(key)} is done: ${reason}`, {
    policy,
    retryAfterMs: freeInMs,
    hint: `The key is free again in ${formatDuration(freeInMs)}.`,
    details: { reason },
  })
}

export function unknownOutcome(policy: string, key: string, owner: string, cause?: unknown): IdempotencyError {
  return new IdempotencyError('ERR_IDEMPOTENCY_UNKNOWN', key, `nobody knows whether key ${show(key)} was done`, {
    policy,
    cause,
    hint: 'Find out whether it happened, and say so with resolve(key, …).',
    details: { owner },
  })
}

export function failedBefore(policy: string, key: string, error: ErrorSummary): IdempotencyError {
  return new IdempotencyError('ERR_IDEMPOTENCY_FAILED', key, `key ${show(key)} failed for good: ${error.message}`, {
    policy,
    hint: 'Correct what failed, and use a new key.',
    details: { error },
  })
}

export function leaseLost(policy: string, key: string): IdempotencyError {
  return new IdempotencyError('ERR_LEASE_LOST', key, `the lease of key ${show(key)} is lost: its result is dropped`, {
    policy,
    hint: 'If it recurs, find what blocks the process for so long, or lengthen the lease.',
  })
}
