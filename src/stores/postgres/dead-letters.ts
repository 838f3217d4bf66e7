/**
 * Dead letters: looked at, and brought back.
 */
import type { DeadLetter } from '../../work/job.ts'
import type { DeadLetterFacts, DeadLetterFilter, Page, RedriveRequest } from '../../work/store.ts'
import { redriven } from '../rules/job-changes.ts'
import { retryingLetter } from '../rules/letter-changes.ts'
import type { CauseCount } from '../rules/letter-facts.ts'
import { CAUSES_LOOKED_AT, toFacts } from '../rules/letter-facts.ts'
import type { LetterRow } from '../rules/letter-rows.ts'
import { toLetter } from '../rules/letter-rows.ts'
import { pageLimit, readCursor, toPage } from '../rules/paging.ts'
import { lockJobs, writeChanges } from './changes.ts'
import { Conditions } from './conditions.ts'
import type { Session } from './session.ts'
import { CLOCK } from './session.ts'

export async function deadLetters(session: Session, filter: DeadLetterFilter): Promise<Page<DeadLetter>> {
  const limit = pageLimit(filter.limit)
  const where = new Conditions()
    .add('number < ?', readCursor(filter.cursor))
    .equal('status', filter.status)
    .equal('kind', filter.kind)
    .equal('target', filter.target)
  const text = `SELECT * FROM @dead_letters ${where.text} ORDER BY number DESC LIMIT ${where.bind(limit + 1)}`
  return toPage(await session.rows<LetterRow>(text, where.values), limit, (row) => row.number, toLetter)
}

/** A letter keeps its number, so the lowest is the oldest: each is one look into an index. */
const firstOf = (status: string): string =>
  `(SELECT created_at FROM @dead_letters WHERE status = '${status}' ORDER BY number LIMIT 1)`
const BOUNDS = `
  SELECT least(${firstOf('pending')}, ${firstOf('exhausted')}) AS oldest,
    (SELECT min(next_retry_at) FROM @dead_letters WHERE next_retry_at IS NOT NULL) AS next`
const newestOf = (status: string): string =>
  `(SELECT cause FROM @dead_letters WHERE status = '${status}' ORDER BY number DESC LIMIT ${CAUSES_LOOKED_AT})`
const CAUSES = `
  SELECT cause, count(*) AS count FROM (${newestOf('pending')} UNION ALL ${newestOf('exhausted')}) AS newest GROUP BY cause`

export async function deadLetterFacts(session: Session): Promise<DeadLetterFacts> {
  const [bounds] = await session.rows<{ oldest: number | null; next: number | null }>(BOUNDS, [])
  return toFacts(bounds?.oldest, bounds?.next, await session.rows<CauseCount>(CAUSES, []))
}

export async function letterOf(session: Session, id: string): Promise<DeadLetter | undefined> {
  const [row] = await session.rows<LetterRow>('SELECT * FROM @dead_letters WHERE id = $1', [id])
  return row && toLetter(row)
}

/** Brings letters back, oldest first; answers the ids. Needs a transaction, unless it is a dry run. */
export async function redrive(session: Session, request: RedriveRequest): Promise<readonly string[]> {
  const ids = await redrivable(session, request)
  return request.dryRun === true || ids.length === 0 ? ids : bringBack(session, ids, request.by)
}

/** What another process is bringing back is passed over. */
async function redrivable(session: Session, request: RedriveRequest): Promise<readonly string[]> {
  const where = new Conditions(session.told)
    .always("l.status IN ('pending', 'exhausted') AND j.state = 'dead'")
    .equal('l.kind', request.kind)
    .equal('l.target', request.target)
  if (request.ids !== undefined) where.add('l.id = ANY (?::text[])', request.ids)
  if (request.targetDownOnly === true) where.always('l.target_down')
  if (request.dueOnly === true) where.always('l.next_retry_at <= (SELECT now FROM clock)')
  const lock = request.dryRun === true ? '' : 'FOR NO KEY UPDATE OF j SKIP LOCKED'
  const rows = await session.rows<{ id: string }>(
    `WITH ${CLOCK} SELECT l.id FROM @dead_letters AS l JOIN @jobs AS j ON j.id = l.id ${where.text}
     ORDER BY l.number LIMIT ${where.bind(request.limit ?? 100)} ${lock}`,
    where.values,
  )
  return rows.map(({ id }) => id)
}

async function bringBack(session: Session, ids: readonly string[], by: string): Promise<readonly string[]> {
  const { now, byId } = await lockJobs(session, ids)
  const back: string[] = []
  for (const id of ids) {
    const held = byId.get(id)
    // Between the search and the lock somebody may have decided otherwise.
    if (held?.letter === undefined || (held.letter.status !== 'pending' && held.letter.status !== 'exhausted')) continue
    held.job = redriven(held.job, by, now)
    held.letter = retryingLetter(held.letter, held.job, now)
    back.push(id)
  }
  await writeChanges(session, byId.values())
  return back
}
