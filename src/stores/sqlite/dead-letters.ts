/**
 * Dead letters: looked at, brought back, given up.
 */
import type { SQLInputValue } from 'node:sqlite'
import type { DeadLetter } from '../../work/job.ts'
import type { DeadLetterFacts, DeadLetterFilter, Page, RedriveRequest } from '../../work/store.ts'
import { redriven } from '../rules/job-changes.ts'
import { discardedLetter, retryingLetter } from '../rules/letter-changes.ts'
import type { CauseCount } from '../rules/letter-facts.ts'
import { CAUSES_LOOKED_AT, toFacts } from '../rules/letter-facts.ts'
import type { LetterRow } from '../rules/letter-rows.ts'
import { toLetter } from '../rules/letter-rows.ts'
import { pageLimit, readCursor, toPage } from '../rules/paging.ts'
import { Conditions } from './conditions.ts'
import type { FoundJob } from './job-rows.ts'
import { findJob, writeJob } from './job-rows.ts'
import { findLetter, writeLetter } from './letter-rows.ts'
import type { Transaction } from './transaction.ts'

export function deadLetters(tx: Transaction, filter: DeadLetterFilter): Page<DeadLetter> {
  const limit = pageLimit(filter.limit)
  const where = new Conditions()
    .add('number < ?', readCursor(filter.cursor))
    .equal('status', filter.status)
    .equal('kind', filter.kind)
    .equal('target', filter.target)
  const rows = select(tx, `${where.text} ORDER BY number DESC LIMIT ?`, [...where.values, limit + 1])
  return toPage(rows, limit, (row) => row.number, toLetter)
}

/** A letter keeps its number, so the lowest is the oldest: each is one look into an index. */
const firstOf = (status: string): string =>
  `(SELECT created_at FROM holdfast_dead_letters WHERE status = '${status}' ORDER BY number LIMIT 1)`
const BOUNDS = `
  SELECT ${firstOf('pending')} AS pending, ${firstOf('exhausted')} AS exhausted,
    (SELECT min(next_retry_at) FROM holdfast_dead_letters WHERE next_retry_at IS NOT NULL) AS next`
const newestOf = (status: string): string =>
  `SELECT * FROM (SELECT cause FROM holdfast_dead_letters WHERE status = '${status}' ORDER BY number DESC LIMIT ${CAUSES_LOOKED_AT})`
const CAUSES = `
  SELECT cause, count(*) AS count FROM (${newestOf('pending')} UNION ALL ${newestOf('exhausted')}) GROUP BY cause`

export function deadLetterFacts(tx: Transaction): DeadLetterFacts {
  const { pending, exhausted, next } = tx.sql(BOUNDS).get() as Record<string, number | null>
  const causes = tx.sql(CAUSES).all() as unknown as CauseCount[]
  return toFacts(earlier(pending, exhausted), next, causes)
}

function earlier(a: number | null | undefined, b: number | null | undefined): number | null | undefined {
  return a == null || b == null ? (a ?? b) : Math.min(a, b)
}

/** Brings letters back, oldest first; answers the ids. A dry run needs no write transaction. */
export function redrive(tx: Transaction, request: RedriveRequest): readonly string[] {
  const rows = redrivable(tx, request)
  if (!request.dryRun) for (const row of rows) bringBack(tx, toLetter(row), request.by)
  return rows.map(({ id }) => id)
}

function redrivable(tx: Transaction, request: RedriveRequest): readonly LetterRow[] {
  const where = new Conditions()
    .add("status IN ('pending', 'exhausted')")
    .equal('kind', request.kind)
    .equal('target', request.target)
  if (request.ids !== undefined) where.add('id IN (SELECT value FROM json_each(?))', JSON.stringify(request.ids))
  if (request.targetDownOnly) where.add('target_down = 1')
  if (request.dueOnly) where.add('next_retry_at IS NOT NULL AND next_retry_at <= ?', tx.now)
  return select(tx, `${where.text} ORDER BY number LIMIT ?`, [...where.values, request.limit ?? 100])
}

function bringBack(tx: Transaction, letter: DeadLetter, by: string): void {
  // A letter that may be redriven has its dead job: both change in one transaction, and prune takes both.
  const found = findJob(tx, letter.id) as FoundJob
  const job = redriven(found.job, by, tx.now)
  writeJob(tx, found, job)
  writeLetter(tx, letter, retryingLetter(letter, job, tx.now))
}

export function discard(tx: Transaction, id: string): DeadLetter | undefined {
  const letter = findLetter(tx, id)
  const discarded = letter && discardedLetter(letter)
  if (letter === undefined || discarded === undefined) return letter
  writeLetter(tx, letter, discarded)
  tx.sql('UPDATE holdfast_jobs SET settled_at = finished_at WHERE id = ?').run(id)
  tx.tally.add('given-up', letter, 'dead', 1)
  return discarded
}

function select(tx: Transaction, rest: string, values: readonly SQLInputValue[]): readonly LetterRow[] {
  return tx.sql(`SELECT * FROM holdfast_dead_letters ${rest}`).all(...values) as unknown as LetterRow[]
}
