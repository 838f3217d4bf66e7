/**
 * A dead letter as a row, and back.
 */
import type { ErrorSummary } from '../../core/errors.ts'
import type { DeadCause, DeadLetter, DeadLetterStatus } from '../../work/job.ts'
import type { Transaction } from './transaction.ts'

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
  readonly target_down: number
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
    targetDown: row.target_down === 1,
    createdAt: row.created_at,
    ...(row.last_retry_at === null ? {} : { lastRetryAt: row.last_retry_at }),
    ...(row.next_retry_at === null ? {} : { nextRetryAt: row.next_retry_at }),
  }
}

export function findLetter(tx: Transaction, id: string): DeadLetter | undefined {
  const row = tx.sql('SELECT * FROM holdfast_dead_letters WHERE id = ?').get(id) as LetterRow | undefined
  return row && toLetter(row)
}

const WRITE = `
  INSERT INTO holdfast_dead_letters
    (id, kind, target, cause, error, attempts, generation, status, target_down, created_at, last_retry_at, next_retry_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (id) DO UPDATE SET cause = excluded.cause, error = excluded.error, attempts = excluded.attempts,
    generation = excluded.generation, status = excluded.status, target_down = excluded.target_down,
    last_retry_at = excluded.last_retry_at, next_retry_at = excluded.next_retry_at`

/** Adds a letter, or writes the one of the same job; it keeps its number. */
export function writeLetter(tx: Transaction, before: DeadLetter | undefined, letter: DeadLetter): void {
  tx.sql(WRITE).run(
    letter.id,
    letter.kind,
    letter.target,
    letter.cause,
    JSON.stringify(letter.error),
    letter.attempts,
    letter.generation,
    letter.status,
    letter.targetDown ? 1 : 0,
    letter.createdAt,
    letter.lastRetryAt ?? null,
    letter.nextRetryAt ?? null,
  )
  if (before === undefined) tx.tally.add('letter', letter, letter.status, 1)
  else tx.tally.move('letter', letter, before.status, letter.status)
}
