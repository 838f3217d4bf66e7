/**
 * Changes that the shared rules decide: jobs are locked, looked at here, and written back with their dead letters and the
 * counts, in one transaction.
 *
 * A letter changes only while its job is locked, so the lock of the job guards both.
 */

import type { LetterRow } from '../rules/letter-rows.ts'
import { letterRecord, toLetter } from '../rules/letter-rows.ts'
import type { Held } from './held.ts'
import { isSettled } from './held.ts'
import type { JobRow } from './job-rows.ts'
import { JOB_COLUMNS, toJob, toJson } from './job-rows.ts'
import type { Session } from './session.ts'
import { CLOCK } from './session.ts'
import { Tally } from './tally.ts'

export interface HeldJobs {
  /** Epoch ms by the server. */
  readonly now: number
  readonly byId: ReadonlyMap<string, Held>
}

const LOCK = `
  WITH ${CLOCK}
  SELECT (SELECT now FROM clock) AS now, ${JOB_COLUMNS} FROM @jobs AS j WHERE j.id = ANY ($2::text[])
  ORDER BY j.seq FOR NO KEY UPDATE`
const LETTERS = 'SELECT * FROM @dead_letters WHERE id = ANY ($1::text[])'

export async function lockJobs(session: Session, ids: readonly string[]): Promise<HeldJobs> {
  const rows = await session.rows<JobRow & { now: number }>(LOCK, [session.told, ids])
  // Read after the lock was got, by a statement of its own: what was there before may be out of date.
  const told = rows.filter(({ history }) => history !== null).map(({ id }) => id)
  const letters = told.length === 0 ? [] : (await session.rows<LetterRow>(LETTERS, [told])).map(toLetter)
  const letterOf = new Map(letters.map((letter) => [letter.id, letter]))
  const held = rows.map((row): [string, Held] => {
    const job = toJob(row)
    const letter = letterOf.get(job.id)
    return [job.id, { seq: row.seq, before: job, job, letterBefore: letter, letter }]
  })
  return { now: rows[0]?.now ?? 0, byId: new Map(held) }
}

const JOB_FIELDS = `seq bigint, state text, attempts int, run_at bigint, started_at bigint, finished_at bigint, settled_at bigint,
  worker text, lease_until bigint, token int, lost_leases int, generation int, cancel_requested boolean, last_error text,
  result text, history text`
const LETTER_FIELDS = `id text, kind text, target text, cause text, error text, attempts int, generation int, status text,
  target_down boolean, created_at bigint, last_retry_at bigint, next_retry_at bigint`
const LETTER_NAMES = LETTER_FIELDS.replace(/ (text|int|bigint|boolean)/g, '')
const REPLACED = ['cause', 'error', 'attempts', 'generation', 'status', 'target_down', 'last_retry_at', 'next_retry_at']

const WRITE = `
  WITH changed AS (
    UPDATE @jobs AS j SET state = c.state, attempts = c.attempts, run_at = c.run_at, started_at = c.started_at,
      finished_at = c.finished_at, settled_at = c.settled_at, worker = c.worker, lease_until = c.lease_until, token = c.token,
      lost_leases = c.lost_leases, generation = c.generation, cancel_requested = c.cancel_requested,
      last_error = c.last_error, result = c.result, history = c.history
    FROM json_to_recordset($1::json) AS c (${JOB_FIELDS}) WHERE j.seq = c.seq),
  letters AS (
    INSERT INTO @dead_letters (${LETTER_NAMES})
    SELECT ${LETTER_NAMES} FROM ROWS FROM (json_to_recordset($2::json) AS (${LETTER_FIELDS})) WITH ORDINALITY
      AS l (${LETTER_NAMES}, nth) ORDER BY nth
    ON CONFLICT (id) DO UPDATE SET ${REPLACED.map((name) => `${name} = excluded.${name}`).join(', ')})
  INSERT INTO @count_changes (subject, kind, target, state, n)
  SELECT subject, kind, target, state, n
  FROM json_to_recordset($3::json) AS t (subject text, kind text, target text, state text, n bigint)`

/** Writes what became different of them, letters in the order given. */
export async function writeChanges(session: Session, all: Iterable<Held>): Promise<void> {
  const changed = [...all].filter((held) => held.job !== held.before || held.letter !== held.letterBefore)
  if (changed.length === 0) return
  const tally = new Tally()
  for (const held of changed) tally.count(held)
  const letters = changed.flatMap(({ letter, letterBefore }) =>
    letter === undefined || letter === letterBefore ? [] : [letterRecord(letter)],
  )
  await session.rows(WRITE, [JSON.stringify(changed.map(jobRecord)), JSON.stringify(letters), JSON.stringify(tally.changes())])
}

/** All that may change of a job, in the words of the table. */
function jobRecord({ seq, job, letter }: Held) {
  return {
    seq,
    state: job.state,
    attempts: job.attempts,
    run_at: job.runAt,
    started_at: job.startedAt,
    finished_at: job.finishedAt,
    settled_at: isSettled(job, letter) ? job.finishedAt : undefined,
    worker: job.worker,
    lease_until: job.leaseUntil,
    token: job.token,
    lost_leases: job.lostLeases,
    generation: job.generation,
    cancel_requested: job.cancelRequested,
    last_error: toJson(job.lastError),
    result: toJson(job.result),
    history: job.history.length === 0 ? null : toJson(job.history),
  }
}
