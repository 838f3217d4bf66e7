/** Work that must happen once: what becomes of a record is rules/once-record.ts, here it is kept. */
import { randomUUID } from 'node:crypto'
import type { BeginAnswer } from '../../../core/shared-state.ts'
import type { OnceRecord } from '../../rules/once-record.ts'
import { begun } from '../../rules/once-record.ts'
import type { CheckedBegin } from '../../rules/shared-arguments.ts'
import type { Transaction } from '../transaction.ts'

const COLUMNS = `fingerprint, owner, token, state, lease_ms AS leaseMs, lease_until AS leaseUntil, keep_ms AS keepMs, result,
  done_at AS doneAt, until, dropped_token AS droppedToken`

export function begin(tx: Transaction, request: CheckedBegin): BeginAnswer {
  const { answer, record } = begun(recordOf(tx, request.name), request, randomUUID(), tx.now)
  if (record !== undefined) keep(tx, request.name, record)
  return answer
}

/** False when nothing comes of it: it is not ours any more. */
export function change(
  tx: Transaction,
  name: string,
  next: (record: OnceRecord | undefined, now: number) => OnceRecord | undefined,
): boolean {
  const before = recordOf(tx, name)
  const after = next(before, tx.now)
  if (after !== undefined && after !== before) keep(tx, name, after)
  return after !== undefined
}

function recordOf(tx: Transaction, name: string): OnceRecord | undefined {
  return tx.sql(`SELECT ${COLUMNS} FROM holdfast_once WHERE name = ?`).get(name) as OnceRecord | undefined
}

function keep(tx: Transaction, name: string, record: OnceRecord): void {
  const { fingerprint, owner, token, state, leaseMs, leaseUntil, keepMs, result, doneAt, until, droppedToken } = record
  tx.sql(
    `INSERT OR REPLACE INTO holdfast_once (name, fingerprint, owner, token, state, lease_ms, lease_until, keep_ms, result,
       done_at, until, dropped_token) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  ).run(name, fingerprint, owner, token, state, leaseMs, leaseUntil, keepMs, result, doneAt, until, droppedToken)
}
