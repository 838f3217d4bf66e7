/**
 * Small named states of targets: a breaker's snapshot, a pause.
 */
import type { StoredState } from '../../core/state-store.ts'
import type { Transaction } from './transaction.ts'

export function readStates(tx: Transaction, prefix: string): readonly StoredState[] {
  const rows = tx
    .sql('SELECT name, value, updated_at AS updatedAt FROM holdfast_states WHERE substr(name, 1, length(?1)) = ?1 ORDER BY name')
    .all(prefix) as unknown as { name: string; value: string; updatedAt: number }[]
  return rows.map(({ name, value, updatedAt }) => ({ name, value: JSON.parse(value) as unknown, updatedAt }))
}

export function writeState(tx: Transaction, name: string, value: unknown): void {
  tx.sql(
    `INSERT INTO holdfast_states (name, value, updated_at) VALUES (?, ?, ?)
     ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at`,
  ).run(name, JSON.stringify(value) ?? 'null', tx.now)
}

export function deleteState(tx: Transaction, name: string): void {
  tx.sql('DELETE FROM holdfast_states WHERE name = ?').run(name)
}
