/**
 * Takes in new jobs: the whole batch in one statement, or none of it.
 */
import { HoldfastError } from '../../core/errors.ts'
import type { Enqueued, JobState, NewJob } from '../../work/job.ts'
import { keyMismatch } from '../rules/key-mismatch.ts'
import { columns } from './columns.ts'
import { toJson } from './job-rows.ts'
import { codeOf } from './postgres-errors.ts'
import type { Session } from './session.ts'
import { CLOCK } from './session.ts'

const GIVEN = `given AS MATERIALIZED (
    SELECT * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::int[], $7::int[], $8::text[], $9::bigint[],
      $10::text[], $11::text[], $12::bigint[], $13::text[]) WITH ORDINALITY
    AS g (id, kind, target, payload, priority, max_attempts, traceparent, run_at, key, fingerprint, window_ms, concurrency_key, nth))`

const insertFrom = (given: string): string => `
    INSERT INTO @jobs
      (id, kind, target, payload, state, priority, max_attempts, idempotency_key, traceparent, created_at, run_at,
       concurrency_key, batch_id)
    SELECT id, kind, target, payload, CASE WHEN run_at > now THEN 'scheduled' ELSE 'available' END, priority, max_attempts,
      key, traceparent, now, coalesce(run_at, now), concurrency_key, $14::text
    FROM ${given}
    ORDER BY nth
    ON CONFLICT (id) DO NOTHING
    RETURNING id, kind, target, state`

const TALLY = `tally AS (
    INSERT INTO @count_changes (subject, kind, target, state, n)
    SELECT 'job', kind, target, state, count(*) FROM added GROUP BY kind, target, state)`

const ADD = `
  WITH ${CLOCK}, ${GIVEN},
  added AS (${insertFrom('given, clock')}),
  ${TALLY}
  SELECT id, state FROM added`

/**
 * A key is taken, or locked and read, by the same write: of two processes with the same key the second waits for the first,
 * and finds its job. Keys are taken in one order, so that no two batches wait for each other.
 */
const ADD_KEYED = `
  WITH ${CLOCK}, ${GIVEN},
  kept AS (
    INSERT INTO @keys AS k (kind, key, fingerprint, job_id, expires_at)
    SELECT DISTINCT ON (kind, key) kind, key, fingerprint, id, now + window_ms FROM given, clock
    WHERE key IS NOT NULL ORDER BY kind, key, nth
    ON CONFLICT (kind, key) DO UPDATE SET
      fingerprint = CASE WHEN k.expires_at > (SELECT now FROM clock) THEN k.fingerprint ELSE excluded.fingerprint END,
      job_id = CASE WHEN k.expires_at > (SELECT now FROM clock) THEN k.job_id ELSE excluded.job_id END,
      last_state = CASE WHEN k.expires_at > (SELECT now FROM clock) THEN k.last_state END,
      expires_at = CASE WHEN k.expires_at > (SELECT now FROM clock) THEN k.expires_at ELSE excluded.expires_at END
    RETURNING kind, key, fingerprint, job_id, last_state),
  known AS MATERIALIZED (
    SELECT g.*, k.job_id, k.last_state, k.fingerprint <> g.fingerprint AS mismatched
    FROM given AS g LEFT JOIN kept AS k ON k.kind = g.kind AND k.key = g.key),
  refused AS MATERIALIZED (
    SELECT @refuse(nth - 1, job_id) AS never FROM (SELECT nth, job_id FROM known WHERE mismatched ORDER BY nth LIMIT 1) AS first),
  added AS (${insertFrom('known, clock WHERE (job_id IS NULL OR job_id = id) AND (SELECT count(never) FROM refused) = 0')}),
  ${TALLY}
  SELECT coalesce(k.job_id, k.id) AS id, coalesce(k.job_id <> k.id, false) AS duplicate,
    coalesce(a.state, j.state, k.last_state) AS state
  FROM known AS k
  LEFT JOIN added AS a ON a.id = coalesce(k.job_id, k.id)
  LEFT JOIN @jobs AS j ON j.id = coalesce(k.job_id, k.id)
  ORDER BY k.nth`

const STATES_OF = 'SELECT id, state FROM @jobs WHERE id = ANY($1::text[])'

interface Answer {
  readonly id: string
  readonly duplicate: boolean
  readonly state: JobState | null
}

/** @throws HoldfastError with `ERR_IDEMPOTENCY_MISMATCH`; a transaction that it was called in is then aborted */
export async function enqueue(session: Session, jobs: readonly NewJob[], batchId?: string): Promise<readonly Enqueued[]> {
  if (jobs.length === 0) return []
  const values = [session.told, ...jobColumns(jobs), batchId ?? null]
  const answers = jobs.some(({ idempotencyKey }) => idempotencyKey !== undefined)
    ? await session.rows<Answer>(ADD_KEYED, values).catch((error: unknown) => Promise.reject(translated(error, jobs)))
    : answersFor(jobs, await session.rows<{ id: string; state: JobState }>(ADD, values))
  return withStates(session, answers)
}

function jobColumns(jobs: readonly NewJob[]): unknown[] {
  return columns(
    jobs,
    ({ id }) => id,
    ({ kind }) => kind,
    ({ target }) => target,
    ({ payload }) => toJson(payload),
    ({ priority }) => priority,
    ({ maxAttempts }) => maxAttempts ?? null,
    ({ traceparent }) => traceparent ?? null,
    ({ runAt }) => (runAt === undefined ? null : Math.trunc(runAt)),
    ({ idempotencyKey }) => idempotencyKey ?? null,
    ({ fingerprint }) => fingerprint,
    ({ idempotencyWindowMs }) => Math.ceil(idempotencyWindowMs),
    ({ concurrencyKey }) => concurrencyKey ?? null,
  )
}

function answersFor(jobs: readonly NewJob[], added: readonly { id: string; state: JobState }[]): readonly Answer[] {
  const states = new Map(added.map(({ id, state }) => [id, state]))
  return jobs.map(({ id }) => ({ id, duplicate: false, state: states.get(id) ?? null }))
}

/** A job that was there already, or came in beside us, was not seen by the statement that met it. */
async function withStates(session: Session, answers: readonly Answer[]): Promise<readonly Enqueued[]> {
  const unseen = answers.filter(({ state }) => state === null).map(({ id }) => id)
  const rows = unseen.length === 0 ? [] : await session.rows<{ id: string; state: JobState }>(STATES_OF, [unseen])
  const states = new Map(rows.map(({ id, state }) => [id, state]))
  return answers.map(({ id, state, duplicate }) => ({ id, state: state ?? states.get(id) ?? 'succeeded', duplicate }))
}

/** What `refuse` of the schema raised, in the words of every store. */
function translated(error: unknown, jobs: readonly NewJob[]): unknown {
  if (codeOf(error) !== 'HF409' || error instanceof HoldfastError) return error
  const { index, id } = JSON.parse((error as { detail: string }).detail) as { index: number; id: string }
  return keyMismatch(jobs[index] as NewJob, index, id)
}
