/**
 * Removes what has ended, a little at a time, with the writes that come anyway: far more than they add, and never so much that
 * one of them is held up.
 */
import type { Transaction } from '../transaction.ts'

const EVERY = 64
const MOST = 256
const TABLES = [
  ['holdfast_leases', 'name'],
  ['holdfast_buckets', 'name'],
  ['holdfast_grants', 'id'],
  ['holdfast_once', 'name'],
] as const

export class Sweep {
  #writes = 0

  /** One more write. */
  note(tx: Transaction): void {
    if (++this.#writes % EVERY !== 0) return
    for (const [table, key] of TABLES)
      tx.sql(`DELETE FROM ${table} WHERE ${key} IN (SELECT ${key} FROM ${table} WHERE until <= ? LIMIT ${MOST})`).run(tx.now)
  }
}
