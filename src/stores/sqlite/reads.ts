/**
 * Lists of jobs, newest first, and their numbers.
 */
import { checkOneOf } from '../../core/validate.ts'
import type { Job, JobState } from '../../work/job.ts'
import { JOB_STATES } from '../../work/job.ts'
import { isFinal } from '../../work/lifecycle.ts'
import type { DeadLetterCount, JobCount, JobFilter, Lane, Page } from '../../work/store.ts'
import { pageLimit, readCursor, toPage } from '../rules/paging.ts'
import { Conditions } from './conditions.ts'
import type { JobRow } from './job-rows.ts'
import { JOB_COLUMNS, toJob } from './job-rows.ts'
import type { Transaction } from './transaction.ts'

/** Up to so many matches it is cheaper to sort them than to look for them among all jobs. */
const FEW = 2000

export function list(tx: Transaction, filter: JobFilter): Page<Job> {
  const state = filter.state === undefined ? undefined : checkOneOf(filter.state, 'state', JOB_STATES)
  const limit = pageLimit(filter.limit)
  const cursor = readCursor(filter.cursor)
  const matches = filter.batch === undefined ? countMatches(tx, filter) : 1
  if (matches === 0) return { items: [] }
  const where = new Conditions()
  // Written out, not bound: only so does SQLite see that a partial index serves.
  if (state !== undefined) where.add(`state = '${state}'`)
  where.equal('kind', filter.kind).equal('target', filter.target).equal('batch_id', filter.batch).add('seq < ?', cursor)
  const index = filter.batch === undefined ? indexFor(state, matches) : 'INDEXED BY holdfast_jobs_batch'
  const rows = tx
    .tuples(`SELECT ${JOB_COLUMNS} FROM holdfast_jobs ${index} ${where.text} ORDER BY seq DESC LIMIT ?`)
    .all(...where.values, limit + 1) as unknown as JobRow[]
  return toPage(rows, limit, (row) => row[0], toJob)
}

function indexFor(state: JobState | undefined, matches: number): string {
  switch (state) {
    case 'running':
    case 'parked':
    case 'dead':
    case 'cancelled':
      return 'INDEXED BY holdfast_jobs_rare'
    case 'available':
      return matches <= FEW ? 'INDEXED BY holdfast_jobs_available' : 'NOT INDEXED'
    case 'scheduled':
      return matches <= FEW ? 'INDEXED BY holdfast_jobs_scheduled_lane' : 'NOT INDEXED'
    default:
      return 'NOT INDEXED'
  }
}

function countMatches(tx: Transaction, { state, kind, target }: JobFilter): number {
  const where = new Conditions().equal('subject', 'job').equal('state', state).equal('kind', kind).equal('target', target)
  const row = tx.sql(`SELECT coalesce(sum(n), 0) AS n FROM holdfast_counts ${where.text}`).get(...where.values)
  return (row as { n: number }).n
}

const COUNTS = 'SELECT kind, target, state, n AS count FROM holdfast_counts WHERE subject = ? AND n > 0'

export function counts(tx: Transaction): readonly JobCount[] {
  const held = oldestHeld(tx)
  return (tx.sql(COUNTS).all('job') as unknown as Omit<JobCount, 'oldestRunAt'>[]).map((row) => ({
    ...row,
    oldestRunAt: oldestRunAt(tx, row, row.state) ?? held.get(nameOf(row, row.state)) ?? 0,
  }))
}

export function deadLetterCounts(tx: Transaction): readonly DeadLetterCount[] {
  return tx
    .sql('SELECT kind, target, state AS status, n AS count FROM holdfast_counts WHERE subject = ? AND n > 0')
    .all('letter')
    .map((row) => ({ ...row }) as unknown as DeadLetterCount)
}

const OLDEST_SCHEDULED = `SELECT min(run_at) AS oldest FROM holdfast_jobs WHERE state = 'scheduled' AND kind = ? AND target = ?`
/** The first of each priority, from one to the next below: a loose index scan. */
const OLDEST_AVAILABLE = `
  SELECT priority, run_at AS oldest FROM holdfast_jobs INDEXED BY holdfast_jobs_available
  WHERE state = 'available' AND kind = ? AND target = ? AND priority < ?
  ORDER BY priority DESC, run_at, seq LIMIT 1`

function oldestAvailable(tx: Transaction, lane: Lane): number | undefined {
  let oldest: number | undefined
  let below = Number.POSITIVE_INFINITY
  for (;;) {
    const row = tx.sql(OLDEST_AVAILABLE).get(lane.kind, lane.target, below) as { priority: number; oldest: number } | undefined
    if (row === undefined) return oldest
    oldest = Math.min(oldest ?? row.oldest, row.oldest)
    below = row.priority
  }
}

function oldestRunAt(tx: Transaction, lane: Lane, state: JobState): number | undefined {
  if (isFinal(state)) return 0
  if (state === 'available') return oldestAvailable(tx, lane)
  if (state !== 'scheduled') return undefined
  return (tx.sql(OLDEST_SCHEDULED).get(lane.kind, lane.target) as { oldest: number | null }).oldest ?? undefined
}

/** Running and parked jobs are few; one pass over them. */
function oldestHeld(tx: Transaction): ReadonlyMap<string, number> {
  const rows = ['running', 'parked'].flatMap((state) =>
    tx
      .sql(
        `SELECT kind, target, state, min(run_at) AS oldest FROM holdfast_jobs INDEXED BY holdfast_jobs_rare
         WHERE state = '${state}' GROUP BY kind, target`,
      )
      .all(),
  ) as unknown as (Lane & { state: JobState; oldest: number })[]
  return new Map(rows.map((row) => [nameOf(row, row.state), row.oldest]))
}

function nameOf(lane: Lane, state: JobState): string {
  return JSON.stringify([lane.kind, lane.target, state])
}
