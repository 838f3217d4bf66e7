/**
 * Jobs in this process's memory: for tests, examples and work that may be lost. It keeps every rule of the port except
 * surviving the process.
 */
import type { Clock } from '../../core/clock.ts'
import { systemClock } from '../../core/clock.ts'
import type { StoredState } from '../../core/state-store.ts'
import { checkKnown } from '../../core/validate.ts'
import type { Batch, BatchEnqueued, CompletedBatch, NewBatch } from '../../work/batch.ts'
import { withSummary } from '../../work/batch.ts'
import type { DeadLetter, Enqueued, Job, NewJob } from '../../work/job.ts'
import type {
  ClaimRequest,
  DeadLetterCount,
  DeadLetterFilter,
  Fence,
  JobCount,
  JobFilter,
  JobStore,
  Page,
  PruneRequest,
  ReadyLane,
  RedriveRequest,
  RenewResult,
  RunningKey,
  Settlement,
  WorkerRow,
} from '../../work/store.ts'
import { after, cancelled, claimed, newJob, redriven, retried, settled } from '../rules/job-changes.ts'
import { KeySlots } from '../rules/key-slots.ts'
import { inLaneOrder } from '../rules/lane-order.ts'
import { letterOf } from '../rules/letter-changes.ts'
import { pageLimit, readCursor, toPage } from '../rules/paging.ts'
import { notOpen } from '../rules/unavailable.ts'
import { WorkListeners } from '../rules/work-listeners.ts'
import { BatchTable } from './batch-table.ts'
import { countJobs, countLetters } from './counting.ts'
import type { JobRow } from './job-row.ts'
import { JobTable } from './job-table.ts'
import { KeyTable } from './key-table.ts'
import { LetterTable, matchesLane } from './letter-table.ts'
import { prunable } from './pruning.ts'

export interface MemoryStoreOptions {
  /** Default: the system's. Its `wallNow` is the store's clock. */
  readonly clock?: Clock
}

/**
 * Makes a store that forgets everything when it is closed.
 *
 * @example
 * const store = memoryStore()
 * await store.open()
 */
export function memoryStore(options: MemoryStoreOptions = {}): JobStore {
  checkKnown(options, ['clock'], 'memoryStore')
  return new MemoryStore(options.clock ?? systemClock)
}

class MemoryStore implements JobStore {
  readonly capabilities = { name: 'memory', durable: false, multiProcess: false } as const
  readonly description = 'memory:'
  readonly #clock: Clock
  readonly #listeners = new WorkListeners()
  #phase: 'new' | 'open' | 'closed' = 'new'
  #jobs = new JobTable()
  #keys = new KeyTable()
  #letters = new LetterTable()
  #batches = new BatchTable(this.#jobs)
  #workers = new Map<string, WorkerRow>()
  #states = new Map<string, { readonly json: string; readonly updatedAt: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async open(): Promise<void> {
    if (this.#phase === 'closed') throw notOpen(this.description, true)
    this.#phase = 'open'
  }

  async close(): Promise<void> {
    this.#phase = 'closed'
    this.#listeners.clear()
    this.#jobs = new JobTable()
    this.#keys = new KeyTable()
    this.#letters = new LetterTable()
    this.#batches = new BatchTable(this.#jobs)
    this.#workers = new Map()
    this.#states = new Map()
  }

  async check(): Promise<void> {
    this.#now()
  }

  async now(): Promise<number> {
    return this.#now()
  }

  async enqueue(jobs: readonly NewJob[]): Promise<readonly Enqueued[]> {
    return this.#enqueue(jobs, this.#now())
  }

