/**
 * Jobs in this process's memory: for tests, examples and work that may be lost. It keeps every rule of the port except
 * surviving the process.
 */
import type { Clock } from '../../core/clock.ts'
import { systemClock } from '../../core/clock.ts'
import type { StoredState } from '../../core/state-store.ts'
import { checkKnown } from '../../core/validate.ts'
import type { Batch, BatchEnqueued, CompletedBatch, NewBatch } from '../../work/batch.ts'
import type { DeadLetter, Enqueued, Job, NewJob } from '../../work/job.ts'
import type {
  BatchFilter,
  ClaimRequest,
  DeadLetterCount,
  DeadLetterFacts,
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
import { inLaneOrder } from '../rules/lane-order.ts'
import { notOpen } from '../rules/unavailable.ts'
import { WorkListeners } from '../rules/work-listeners.ts'
import * as byHand from './by-hand.ts'
import { countJobs, countLetters } from './counting.ts'
import { show } from './job-row.ts'
import { abandoned, claim, renew, settle } from './leasing.ts'
import { list } from './listing.ts'
import { prune } from './pruning.ts'
import { Tables } from './tables.ts'
import { completeBatches, enqueue, enqueueBatch } from './taking-in.ts'

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
  #tables = new Tables()

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
    this.#tables = new Tables()
  }

  async check(): Promise<void> {
    this.#now()
  }

  async now(): Promise<number> {
    return this.#now()
  }

  async enqueue(jobs: readonly NewJob[]): Promise<readonly Enqueued[]> {
    const answers = enqueue(this.#tables, jobs, this.#now())
    if (answers.some(({ duplicate }) => !duplicate)) this.#listeners.tell()
    return answers
  }

  async enqueueBatch(batch: NewBatch, jobs: readonly NewJob[]): Promise<BatchEnqueued> {
    const answer = enqueueBatch(this.#tables, batch, jobs, this.#now())
    if (!answer.duplicate) this.#listeners.tell()
    return answer
  }

  async completeBatches(ids: readonly string[]): Promise<readonly CompletedBatch[]> {
    const completed = completeBatches(this.#tables, ids, this.#now())
    if (completed.length > 0) this.#listeners.tell()
    return completed
  }

  async openBatches(beyond: string, limit: number): Promise<readonly string[]> {
    return this.#open.batches.open(beyond, limit)
  }

  async batch(id: string): Promise<Batch | undefined> {
    return this.#open.batches.get(id)
  }

  async batches(filter: BatchFilter): Promise<Page<Batch>> {
    return this.#open.batches.page(filter)
  }

  async readyLanes(kinds: readonly string[], limit: number): Promise<readonly ReadyLane[]> {
    const { jobs } = this.#tables
    jobs.promote(this.#now())
    return inLaneOrder([...new Set(kinds)].flatMap((kind) => jobs.readyLanes(kind))).slice(0, limit)
  }

  async nextRunAt(): Promise<number | undefined> {
    return this.#open.jobs.nextScheduled()
  }

  async claim(request: ClaimRequest): Promise<readonly Job[]> {
    return claim(this.#tables, request, this.#now())
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly string[]> {
    return settle(this.#tables, settlements, this.#now())
  }

  async renew(worker: WorkerRow, leaseMs: number, held: readonly Fence[]): Promise<RenewResult> {
    return renew(this.#tables, worker, leaseMs, held, this.#now())
  }

  async workers(): Promise<readonly WorkerRow[]> {
    return [...this.#open.workers.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  async removeWorkers(ids: readonly string[]): Promise<void> {
    const { workers } = this.#open
    for (const id of ids) workers.delete(id)
  }

  async abandoned(deadWorkers: readonly string[], limit: number): Promise<readonly Job[]> {
    return abandoned(this.#tables, deadWorkers, limit, this.#now())
  }

  async runningKeys(): Promise<readonly RunningKey[]> {
    return this.#open.jobs.runningKeys()
  }

  async get(id: string): Promise<Job | undefined> {
    const row = this.#open.jobs.byId(id)
    return row && show(row)
  }

  async list(filter: JobFilter): Promise<Page<Job>> {
    return list(this.#open.jobs, filter)
  }

  async counts(): Promise<readonly JobCount[]> {
    return countJobs(this.#open.jobs.rows.map((row) => row.job))
  }

  async cancel(id: string): Promise<Job | undefined> {
    return byHand.cancel(this.#tables, id, this.#now())
  }

  async retry(id: string): Promise<Job | undefined> {
    const answer = byHand.retry(this.#tables, id, this.#now())
    if (answer?.again) this.#listeners.tell()
    return answer?.job
  }

  async deadLetters(filter: DeadLetterFilter): Promise<Page<DeadLetter>> {
    return this.#open.letters.list(filter)
  }

  async deadLetterCounts(): Promise<readonly DeadLetterCount[]> {
    return countLetters(this.#open.letters.all)
  }

  async deadLetterFacts(): Promise<DeadLetterFacts> {
    return this.#open.letters.facts()
  }

  async redrive(request: RedriveRequest): Promise<readonly string[]> {
    const ids = byHand.redrive(this.#tables, request, this.#now())
    if (ids.length > 0 && request.dryRun !== true) this.#listeners.tell()
    return ids
  }

  async discard(id: string): Promise<DeadLetter | undefined> {
    return this.#open.letters.discard(id)
  }

  async prune(request: PruneRequest): Promise<number> {
    return prune(this.#tables, request, this.#now())
  }

  async readStates(prefix: string): Promise<readonly StoredState[]> {
    return this.#open.states(prefix)
  }

  async writeState(name: string, value: unknown): Promise<void> {
    this.#tables.writeState(name, value, this.#now())
  }

  async deleteState(name: string): Promise<void> {
    this.#open.deleteState(name)
  }

  onWork(listener: () => void): () => void {
    return this.#listeners.add(listener)
  }

  /** The tables, of a store that is open. */
  get #open(): Tables {
    this.#now()
    return this.#tables
  }

  #now(): number {
    if (this.#phase !== 'open') throw notOpen(this.description, this.#phase === 'closed')
    return Math.floor(this.#clock.wallNow())
  }
}
