/** A right that one owner has at a time. */
import type { LeaseAnswer } from '../../../core/shared-state.ts'
import type { Transaction } from '../transaction.ts'

interface LeaseRow {
  readonly owner: string
  readonly ttl: number
  readonly until: number
}

export function acquire(tx: Transaction, name: string, owner: string, ttlMs: number): LeaseAnswer {
  const { now } = tx
  const held = tx.sql('SELECT owner, ttl, until FROM holdfast_leases WHERE name = ?').get(name) as LeaseRow | undefined
  if (held === undefined || held.owner === owner || held.until <= now) {
    const until = now + ttlMs
    tx.sql('INSERT OR REPLACE INTO holdfast_leases (name, owner, ttl, until) VALUES (?, ?, ?, ?)').run(name, owner, ttlMs, until)
    return { granted: true, until, now }
  }
  // A clock that was set back must not prolong it.
  const until = Math.min(held.until, now + held.ttl)
  if (until < held.until) tx.sql('UPDATE holdfast_leases SET until = ? WHERE name = ?').run(until, name)
  return { granted: false, owner: held.owner, until, now }
}

export function release(tx: Transaction, name: string, owner: string): void {
  tx.sql('DELETE FROM holdfast_leases WHERE name = ? AND owner = ?').run(name, owner)
}
