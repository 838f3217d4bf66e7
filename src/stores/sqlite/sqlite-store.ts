/**
 * Jobs in a SQLite file, by `node:sqlite`: durable, shared by the processes of one host, and nothing to install.
 *
 * Every write is one `BEGIN IMMEDIATE` transaction in write-ahead mode. With `durability: 'full'` an acknowledged write
 * survives a power cut; with `'normal'` it survives a crash of the process, and a power cut may take the last moments, never
 * the file. Not for network file systems: their locks and shared memory do not hold.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { SharedState } from '../../core/shared-state.ts'
import type { StoredState } from '../../core/state-store.ts'
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
  StoreCapabilities,
  WorkerRow,
} from '../../work/store.ts'
import { LastServed } from '../rules/last-served.ts'
import { WorkListeners } from '../rules/work-listeners.ts'
import { completable, completeBatches, enqueueBatch, findBatch, openBatches, pageBatches } from './batches.ts'
import * as byHand from './by-hand.ts'
import { CallersTransactions } from './callers-transaction.ts'
import { claim } from './claim.ts'
import type { DatabaseOptions } from './database.ts'
import { Database } from './database.ts'
import { deadLetterFacts, deadLetters, discard, redrive } from './dead-letters.ts'
import { enqueue } from './enqueue.ts'
import { FileHints } from './file-hints.ts'
import { findJob } from './job-rows.ts'
import { nextRunAt, promote, readyLanes } from './lanes.ts'
import { abandoned, removeWorkers, renew, runningKeys, workers } from './leases.ts'
import type { SqliteStoreOptions } from './options.ts'
import { checkOptions } from './options.ts'
import { prune } from './prune.ts'
import { counts, deadLetterCounts, list } from './reads.ts'
import { settle } from './settle.ts'
import { SharedCommit } from './shared-commit.ts'
import { SharedStateInSqlite } from './sqlite-shared-state.ts'
import { deleteState, readStates, writeState } from './states.ts'
import type { Transaction } from './transaction.ts'

/** A store that also works in transactions of the caller's own. */
export interface SqliteStore extends JobStore {
  /**
   * Stores jobs in a transaction that the caller has begun, best with `BEGIN IMMEDIATE`, on a connection of their own to the
   * same file: they are there when it commits, and never were when it rolls back. Synchronous. The worker of this process
   * hears of them soon after the commit, others find them when they look. `JobQueue.announce` tells listeners.
   *
   * How durable the commit is, the caller's connection decides (`PRAGMA synchronous`).
   *
   * @throws OptionError for a connection to another file, or without a transaction; HoldfastError with
   *   `ERR_IDEMPOTENCY_MISMATCH` or `ERR_STORE_UNAVAILABLE`, of which nothing is left in the transaction
   */
  enqueueWith(db: DatabaseSync, jobs: readonly NewJob[]): readonly Enqueued[]
  /**
   * Completes a job that a handler has under way, in a transaction of the caller's: what the handler records and the success
   * of its job become true together, or not at all. `fence` is the handler's `context.fence`; return soon after the commit.
   *
   * @throws HoldfastError with `ERR_LEASE_LOST` when another worker has the job by now: roll back
   */
  completeWith(db: DatabaseSync, fence: Fence, result?: unknown): void
  /** What processes share beside jobs, in the same file over the same connection. The store is opened and closed by itself. */
  sharedState(): SharedState
}

/**
 * Makes a store on a file. Nothing is touched until `open`.
 *
 * @throws OptionError
 * @example
 * const store = sqliteStore({ path: 'var/holdfast.db' })
 * await store.open()
 */
export function sqliteStore(options: SqliteStoreOptions): SqliteStore {
  return new StoreInSqlite(checkOptions(options, 'sqliteStore'))
}

/** More at once are worth a commit of their own. */
const FEW_JOBS = 20

class StoreInSqlite implements SqliteStore {
  readonly capabilities: StoreCapabilities
  readonly description: string
  readonly #database: Database
  readonly #listeners = new WorkListeners()
  readonly #lastServed = new LastServed()
  readonly #sharedCommit: SharedCommit | undefined
  readonly #callers: CallersTransactions
  readonly #hints: FileHints

