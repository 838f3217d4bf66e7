/**
 * The batches of a memory store. Where their jobs stand, the job table knows.
 */
import type { Batch, CompletedBatch, NewBatch } from '../../work/batch.ts'
import { isFinal } from '../../work/lifecycle.ts'
import type { BatchFilter, Page } from '../../work/store.ts'
import { batchBounds, toBatchPage } from '../rules/batch-paging.ts'
import type { BatchRow, StateCount } from '../rules/batch-state.ts'
import { addUp, callbackOf, summaryOf, viewBatch } from '../rules/batch-state.ts'
import type { JobRow } from './job-row.ts'
import type { JobTable } from './job-table.ts'

/** The callback is JSON, so that nobody shares its payload. */
type Row = { -readonly [Field in keyof BatchRow]: BatchRow[Field] }

export class BatchTable {
  readonly #jobs: JobTable
  readonly #rows = new Map<string, Row>()

  constructor(jobs: JobTable) {
    this.#jobs = jobs
  }

  has(id: string): boolean {
    return this.#rows.has(id)
  }

  add({ id, callback }: NewBatch, total: number, now: number): void {
    const pruned = { succeeded: 0, dead: 0, cancelled: 0 }
    const json = callback === undefined ? null : JSON.stringify(callback)
    this.#rows.set(id, { id, total, created_at: now, callback: json, completed_at: null, ...pruned })
  }

  get(id: string): Batch | undefined {
    const row = this.#rows.get(id)
    return row && viewBatch(row, this.#statesOf(id))
  }

  page(filter: BatchFilter): Page<Batch> {
    const { openBelow, endedAt, endedBelow, limit } = batchBounds(filter)
    const rows = [...this.#rows.values()].sort((a, b) => (a.id < b.id ? 1 : -1))
    const open = rows.filter((row) => row.completed_at === null && row.id < openBelow)
    const ended = rows
      .filter(({ id, completed_at: at }) => at !== null && (at < endedAt || (at === endedAt && id < endedBelow)))
      .sort((a, b) => (b.completed_at as number) - (a.completed_at as number))
    const found = [...open, ...ended].slice(0, limit + 1)
    return toBatchPage(
      found.map(({ id }) => this.get(id) as Batch),
      limit,
    )
  }

  open(beyond: string, limit: number): readonly string[] {
    const open = [...this.#rows.values()].filter((row) => row.completed_at === null && row.id > beyond)
    return open
      .map(({ id }) => id)
      .sort()
      .slice(0, limit)
  }

  /** Undefined when it has ended already, or not yet. */
  complete(id: string, now: number): CompletedBatch | undefined {
    const row = this.#rows.get(id)
    const isPending = this.#jobs.ofBatch(id).some(({ job }) => !isFinal(job.state))
    if (row === undefined || row.completed_at !== null || isPending) return undefined
    row.completed_at = now
    const summary = summaryOf(row, addUp(row, this.#statesOf(id)))
    const callback = callbackOf(row)
    return callback === undefined ? { summary } : { summary, callback }
  }

  /** These jobs are about to be removed. */
  rememberPruned(gone: Iterable<JobRow>): void {
    for (const { job } of gone) {
      const row = job.batchId === undefined ? undefined : this.#rows.get(job.batchId)
      if (row !== undefined) row[job.state as 'succeeded' | 'dead' | 'cancelled']++
    }
  }

  /** Those that have ended, and whose last job is gone or which are old. Answers how many went. */
  prune(touched: ReadonlySet<string | undefined>, cutoff: number, limit: number): number {
    const ended = [...this.#rows.values()].filter((row) => row.completed_at !== null)
    const empty = ended.filter(({ id }) => touched.has(id) && this.#jobs.ofBatch(id).length === 0)
    const old = ended
      .filter((row) => !empty.includes(row) && (row.completed_at as number) < cutoff)
      .sort((a, b) => (a.completed_at as number) - (b.completed_at as number) || (a.id < b.id ? -1 : 1))
      .slice(0, Math.max(0, limit))
    for (const { id } of [...empty, ...old]) this.#rows.delete(id)
    return empty.length + old.length
  }

  #statesOf(id: string): readonly StateCount[] {
    return this.#jobs.ofBatch(id).map(({ job }) => ({ state: job.state, n: 1 }))
  }
}
