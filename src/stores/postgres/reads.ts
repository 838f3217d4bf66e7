/**
 * Lists of jobs, newest first, and their numbers.
 */
import { checkOneOf } from '../../core/validate.ts'
import type { Job } from '../../work/job.ts'
import { JOB_STATES } from '../../work/job.ts'
import { isFinal } from '../../work/lifecycle.ts'
import type { DeadLetterCount, JobCount, JobFilter, Page } from '../../work/store.ts'
import { pageLimit, readCursor, toPage } from '../rules/paging.ts'
import { Conditions } from './conditions.ts'
import type { JobRow } from './job-rows.ts'
import { JOB_COLUMNS, toJob } from './job-rows.ts'
import type { Session } from './session.ts'
import { ALL_COUNTS } from './tally.ts'

export async function findJob(session: Session, id: string): Promise<Job | undefined> {
  const [row] = await session.rows<JobRow>(`SELECT ${JOB_COLUMNS} FROM @jobs AS j WHERE j.id = $1`, [id])
  return row && toJob(row)
}

/** Up to so many matches it is cheaper to sort them than to look for them among all jobs. */
const FEW = 2000

export async function list(session: Session, filter: JobFilter): Promise<Page<Job>> {
  const state = filter.state === undefined ? undefined : checkOneOf(filter.state, 'state', JOB_STATES)
  const limit = pageLimit(filter.limit)
  const where = new Conditions().add('j.seq < ?', readCursor(filter.cursor))
  const matches = filter.batch === undefined ? await countMatches(session, filter) : 1
  if (matches === 0) return { items: [] }
  const waits = state === 'available' || state === 'scheduled'
  // Written out, not bound, so that a partial index serves. An expression hides from the planner what would lead it astray:
  // many matches are met soon by walking back through all jobs, few are sorted, whatever it thinks how many there are.
  if (state !== undefined) where.always(waits && matches > FEW ? `j.state || '' = '${state}'` : `j.state = '${state}'`)
  where.equal('j.kind', filter.kind).equal('j.target', filter.target)
  if (filter.batch !== undefined) where.add('j.batch_id = ?', filter.batch)
  const order = filter.batch !== undefined || (waits && matches <= FEW) ? 'j.seq + 0' : 'j.seq'
  const text = `SELECT ${JOB_COLUMNS} FROM @jobs AS j ${where.text} ORDER BY ${order} DESC LIMIT ${where.bind(limit + 1)}`
  return toPage(await session.rows<JobRow>(text, where.values), limit, ({ seq }) => seq, toJob)
}

async function countMatches(session: Session, { state, kind, target }: JobFilter): Promise<number> {
  const where = new Conditions().equal('subject', 'job').equal('state', state).equal('kind', kind).equal('target', target)
  const text = `SELECT coalesce(sum(n), 0)::bigint AS n FROM ${ALL_COUNTS} ${where.text}`
  return (await session.rows<{ n: number }>(text, where.values))[0]?.n ?? 0
}

/** Of available work the first of each priority, from one to the next below: a loose index scan. */
const OLDEST_AVAILABLE = `(
    WITH RECURSIVE p AS (
      (SELECT j.priority, j.run_at FROM @jobs AS j WHERE j.state = 'available' AND j.kind = s.kind AND j.target = s.target
       ORDER BY j.priority DESC, j.run_at, j.seq LIMIT 1)
      UNION ALL
      SELECT n.* FROM p CROSS JOIN LATERAL (
        SELECT j.priority, j.run_at FROM @jobs AS j
        WHERE j.state = 'available' AND j.kind = s.kind AND j.target = s.target AND j.priority < p.priority
        ORDER BY j.priority DESC, j.run_at, j.seq LIMIT 1) AS n)
    SELECT min(run_at) FROM p)`
const OLDEST_SCHEDULED = `(
    SELECT j.run_at FROM @jobs AS j WHERE j.state = 'scheduled' AND j.kind = s.kind AND j.target = s.target
    ORDER BY j.run_at LIMIT 1)`
/** Running and parked jobs are few; one pass over them. */
const HELD = `
    SELECT kind, target, state, min(run_at) AS oldest FROM @jobs WHERE state = 'running' GROUP BY kind, target, state
    UNION ALL
    SELECT kind, target, state, min(run_at) FROM @jobs WHERE state = 'parked' GROUP BY kind, target, state`
const COUNTS = `
  WITH s AS (SELECT kind, target, state, sum(n)::bigint AS count FROM ${ALL_COUNTS} WHERE subject = 'job'
    GROUP BY kind, target, state HAVING sum(n) > 0),
  held AS (${HELD})
  SELECT s.kind, s.target, s.state, s.count, CASE s.state WHEN 'available' THEN ${OLDEST_AVAILABLE}
    WHEN 'scheduled' THEN ${OLDEST_SCHEDULED} ELSE h.oldest END AS oldest
  FROM s LEFT JOIN held AS h ON h.kind = s.kind AND h.target = s.target AND h.state = s.state`

export async function counts(session: Session): Promise<readonly JobCount[]> {
  const rows = await session.rows<Omit<JobCount, 'oldestRunAt'> & { oldest: number | null }>(COUNTS, [])
  return rows.map(({ oldest, ...row }) => ({ ...row, oldestRunAt: isFinal(row.state) ? 0 : (oldest ?? 0) }))
}

const LETTER_COUNTS = `
  SELECT kind, target, state AS status, sum(n)::bigint AS count FROM ${ALL_COUNTS} WHERE subject = 'letter'
  GROUP BY kind, target, state HAVING sum(n) > 0`

export function deadLetterCounts(session: Session): Promise<readonly DeadLetterCount[]> {
  return session.rows<DeadLetterCount>(LETTER_COUNTS, [])
}
