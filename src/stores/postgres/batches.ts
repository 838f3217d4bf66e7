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
import type { BatchRow, StateCount } from '../rules/batch-state.ts'
import { addUp, callbackOf, summaryOf, viewBatch } from '../rules/batch-state.ts'
import { enqueue } from './enqueue.ts'
import { toJson } from './job-rows.ts'
import type { Session } from './session.ts'
import { CLOCK } from './session.ts'

const ADD = `
  WITH ${CLOCK} INSERT INTO @batches (id, created_at, total, callback) SELECT $2, now, 0, $3 FROM clock
  ON CONFLICT (id) DO NOTHING RETURNING id`
const TOTAL = 'UPDATE @batches SET total = $2 WHERE id = $1'
const JOBS = 'SELECT id, state, true AS duplicate FROM @jobs WHERE batch_id = $1 ORDER BY seq'

/** Needs a transaction: the row of the batch keeps others with the same id waiting until it ends. */
export async function enqueueBatch(session: Session, batch: NewBatch, jobs: readonly NewJob[]): Promise<BatchEnqueued> {
  const { id, callback } = batch
  const added = await session.rows(ADD, [session.told, id, callback === undefined ? null : toJson(callback)])
  if (added.length === 0) return { id, duplicate: true, jobs: await session.rows<BatchEnqueued['jobs'][number]>(JOBS, [id]) }
  const answers = await enqueue(session, jobs, id)
  await session.rows(TOTAL, [id, answers.filter(({ duplicate }) => !duplicate).length])
  return { id, duplicate: false, jobs: answers }
}

/** One probe for each state in which a job has not ended. */
const COMPLETABLE = `
  SELECT b.id FROM unnest($1::text[]) WITH ORDINALITY AS g (id, nth) JOIN @batches AS b ON b.id = g.id
  WHERE b.completed_at IS NULL AND NOT EXISTS (
    SELECT FROM @jobs AS j WHERE j.batch_id = b.id AND j.state IN ('available', 'scheduled', 'running', 'parked'))
  ORDER BY g.nth`

/** Of these, those that are to be ended. */
export async function completable(session: Session, ids: readonly string[]): Promise<readonly string[]> {
  return (await session.rows<{ id: string }>(COMPLETABLE, [ids])).map(({ id }) => id)
}

/** The lock lets one process end it; its jobs are looked at by statements of their own, which see what was committed before. */
const LOCK = 'SELECT * FROM @batches WHERE id = $1 AND completed_at IS NULL FOR UPDATE'
const COMPLETE = `WITH ${CLOCK} UPDATE @batches SET completed_at = now FROM clock WHERE id = $2`

/** Undefined when it has ended already, or not yet. Needs a transaction. */
export async function completeBatch(session: Session, id: string): Promise<CompletedBatch | undefined> {
  const [row] = await session.rows<BatchRow>(LOCK, [id])
  if (row === undefined || (await completable(session, [id])).length === 0) return undefined
  const summary = summaryOf(row, addUp(row, await statesOf(session, id)))
  const callback = callbackOf(row)
  await session.rows(COMPLETE, [session.told, id])
  if (callback !== undefined) await enqueue(session, [withSummary(callback, summary)])
  return callback === undefined ? { summary } : { summary, callback }
}

const STATES = 'SELECT state, count(*) AS n FROM @jobs WHERE batch_id = $1 GROUP BY state'

function statesOf(session: Session, id: string): Promise<readonly StateCount[]> {
  return session.rows<{ state: JobState; n: number }>(STATES, [id])
}

const OPEN_BEYOND = 'SELECT id FROM @batches WHERE completed_at IS NULL AND id > $1 ORDER BY id LIMIT $2'

export async function openBatches(session: Session, beyond: string, limit: number): Promise<readonly string[]> {
  return (await session.rows<{ id: string }>(OPEN_BEYOND, [beyond, limit])).map(({ id }) => id)
}

/** The row and its jobs in one statement: of a prune between two, some jobs would be counted twice or not at all. */
const VIEW = `
  SELECT b.*, (SELECT coalesce(json_agg(s), '[]') FROM (
    SELECT state, count(*) AS n FROM @jobs WHERE batch_id = b.id GROUP BY state) AS s) AS states`
const FIND = `${VIEW} FROM @batches AS b WHERE b.id = $1`

type BatchView = BatchRow & { readonly states: readonly StateCount[] }

export async function findBatch(session: Session, id: string): Promise<Batch | undefined> {
  const [row] = await session.rows<BatchView>(FIND, [id])
  return row && viewBatch(row, row.states)
}

/** Each part along its own index, and the jobs of those alone that are shown. */
const PAGE = `
  ${VIEW} FROM (
    (SELECT * FROM @batches WHERE completed_at IS NULL AND id < $1 ORDER BY id DESC LIMIT $4) UNION ALL
    (SELECT * FROM @batches WHERE completed_at IS NOT NULL AND (completed_at, id) < ($2, $3)
     ORDER BY completed_at DESC, id DESC LIMIT $4)
    ORDER BY completed_at DESC NULLS FIRST, id DESC LIMIT $4) AS b
  ORDER BY b.completed_at DESC NULLS FIRST, b.id DESC`

export async function pageBatches(session: Session, filter: BatchFilter): Promise<Page<Batch>> {
  const { openBelow, endedAt, endedBelow, limit } = batchBounds(filter)
  const rows = await session.rows<BatchView>(PAGE, [openBelow, endedAt, endedBelow, limit + 1])
  return toBatchPage(
    rows.map((row) => viewBatch(row, row.states)),
    limit,
  )
}
