/**
 * Lets go of what is finished, and of idempotency keys whose window is over.
 */
import type { JobState } from '../../work/job.ts'
import type { Lane, PruneRequest } from '../../work/store.ts'
import { pruneBatches, rememberPruned } from './batches.ts'
import type { Transaction } from './transaction.ts'

interface Candidate extends Lane {
  readonly seq: number
  readonly id: string
  readonly state: JobState
  readonly settled_at: number
  readonly idempotency_key: string | null
  readonly batch_id: string | null
  readonly told: number
}

const CANDIDATES = `
  SELECT seq, id, kind, target, state, settled_at, idempotency_key, batch_id, history IS NOT NULL AS told
  FROM holdfast_jobs INDEXED BY holdfast_jobs_settled WHERE settled_at IS NOT NULL ORDER BY settled_at, seq LIMIT ?`
const SETTLED = `
  SELECT coalesce(sum(n), 0) AS n FROM holdfast_counts
  WHERE subject = 'job' AND state IN ('succeeded', 'cancelled') OR subject = 'given-up'`
const EXPIRED = `
  DELETE FROM holdfast_keys
  WHERE (kind, key) IN (SELECT kind, key FROM holdfast_keys WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`

export function prune(tx: Transaction, request: PruneRequest): number {
  const limit = Math.max(0, request.limit)
  const surplus = (tx.sql(SETTLED).get() as { n: number }).n - request.keep
  const cutoff = tx.now - request.olderThanMs
  const gone = (tx.sql(CANDIDATES).all(limit) as unknown as Candidate[]).filter(
    (row, index) => index < surplus || row.settled_at < cutoff,
  )
  for (const row of gone) remove(tx, row)
  const batches = new Set(gone.map((row) => row.batch_id).filter((id) => id !== null))
  const ended = pruneBatches(tx, batches, cutoff, limit - gone.length)
  const { changes } = tx.sql(EXPIRED).run(tx.now, Math.max(0, limit - gone.length - ended))
  return gone.length + ended + Number(changes)
}

function remove(tx: Transaction, row: Candidate): void {
  tx.sql('DELETE FROM holdfast_jobs WHERE seq = ?').run(row.seq)
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

function removeLetter(tx: Transaction, row: Candidate): void {
  const letter = tx.sql('DELETE FROM holdfast_dead_letters WHERE id = ? RETURNING status').get(row.id) as
    | { status: string }
    | undefined
  if (letter !== undefined) tx.tally.add('letter', row, letter.status, -1)
}
