/**
 * The dead letters of a memory store, in the order in which they came.
 */
import type { DeadLetter, Job } from '../../work/job.ts'
import type { DeadLetterFacts, DeadLetterFilter, Lane, Page, RedriveRequest } from '../../work/store.ts'
import { closedLetter, discardedLetter, retryingLetter } from '../rules/letter-changes.ts'
import { CAUSES_LOOKED_AT, toFacts } from '../rules/letter-facts.ts'
import { pageLimit, readCursor, toPage } from '../rules/paging.ts'

interface Entry {
  readonly number: number
  letter: DeadLetter
}

export class LetterTable {
  /** A letter that is written again keeps its place. */
  readonly #entries = new Map<string, Entry>()
  #count = 0

  get all(): readonly DeadLetter[] {
    return [...this.#entries.values()].map(({ letter }) => letter)
  }

  get(id: string): DeadLetter | undefined {
    return this.#entries.get(id)?.letter
  }

  write(letter: DeadLetter): void {
    const entry = this.#entries.get(letter.id)
    if (entry === undefined) this.#entries.set(letter.id, { number: ++this.#count, letter })
    else entry.letter = letter
  }

  remove(id: string): void {
    this.#entries.delete(id)
  }

  /** The job has ended otherwise than by dying. */
  close(job: Job): void {
    const entry = this.#entries.get(job.id)
    if (entry !== undefined) entry.letter = closedLetter(entry.letter, job) ?? entry.letter
  }

  retry(job: Job, now: number): void {
    const entry = this.#entries.get(job.id)
    if (entry !== undefined) entry.letter = retryingLetter(entry.letter, job, now)
  }

  discard(id: string): DeadLetter | undefined {
    const entry = this.#entries.get(id)
    if (entry !== undefined) entry.letter = discardedLetter(entry.letter) ?? entry.letter
    return entry?.letter
  }

  list(filter: DeadLetterFilter): Page<DeadLetter> {
    const limit = pageLimit(filter.limit)
    const cursor = readCursor(filter.cursor)
    const found = [...this.#entries.values()]
      .filter(({ number, letter }) => number < cursor && (filter.status ?? letter.status) === letter.status)
      .filter(({ letter }) => matchesLane(letter, filter))
      .reverse()
    return toPage(
      found.slice(0, limit + 1),
      limit,
      (entry) => entry.number,
      (entry) => entry.letter,
    )
  }

  facts(): DeadLetterFacts {
    const open = this.all.filter(({ status }) => status === 'pending' || status === 'exhausted')
    const ofStatus = Map.groupBy(open, ({ status }) => status)
    const looked = [...ofStatus.values()].flatMap((letters) => letters.slice(-CAUSES_LOOKED_AT))
    const causes = Array.from(
      Map.groupBy(looked, ({ cause }) => cause),
      ([cause, letters]) => ({ cause, count: letters.length }),
    )
    const nextRetryAt = open.reduce((next, letter) => Math.min(next, letter.nextRetryAt ?? next), Number.POSITIVE_INFINITY)
    return toFacts(open[0]?.createdAt, Number.isFinite(nextRetryAt) ? nextRetryAt : undefined, causes)
  }

  /** The ids of those that may come back, oldest first. */
  redrivable(request: RedriveRequest, now: number): readonly string[] {
    const ids = request.ids && new Set(request.ids)
    return this.all
      .filter((letter) => (ids === undefined || ids.has(letter.id)) && mayComeBack(letter, request, now))
      .slice(0, request.limit ?? 100)
      .map(({ id }) => id)
  }
}

function mayComeBack(letter: DeadLetter, request: RedriveRequest, now: number): boolean {
  if (letter.status !== 'pending' && letter.status !== 'exhausted') return false
  if (request.targetDownOnly && !letter.targetDown) return false
  if (request.dueOnly && (letter.nextRetryAt === undefined || letter.nextRetryAt > now)) return false
  return matchesLane(letter, request)
}

/** An absent part of the filter matches all. */
export function matchesLane(
  row: Lane,
  filter: { readonly kind?: string | undefined; readonly target?: string | undefined },
): boolean {
  return (filter.kind ?? row.kind) === row.kind && (filter.target ?? row.target) === row.target
}