  constructor(options: DatabaseOptions) {
    const { path, clock } = options
    const shared = path !== ':memory:'
    this.#database = new Database({ ...options, onOpened: () => shared && this.#hints.start() })
    // Without a wait for the disk there is nothing to share.
    this.#sharedCommit = shared && options.durability === 'full' ? new SharedCommit(this.#database) : undefined
    this.capabilities = { name: 'sqlite', durable: shared, multiProcess: shared }
    this.description = this.#database.description
    this.#callers = new CallersTransactions({
      path,
      description: this.description,
      clock,
      now: () => this.#database.now(),
      tell: () => this.#listeners.tell(),
    })
    this.#hints = new FileHints({
      path,
      clock,
      version: () => this.#database.read(({ sql }) => Number(sql('PRAGMA data_version').get()?.data_version)),
      onHint: () => this.#listeners.tell(),
    })
  }

  open(): Promise<void> {
    return this.#database.open()
  }

  async close(): Promise<void> {
    this.#hints.stop()
    this.#database.close()
    this.#listeners.clear()
  }

  async check(): Promise<void> {
    await this.#database.write((tx) => tx.sql('INSERT OR REPLACE INTO holdfast_check (id, at) VALUES (1, ?)').run(tx.now))
  }

  async now(): Promise<number> {
    return this.#database.now()
  }

  async enqueue(jobs: readonly NewJob[]): Promise<readonly Enqueued[]> {
    const work = (tx: Transaction): readonly Enqueued[] => enqueue(tx, jobs)
    const writes = jobs.length <= FEW_JOBS ? (this.#sharedCommit ?? this.#database) : this.#database
    const answers = await writes.write(work)
    if (answers.some(({ duplicate }) => !duplicate)) this.#listeners.tell()
    return answers
  }

  enqueueWith(db: DatabaseSync, jobs: readonly NewJob[]): readonly Enqueued[] {
    return this.#callers.enqueue(db, jobs)
  }

  completeWith(db: DatabaseSync, fence: Fence, result?: unknown): void {
    this.#callers.complete(db, fence, result)
  }

  async enqueueBatch(batch: NewBatch, jobs: readonly NewJob[]): Promise<BatchEnqueued> {
    const answer = await this.#database.write((tx) => enqueueBatch(tx, batch, jobs))
    if (!answer.duplicate) this.#listeners.tell()
    return answer
  }

  /** Takes the write lock only when a batch is to be ended. */
  async completeBatches(ids: readonly string[]): Promise<readonly CompletedBatch[]> {
    const ended = await this.#database.read((tx) => completable(tx, ids))
    if (ended.length === 0) return []
    const completed = await this.#database.write((tx) => completeBatches(tx, ended))
    if (completed.length > 0) this.#listeners.tell()
    return completed
  }

  openBatches(beyond: string, limit: number): Promise<readonly string[]> {
    return this.#database.read((tx) => openBatches(tx, beyond, limit))
  }

  batch(id: string): Promise<Batch | undefined> {
    return this.#database.read((tx) => findBatch(tx, id))
  }

  batches(filter: BatchFilter): Promise<Page<Batch>> {
    return this.#database.read((tx) => pageBatches(tx, filter))
  }

  /** Takes the write lock only when something has become due: idle polls just read. */
  async readyLanes(kinds: readonly string[], limit: number): Promise<readonly ReadyLane[]> {
    const due = await this.#database.read((tx) => (nextRunAt(tx) ?? Number.POSITIVE_INFINITY) <= tx.now)
    if (due) await this.#database.write(promote)
    return this.#database.read((tx) => readyLanes(tx, kinds, limit))
  }

  nextRunAt(): Promise<number | undefined> {
    return this.#database.read(nextRunAt)
  }

  claim(request: ClaimRequest): Promise<readonly Job[]> {
    return this.#database.write((tx) => claim(tx, request, this.#lastServed))
  }

  settle(settlements: readonly Settlement[]): Promise<readonly string[]> {
    return this.#database.write((tx) => settle(tx, settlements))
  }

  renew(worker: WorkerRow, leaseMs: number, held: readonly Fence[]): Promise<RenewResult> {
    return this.#database.write((tx) => renew(tx, worker, leaseMs, held))
  }

  workers(): Promise<readonly WorkerRow[]> {
    return this.#database.read(workers)
  }

  removeWorkers(ids: readonly string[]): Promise<void> {
    return this.#database.write((tx) => removeWorkers(tx, ids))
  }

  abandoned(deadWorkers: readonly string[], limit: number): Promise<readonly Job[]> {
    return this.#database.read((tx) => abandoned(tx, deadWorkers, limit))
  }

  runningKeys(): Promise<readonly RunningKey[]> {
    return this.#database.read(runningKeys)
  }

  get(id: string): Promise<Job | undefined> {
    return this.#database.read((tx) => findJob(tx, id)?.job)
  }

  list(filter: JobFilter): Promise<Page<Job>> {
    return this.#database.read((tx) => list(tx, filter))
  }

  counts(): Promise<readonly JobCount[]> {
    return this.#database.read(counts)
  }

  cancel(id: string): Promise<Job | undefined> {
    return this.#database.write((tx) => byHand.cancel(tx, id))
  }

  async retry(id: string): Promise<Job | undefined> {
    const answer = await this.#database.write((tx) => byHand.retry(tx, id))
    if (answer?.again) this.#listeners.tell()
    return answer?.job
  }

  deadLetters(filter: DeadLetterFilter): Promise<Page<DeadLetter>> {
    return this.#database.read((tx) => deadLetters(tx, filter))
  }

  deadLetterCounts(): Promise<readonly DeadLetterCount[]> {
    return this.#database.read(deadLetterCounts)
  }

  deadLetterFacts(): Promise<DeadLetterFacts> {
    return this.#database.read(deadLetterFacts)
  }

  async redrive(request: RedriveRequest): Promise<readonly string[]> {
    if (request.dryRun) return this.#database.read((tx) => redrive(tx, request))
    const ids = await this.#database.write((tx) => redrive(tx, request))
    if (ids.length > 0) this.#listeners.tell()
    return ids
  }

  discard(id: string): Promise<DeadLetter | undefined> {
    return this.#database.write((tx) => discard(tx, id))
  }

  prune(request: PruneRequest): Promise<number> {
    return this.#database.write((tx) => prune(tx, request))
  }

  readStates(prefix: string): Promise<readonly StoredState[]> {
    return this.#database.read((tx) => readStates(tx, prefix))
  }

  writeState(name: string, value: unknown): Promise<void> {
    return this.#database.write((tx) => writeState(tx, name, value))
  }

  deleteState(name: string): Promise<void> {
    return this.#database.write((tx) => deleteState(tx, name))
  }

  sharedState(): SharedState {
    return new SharedStateInSqlite(this.#database, this.capabilities.durable, false)
  }

  onWork(listener: () => void): () => void {
    return this.#listeners.add(listener)
  }
}
