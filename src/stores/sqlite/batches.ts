/**
 * Jobs that were enqueued together, and what is enqueued when all of them have ended.
 *
 * Nothing is counted as jobs end: an index tells whether anything of a batch has not. So a job that is of no batch pays
 * nothing for them, and no two settlements wait for each other over a counter.
 */
import type { Batch, BatchEnqueued, CompletedBatch, NewBatch } from '../../work/batch.ts'
import { withSummary } from '../../work/batch.ts'
import type { JobState, NewJob } from '../../work/job.ts'
import type { BatchFilter, Page } from '../../work/store.ts'
import { batchBounds, toBatchPage } from '../rules/batch-paging.ts'
import type { BatchRow } from '../rules/batch-state.ts'
import { addUp, callbackOf, summaryOf, viewBatch } from '../rules/batch-state.ts'
import { enqueue } from './enqueue.ts'
import { toJson } from './job-rows.ts'
import type { Transaction } from './transaction.ts'

const KNOWN = 'SELECT 1 FROM holdfast_batches WHERE id = ?'
const JOBS = 'SELECT id, state FROM holdfast_jobs INDEXED BY holdfast_jobs_batch WHERE batch_id = ? ORDER BY seq'
const ADD = 'INSERT INTO holdfast_batches (id, created_at, total, callback) VALUES (?, ?, ?, ?)'

export function enqueueBatch(tx: Transaction, batch: NewBatch, jobs: readonly NewJob[]): BatchEnqueued {
  const { id, callback } = batch
  if (tx.sql(KNOWN).get(id) !== undefined) return { id, duplicate: true, jobs: known(tx, id) }
  const answers = enqueue(tx, jobs, id)
  const total = answers.filter(({ duplicate }) => !duplicate).length
  tx.sql(ADD).run(id, tx.now, total, callback === undefined ? null : toJson(callback))
  return { id, duplicate: false, jobs: answers }
}

function known(tx: Transaction, id: string): BatchEnqueued['jobs'] {
  const rows = tx.sql(JOBS).all(id) as unknown as { id: string; state: JobState }[]
  return rows.map((job) => ({ id: job.id, state: job.state, duplicate: true }))
}

/** One probe for each state in which a job has not ended. */
const UNFINISHED = `
  SELECT 1 FROM holdfast_jobs INDEXED BY holdfast_jobs_batch
  WHERE batch_id = ? AND state IN ('available', 'scheduled', 'running', 'parked') LIMIT 1`
const OPEN = 'SELECT 1 FROM holdfast_batches WHERE id = ? AND completed_at IS NULL'

/** Of these, those that are to be ended. Needs no write transaction. */
export function completable(tx: Transaction, ids: readonly string[]): readonly string[] {
  return ids.filter((id) => tx.sql(UNFINISHED).get(id) === undefined && tx.sql(OPEN).get(id) !== undefined)
}

const FIND = 'SELECT * FROM holdfast_batches WHERE id = ?'
const COMPLETE = 'UPDATE holdfast_batches SET completed_at = ? WHERE id = ?'

export function completeBatches(tx: Transaction, ids: readonly string[]): readonly CompletedBatch[] {
  return completable(tx, ids).map((id) => {
    const row = tx.sql(FIND).get(id) as unknown as BatchRow
    const summary = summaryOf(row, addUp(row, statesOf(tx, id)))
    const callback = callbackOf(row)
    tx.sql(COMPLETE).run(tx.now, id)
    if (callback !== undefined) enqueue(tx, [withSummary(callback, summary)])
    return callback === undefined ? { summary } : { summary, callback }
  })
}

const STATES = 'SELECT state, count(*) AS n FROM holdfast_jobs INDEXED BY holdfast_jobs_batch WHERE batch_id = ? GROUP BY state'

function statesOf(tx: Transaction, id: string): readonly { readonly state: JobState; readonly n: number }[] {
  return tx.sql(STATES).all(id) as unknown as { state: JobState; n: number }[]
}

const OPEN_BEYOND = `
  SELECT id FROM holdfast_batches INDEXED BY holdfast_batches_open WHERE completed_at IS NULL AND id > ? ORDER BY id LIMIT ?`

export function openBatches(tx: Transaction, beyond: string, limit: number): readonly string[] {
  return (tx.sql(OPEN_BEYOND).all(beyond, limit) as unknown as { id: string }[]).map(({ id }) => id)
}

export function findBatch(tx: Transaction, id: string): Batch | undefined {
  const row = tx.sql(FIND).get(id) as BatchRow | undefined
  return row && viewBatch(row, statesOf(tx, row.id))
}

const PAGE_OPEN = `
  SELECT * FROM holdfast_batches INDEXED BY holdfast_batches_open WHERE completed_at IS NULL AND id < ? ORDER BY id DESC LIMIT ?`
const PAGE_ENDED = `
  SELECT * FROM holdfast_batches INDEXED BY holdfast_batches_completed
  WHERE completed_at IS NOT NULL AND (completed_at, id) < (?, ?) ORDER BY completed_at DESC, id DESC LIMIT ?`

export function pageBatches(tx: Transaction, filter: BatchFilter): Page<Batch> {
  const { openBelow, endedAt, endedBelow, limit } = batchBounds(filter)
  const open = tx.sql(PAGE_OPEN).all(openBelow, limit + 1)
  const ended = tx.sql(PAGE_ENDED).all(endedAt, endedBelow, limit + 1 - open.length)
  const rows = [...open, ...ended] as unknown as BatchRow[]
  return toBatchPage(
    rows.map((row) => viewBatch(row, statesOf(tx, row.id))),
    limit,
  )
}

const PRUNED = `
  UPDATE holdfast_batches SET succeeded = succeeded + (?2 = 'succeeded'), dead = dead + (?2 = 'dead'),
    cancelled = cancelled + (?2 = 'cancelled') WHERE id = ?1`

/** One of its jobs was pruned: from now on the batch itself remembers it. */
export function rememberPruned(tx: Transaction, id: string, state: JobState): void {
  tx.sql(PRUNED).run(id, state)
}

const EMPTY = `
  DELETE FROM holdfast_batches WHERE id = ? AND completed_at IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM holdfast_jobs INDEXED BY holdfast_jobs_batch WHERE batch_id = holdfast_batches.id)`
const OLD = `
  DELETE FROM holdfast_batches WHERE id IN (
    SELECT id FROM holdfast_batches INDEXED BY holdfast_batches_completed
    WHERE completed_at IS NOT NULL AND completed_at < ? ORDER BY completed_at, id LIMIT ?)`

/** Those that have ended, and whose last job is gone or which are old. Answers how many went. */
export function pruneBatches(tx: Transaction, touched: Iterable<string>, cutoff: number, limit: number): number {
  let gone = 0
  for (const id of touched) gone += Number(tx.sql(EMPTY).run(id).changes)
  return gone + Number(tx.sql(OLD).run(cutoff, Math.max(0, limit)).changes)
}
