/** Dead letters found and written, one at a time. */
import type { DeadLetter } from '../../work/job.ts'
import type { LetterRow } from '../rules/letter-rows.ts'
import { letterRecord, toLetter } from '../rules/letter-rows.ts'
import type { Transaction } from './transaction.ts'

export function findLetter(tx: Transaction, id: string): DeadLetter | undefined {
  const row = tx.sql('SELECT * FROM holdfast_dead_letters WHERE id = ?').get(id) as LetterRow | undefined
  return row && toLetter(row)
}

const WRITE = `
  INSERT INTO holdfast_dead_letters
    (id, kind, target, cause, error, attempts, generation, status, target_down, created_at, last_retry_at, next_retry_at)
  VALUES (:id, :kind, :target, :cause, :error, :attempts, :generation, :status, :target_down, :created_at, :last_retry_at,
    :next_retry_at)
  ON CONFLICT (id) DO UPDATE SET cause = excluded.cause, error = excluded.error, attempts = excluded.attempts,
    generation = excluded.generation, status = excluded.status, target_down = excluded.target_down,
    last_retry_at = excluded.last_retry_at, next_retry_at = excluded.next_retry_at`

/** Adds a letter, or writes the one of the same job; it keeps its number. */
export function writeLetter(tx: Transaction, before: DeadLetter | undefined, letter: DeadLetter): void {
  tx.sql(WRITE).run({ ...letterRecord(letter), target_down: letter.targetDown ? 1 : 0 })
  if (before === undefined) tx.tally.add('letter', letter, letter.status, 1)
  else tx.tally.move('letter', letter, before.status, letter.status)
}
