/**
 * Lets go of what is finished, and of idempotency keys whose window is over.
 */
import type { JobState } from '../../work/job.ts'
import type { Lane, PruneRequest } from '../../work/store.ts'
import { due, type Finished, longestAge } from '../rules/due.ts'
import { pruneBatches, rememberPruned } from './batches.ts'
import type { Transaction } from './transaction.ts'

interface Due extends Lane {
  readonly id: string
  readonly state: JobState
  readonly idempotency_key: string | null
  readonly batch_id: string | null
  readonly told: number
}

const SETTLED = `
  SELECT kind, sum(n) AS n FROM holdfast_counts
  WHERE subject = 'job' AND state IN ('succeeded', 'cancelled') OR subject = 'given-up' GROUP BY kind`
export const OLDEST = `
  SELECT seq, settled_at FROM holdfast_jobs INDEXED BY holdfast_jobs_settled
  WHERE kind = ? AND settled_at < ? ORDER BY settled_at, seq LIMIT ?`
const THESE = 'WHERE seq IN (SELECT value FROM json_each(?))'
const READ = `SELECT id, kind, target, state, idempotency_key, batch_id, history IS NOT NULL AS told FROM holdfast_jobs ${THESE}`
const DELETE = `DELETE FROM holdfast_jobs ${THESE}`
const EXPIRED = `
  DELETE FROM holdfast_keys
  WHERE (kind, key) IN (SELECT kind, key FROM holdfast_keys WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`

export function prune(tx: Transaction, request: PruneRequest): number {
  const limit = Math.max(0, request.limit)
  const seqs = JSON.stringify(dueIn(tx, request).map(({ seq }) => seq))
  const gone = tx.sql(READ).all(seqs) as unknown as Due[]
  tx.sql(DELETE).run(seqs)
  for (const row of gone) forget(tx, row)
  const batches = new Set(gone.map((row) => row.batch_id).filter((id) => id !== null))
  const ended = pruneBatches(tx, batches, tx.now - longestAge(request), limit - gone.length)
  const { changes } = tx.sql(EXPIRED).run(tx.now, Math.max(0, limit - gone.length - ended))
  return gone.length + ended + Number(changes)
}

function dueIn(tx: Transaction, request: PruneRequest): readonly Finished[] {
  const counts = tx.sql(SETTLED).all() as unknown as { kind: string; n: number }[]
  const settled = new Map(counts.map(({ kind, n }) => [kind, n]))
  return due(request, tx.now, settled, (kind, before, limit) => {
    const rows = tx.tuples(OLDEST).all(kind, before, limit) as unknown as [seq: number, settledAt: number][]
    return rows.map(([seq, settledAt]) => ({ seq, settledAt }))
  })
}

function forget(tx: Transaction, row: Due): void {
  tx.tally.add('job', row, row.state, -1)
  if (row.state === 'dead') tx.tally.add('given-up', row, row.state, -1)
  if (row.told === 1) removeLetter(tx, row)
  if (row.batch_id !== null) rememberPruned(tx, row.batch_id, row.state)
  // The key goes on answering until its window is over.
  if (row.idempotency_key !== null)
    tx.sql('UPDATE holdfast_keys SET last_state = ? WHERE kind = ? AND key = ? AND job_id = ?').run(
      row.state,
      row.kind,
      row.idempotency_key,
      row.id,
    )
}

function removeLetter(tx: Transaction, row: Due): void {
  const letter = tx.sql('DELETE FROM holdfast_dead_letters WHERE id = ? RETURNING status').get(row.id) as
    | { status: string }
    | undefined
  if (letter !== undefined) tx.tally.add('letter', row, letter.status, -1)
}
