/** A dead letter as a row, and back. */
import type { ErrorSummary } from '../../core/errors.ts'
import type { DeadCause, DeadLetter, DeadLetterStatus } from '../../work/job.ts'

export interface LetterRow {
  readonly number: number
  readonly id: string
  readonly kind: string
  readonly target: string
  readonly cause: DeadCause
  readonly error: string
  readonly attempts: number
  readonly generation: number
  readonly status: DeadLetterStatus
  /** SQLite has 0 and 1. */
  readonly target_down: boolean | number
  readonly created_at: number
  readonly last_retry_at: number | null
  readonly next_retry_at: number | null
}

export function toLetter(row: LetterRow): DeadLetter {
  return {
    id: row.id,
    kind: row.kind,
    target: row.target,
    cause: row.cause,
    error: JSON.parse(row.error) as ErrorSummary,
    attempts: row.attempts,
    generation: row.generation,
    status: row.status,
    targetDown: Boolean(row.target_down),
    createdAt: row.created_at,
    ...(row.last_retry_at === null ? {} : { lastRetryAt: row.last_retry_at }),
    ...(row.next_retry_at === null ? {} : { nextRetryAt: row.next_retry_at }),
  }
}

/** In the words of the table; it numbers the row itself. */
export function letterRecord(letter: DeadLetter): Omit<LetterRow, 'number' | 'target_down'> & { readonly target_down: boolean } {
  return {
    id: letter.id,
    kind: letter.kind,
    target: letter.target,
    cause: letter.cause,
    error: JSON.stringify(letter.error),
    attempts: letter.attempts,
    generation: letter.generation,
    status: letter.status,
    target_down: letter.targetDown,
    created_at: letter.createdAt,
    last_retry_at: letter.lastRetryAt ?? null,
    next_retry_at: letter.nextRetryAt ?? null,
  }
}
