/** What processes say, and hear of the others. */
import type { ExchangeAnswer, HeardWord } from '../../../core/shared-state.ts'
import type { CheckedExchange } from '../../rules/shared-arguments.ts'
import type { Transaction } from '../transaction.ts'

export function exchange(tx: Transaction, { reporter, ttlMs, said, takenBack }: CheckedExchange): ExchangeAnswer {
  const { now } = tx
  forgetSilent(tx)
  tx.sql('INSERT OR REPLACE INTO holdfast_reporters (reporter, ttl, until) VALUES (?, ?, ?)').run(reporter, ttlMs, now + ttlMs)
  for (const { name, json } of said)
    tx.sql('INSERT OR REPLACE INTO holdfast_words (reporter, name, value, said_at) VALUES (?, ?, ?, ?)').run(
      reporter,
      name,
      json,
      now,
    )
  for (const name of takenBack) tx.sql('DELETE FROM holdfast_words WHERE reporter = ? AND name = ?').run(reporter, name)
  return { now, reporters: reporters(tx), words: wordsOfOthers(tx, reporter) }
}

/** Nobody's words come back when it speaks again. A clock that was set back must not keep those who are gone. */
function forgetSilent(tx: Transaction): void {
  tx.sql('UPDATE holdfast_reporters SET until = ?1 + ttl WHERE until > ?1 + ttl').run(tx.now)
  tx.sql('DELETE FROM holdfast_words WHERE reporter IN (SELECT reporter FROM holdfast_reporters WHERE until <= ?)').run(tx.now)
  tx.sql('DELETE FROM holdfast_reporters WHERE until <= ?').run(tx.now)
}

function reporters(tx: Transaction): readonly string[] {
  const rows = tx.sql('SELECT reporter FROM holdfast_reporters ORDER BY reporter').all() as unknown as { reporter: string }[]
  return rows.map(({ reporter }) => reporter)
}

function wordsOfOthers(tx: Transaction, listener: string): readonly HeardWord[] {
  const rows = tx
    .sql('SELECT name, reporter, value, said_at AS saidAt FROM holdfast_words WHERE reporter <> ?')
    .all(listener) as unknown as { name: string; reporter: string; value: string; saidAt: number }[]
  return rows.map(({ name, reporter, value, saidAt }) => ({ name, reporter, value: JSON.parse(value) as unknown, saidAt }))
}

export function fallSilent(tx: Transaction, reporter: string): void {
  tx.sql('DELETE FROM holdfast_words WHERE reporter = ?').run(reporter)
  tx.sql('DELETE FROM holdfast_reporters WHERE reporter = ?').run(reporter)
}
