/**
 * The batches of a memory store. Where their jobs stand, the job table knows.
 */
import type { Batch, CompletedBatch, NewBatch } from '../../work/batch.ts'
import type { NewJob } from '../../work/job.ts'
import { isFinal } from '../../work/lifecycle.ts'
import type { BatchFilter, Page } from '../../work/store.ts'
import { batchBounds, toBatchPage } from '../rules/batch-paging.ts'
import type { StateCount } from '../rules/batch-state.ts'
import { addUp, summaryOf, viewBatch } from '../rules/batch-state.ts'
import type { JobRow } from './job-row.ts'
import type { JobTable } from './job-table.ts'

interface Row {
  readonly id: string
  readonly total: number
  readonly createdAt: number
  /** JSON, so that nobody shares its payload. */
  readonly callback: string | undefined
  completedAt: number | undefined
  succeeded: number
  dead: number
  cancelled: number
}

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
    const json = callback && JSON.stringify(callback)
    this.#rows.set(id, { id, total, createdAt: now, callback: json, completedAt: undefined, ...pruned })
  }

  get(id: string): Batch | undefined {
    const row = this.#rows.get(id)
    return row && viewBatch({ ...row, callback: callbackOf(row) }, this.#statesOf(id))
  }

  page(filter: BatchFilter): Page<Batch> {
    const { openBelow, endedAt, endedBelow, limit } = batchBounds(filter)
    const rows = [...this.#rows.values()].sort((a, b) => (a.id < b.id ? 1 : -1))
    const open = rows.filter(({ id, completedAt }) => completedAt === undefined && id < openBelow)
    const ended = rows
      .filter(({ id, completedAt: at = Infinity }) => at < endedAt || (at === endedAt && id < endedBelow))
      .sort((a, b) => (b.completedAt as number) - (a.completedAt as number))
    const found = [...open, ...ended].slice(0, limit + 1)
    return toBatchPage(
      found.map(({ id }) => this.get(id) as Batch),
      limit,
    )
  }

  open(beyond: string, limit: number): readonly string[] {
    const open = [...this.#rows.values()].filter(({ id, completedAt }) => completedAt === undefined && id > beyond)
    return open
      .map(({ id }) => id)
      .sort()
      .slice(0, limit)
  }

  /** Undefined when it has ended already, or not yet. */
  complete(id: string, now: number): CompletedBatch | undefined {
    const row = this.#rows.get(id)
    const isPending = this.#jobs.ofBatch(id).some(({ job }) => !isFinal(job.state))
    if (row === undefined || row.completedAt !== undefined || isPending) return undefined
    row.completedAt = now
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
    const ended = [...this.#rows.values()].filter(({ completedAt }) => completedAt !== undefined)
    const empty = ended.filter(({ id }) => touched.has(id) && this.#jobs.ofBatch(id).length === 0)
    const old = ended
      .filter((row) => !empty.includes(row) && (row.completedAt as number) < cutoff)
      .sort((a, b) => (a.completedAt as number) - (b.completedAt as number) || (a.id < b.id ? -1 : 1))
      .slice(0, Math.max(0, limit))
    for (const { id } of [...empty, ...old]) this.#rows.delete(id)
    return empty.length + old.length
  }

  #statesOf(id: string): readonly StateCount[] {
    return this.#jobs.ofBatch(id).map(({ job }) => ({ state: job.state, n: 1 }))
  }
}

function callbackOf({ callback }: Row): NewJob | undefined {
  return callback === undefined ? undefined : (JSON.parse(callback) as NewJob)
}