  #enqueue(jobs: readonly NewJob[], now: number, batchId?: string): readonly Enqueued[] {
    // Before anything is kept: a payload that is not JSON throws here.
    const payloads = jobs.map((job) => JSON.stringify(job.payload) as string | undefined)
    const answers = this.#keys.answer(jobs, now, (id) => this.#jobs.byId(id)?.job)
    for (const [index, job] of jobs.entries())
      if (answers[index]?.stored) this.#jobs.add(newJob(job, now, batchId), payloads[index])
    if (answers.some((answer) => answer.stored)) this.#listeners.tell()
    return answers.map(({ id, state, duplicate }) => ({ id, state, duplicate }))
  }

  async enqueueBatch(batch: NewBatch, jobs: readonly NewJob[]): Promise<BatchEnqueued> {
    const now = this.#now()
    const { id } = batch
    if (this.#batches.has(id))
      return {
        id,
        duplicate: true,
        jobs: this.#jobs.ofBatch(id).map(({ job }) => ({ id: job.id, state: job.state, duplicate: true })),
      }
    const answers = this.#enqueue(jobs, now, id)
    this.#batches.add(batch, answers.filter(({ duplicate }) => !duplicate).length, now)
    return { id, duplicate: false, jobs: answers }
  }

  async completeBatches(ids: readonly string[]): Promise<readonly CompletedBatch[]> {
    const now = this.#now()
    const completed = ids.map((id) => this.#batches.complete(id, now)).filter((batch) => batch !== undefined)
    for (const { callback, summary } of completed)
      if (callback !== undefined) this.#enqueue([withSummary(callback, summary)], now)
    return completed
  }

  async openBatches(beyond: string, limit: number): Promise<readonly string[]> {
    this.#now()
    return this.#batches.open(beyond, limit)
  }

  async batch(id: string): Promise<Batch | undefined> {
    this.#now()
    return this.#batches.get(id)
  }

  async readyLanes(kinds: readonly string[], limit: number): Promise<readonly ReadyLane[]> {
    this.#jobs.promote(this.#now())
    return inLaneOrder([...new Set(kinds)].flatMap((kind) => this.#jobs.readyLanes(kind))).slice(0, limit)
  }

  async nextRunAt(): Promise<number | undefined> {
    this.#now()
    return this.#jobs.nextScheduled()
  }

  async claim(request: ClaimRequest): Promise<readonly Job[]> {
    const now = this.#now()
    this.#jobs.promote(now)
    const taken: Job[] = []
    for (const lane of request.lanes) {
      const last = taken.length + lane.limit
      const slots = lane.perKey === undefined ? undefined : this.#keySlots(lane.kind, lane.perKey)
      if (lane.limit > 0)
        for (const row of this.#jobs.waitingIn(lane)?.inOrder(slots) ?? []) {
          this.#jobs.replace(row, claimed(row.job, request.worker, request.leaseMs, now))
          taken.push(show(row))
          if (taken.length >= last) break
        }
    }
    return taken
  }

  #keySlots(kind: string, perKey: number): KeySlots {
    const keys = this.#jobs.runningKeys().filter((running) => running.kind === kind)
    return new KeySlots(perKey, new Map(keys.map(({ key, count }) => [key, count])))
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly string[]> {
    const now = this.#now()
    const refused: string[] = []
    for (const settlement of settlements) {
      const row = this.#held(settlement)
      if (row === undefined) refused.push(settlement.id)
      else this.#settle(row, settlement, now)
    }
    return refused
  }

  #settle(row: JobRow, settlement: Settlement, now: number): void {
    const before = row.job
    const job = settled(before, copied(settlement), now)
    this.#jobs.replace(row, job)
    if (settlement.type === 'dead') this.#letters.write(letterOf(job, settlement, this.#letters.get(job.id), now))
    else this.#letters.close(job)
  }

  async renew(worker: WorkerRow, leaseMs: number, held: readonly Fence[]): Promise<RenewResult> {
    const now = this.#now()
    this.#workers.set(worker.id, { ...worker, startedAt: this.#workers.get(worker.id)?.startedAt ?? now, seenAt: now })
    const lost: string[] = []
    const cancels: string[] = []
    for (const fence of held) {
      const row = this.#held(fence)
      if (row === undefined || row.job.worker !== worker.id) {
        lost.push(fence.id)
        continue
      }
      row.job = { ...row.job, leaseUntil: after(now, leaseMs) }
      if (row.job.cancelRequested) cancels.push(fence.id)
    }
    return { lost, cancelled: cancels }
  }

  async workers(): Promise<readonly WorkerRow[]> {
    this.#now()
    return [...this.#workers.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  async removeWorkers(ids: readonly string[]): Promise<void> {
    this.#now()
    for (const id of ids) this.#workers.delete(id)
  }

  async abandoned(deadWorkers: readonly string[], limit: number): Promise<readonly Job[]> {
    const now = this.#now()
    const dead = new Set(deadWorkers)
    const rows = [...this.#jobs.running].filter(({ job }) => {
      const worker = job.worker as string
      return (job.leaseUntil as number) <= now || dead.has(worker) || !this.#workers.has(worker)
    })
    return rows
      .sort((a, b) => a.seq - b.seq)
      .slice(0, limit)
      .map(show)
  }

  async runningKeys(): Promise<readonly RunningKey[]> {
    this.#now()
    return this.#jobs.runningKeys()
  }

  async get(id: string): Promise<Job | undefined> {
    this.#now()
    const row = this.#jobs.byId(id)
    return row && show(row)
  }

  async list(filter: JobFilter): Promise<Page<Job>> {
    this.#now()
    const limit = pageLimit(filter.limit)
    const cursor = readCursor(filter.cursor)
    const rows: JobRow[] = []
    for (let at = this.#jobs.rows.length - 1; at >= 0 && rows.length <= limit; at--) {
      const row = this.#jobs.rows[at] as JobRow
      if (
        row.seq < cursor &&
        (filter.state === undefined || row.job.state === filter.state) &&
        matchesLane(row.job, filter) &&
        (filter.batch ?? row.job.batchId) === row.job.batchId
      )
        rows.push(row)
    }
    return toPage(rows, limit, (row) => row.seq, show)
  }

  async counts(): Promise<readonly JobCount[]> {
    this.#now()
    return countJobs(this.#jobs.rows.map((row) => row.job))
  }

  async cancel(id: string): Promise<Job | undefined> {
    const now = this.#now()
    const row = this.#jobs.byId(id)
    if (row === undefined) return undefined
    const { state } = row.job
    if (state === 'running') row.job = { ...row.job, cancelRequested: true }
    else if (state === 'scheduled' || state === 'available' || state === 'parked') {
      this.#jobs.replace(row, cancelled(row.job, now))
      this.#letters.close(row.job)
    }
    return show(row)
  }

  async retry(id: string): Promise<Job | undefined> {
    const now = this.#now()
    const row = this.#jobs.byId(id)
    if (row === undefined) return undefined
    const { state } = row.job
    const job = retried(row.job, now)
    if (job !== undefined) {
      this.#jobs.replace(row, job)
      if (state === 'dead' || state === 'cancelled') this.#letters.retry(job, now)
      this.#listeners.tell()
    }
    return show(row)
  }

  async deadLetters(filter: DeadLetterFilter): Promise<Page<DeadLetter>> {
    this.#now()
    return this.#letters.list(filter)
  }

  async deadLetterCounts(): Promise<readonly DeadLetterCount[]> {
    this.#now()
    return countLetters(this.#letters.all)
  }

  async redrive(request: RedriveRequest): Promise<readonly string[]> {
    const now = this.#now()
    const found = this.#letters.redrivable(request, now)
    if (request.dryRun) return found
    for (const id of found) this.#redrive(id, request.by, now)
    if (found.length > 0) this.#listeners.tell()
    return found
  }

  #redrive(id: string, by: string, now: number): void {
    const row = this.#jobs.byId(id) as JobRow
    this.#jobs.replace(row, redriven(row.job, by, now))
    this.#letters.retry(row.job, now)
  }

  async discard(id: string): Promise<DeadLetter | undefined> {
    this.#now()
    return this.#letters.discard(id)
  }

  async prune(request: PruneRequest): Promise<number> {
    const now = this.#now()
    const gone = prunable(this.#jobs.rows, (id) => this.#letters.get(id), request, now)
    for (const { job } of gone) {
      this.#letters.remove(job.id)
      this.#keys.jobGone(job)
    }
    this.#batches.rememberPruned(gone)
    this.#jobs.remove(gone)
    const batches = new Set(Array.from(gone, ({ job }) => job.batchId))
    const ended = this.#batches.prune(batches, now - request.olderThanMs, request.limit - gone.size)
    return gone.size + ended + this.#keys.expire(now, request.limit - gone.size - ended)
  }

  async readStates(prefix: string): Promise<readonly StoredState[]> {
    this.#now()
    return [...this.#states]
      .filter(([name]) => name.startsWith(prefix))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, { json, updatedAt }]) => ({ name, value: JSON.parse(json) as unknown, updatedAt }))
  }

  async writeState(name: string, value: unknown): Promise<void> {
    this.#states.set(name, { updatedAt: this.#now(), json: JSON.stringify(value) ?? 'null' })
  }

  async deleteState(name: string): Promise<void> {
    this.#now()
    this.#states.delete(name)
  }

  onWork(listener: () => void): () => void {
    return this.#listeners.add(listener)
  }

  #now(): number {
    if (this.#phase !== 'open') throw notOpen(this.description, this.#phase === 'closed')
    return Math.floor(this.#clock.wallNow())
  }

  /** The row that this fence still holds. */
  #held(fence: Fence): JobRow | undefined {
    const row = this.#jobs.byId(fence.id)
    return row?.job.state === 'running' && row.job.token === fence.token ? row : undefined
  }
}

function show(row: JobRow): Job {
  const { result } = row.job
  return {
    ...row.job,
    payload: row.payload === undefined ? undefined : (JSON.parse(row.payload) as unknown),
    ...(result === undefined ? {} : { result: structuredClone(result) }),
  }
}

/** A result as JSON keeps it, so that nobody shares it. */
function copied(settlement: Settlement): Settlement {
  if (settlement.type !== 'succeeded' || settlement.result === undefined) return settlement
  const json = JSON.stringify(settlement.result) as string | undefined
  return { ...settlement, result: json === undefined ? undefined : JSON.parse(json) }
}
