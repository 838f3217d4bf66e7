/**
 * How many jobs and dead letters there are, by lane and state. A transaction appends what it changed; now and then the
 * changes are added up. A reader sums both, and is right at every moment.
 */
import type { Held } from './held.ts'
import { isGivenUp } from './held.ts'
import type { Session } from './session.ts'

/** `given-up` counts dead jobs whose letter was discarded: prune may take them. */
type Subject = 'job' | 'letter' | 'given-up'

export interface CountChange {
  readonly subject: Subject
  readonly kind: string
  readonly target: string
  readonly state: string
  readonly n: number
}

/** The changes of one transaction, summed up. */
export class Tally {
  readonly #sums = new Map<string, { -readonly [Field in keyof CountChange]: CountChange[Field] }>()

  count({ before, job, letterBefore, letter }: Held): void {
    this.#move('job', job, before.state, job.state)
    this.#move('letter', job, letterBefore?.status, letter?.status)
    this.#move('given-up', job, isGivenUp(before, letterBefore) ? 'dead' : undefined, isGivenUp(job, letter) ? 'dead' : undefined)
  }

  changes(): readonly CountChange[] {
    return [...this.#sums.values()].filter(({ n }) => n !== 0)
  }

  #move(subject: Subject, lane: { kind: string; target: string }, from: string | undefined, to: string | undefined): void {
    if (from === to) return
    if (from !== undefined) this.#add(subject, lane, from, -1)
    if (to !== undefined) this.#add(subject, lane, to, 1)
  }

  #add(subject: Subject, { kind, target }: { kind: string; target: string }, state: string, n: number): void {
    const name = JSON.stringify([subject, kind, target, state])
    const sum = this.#sums.get(name)
    if (sum === undefined) this.#sums.set(name, { subject, kind, target, state, n })
    else sum.n += n
  }
}

/** Every number there is, for a FROM: `subject, kind, target, state, n`, several rows of one name. */
export const ALL_COUNTS = `(
    SELECT subject, kind, target, state, n FROM @counts
    UNION ALL SELECT subject, kind, target, state, n FROM @count_changes) AS c`

const LOCK = `SELECT pg_try_advisory_xact_lock(hashtextextended('holdfast counts ' || '@counts', 0)) AS mine`
const ADD_UP = `
  WITH taken AS (DELETE FROM @count_changes RETURNING *)
  INSERT INTO @counts AS c (subject, kind, target, state, n)
  SELECT subject, kind, target, state, sum(n) FROM taken GROUP BY subject, kind, target, state
  ON CONFLICT (subject, kind, target, state) DO UPDATE SET n = c.n + excluded.n`
/** A lane that nothing is left of must not stay behind. */
const SWEEP = 'DELETE FROM @counts WHERE n = 0'

/** Adds the changes up, unless somebody else is at it; needs a transaction. */
export async function addUp(session: Session): Promise<void> {
  const [lock] = await session.rows<{ mine: boolean }>(LOCK, [])
  if (lock?.mine !== true) return
  await session.rows(ADD_UP, [])
  await session.rows(SWEEP, [])
}
