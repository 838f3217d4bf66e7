/**
 * Jobs in PostgreSQL, by `pg`: durable, shared by the processes of many hosts.
 *
 * The server's clock is the only one. Each operation is one statement or one short transaction; what several processes may
 * want at once is locked row by row and passed over rather than waited for. A schema of its own keeps it apart from the
 * application's tables, in the same database, so that jobs can be enqueued in the application's own transactions.
 */
import { systemClock } from '../../core/clock.ts'
import { systemRandom } from '../../core/random.ts'
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
import { completable, completeBatch, enqueueBatch, findBatch, openBatches, pageBatches } from './batches.ts'
import * as byHand from './by-hand.ts'
import { CallersTransactions } from './callers-transaction.ts'
import { claim } from './claim.ts'
import { Database } from './database.ts'
import { deadLetterFacts, deadLetters, redrive } from './dead-letters.ts'
import { enqueue } from './enqueue.ts'
import { Hints } from './hints.ts'
import { nextRunAt, readyLanes } from './lanes.ts'
import { abandoned, removeWorkers, renew, runningKeys, workers } from './leases.ts'
import { NowAndThen } from './now-and-then.ts'
import type { CheckedOptions, PostgresStoreOptions } from './options.ts'
import { checkOptions } from './options.ts'
import type { PgClient, PgPool } from './pg-types.ts'
import { makePool } from './pool.ts'
import { SharedStateInPostgres } from './postgres-shared-state.ts'
import { prune } from './prune.ts'
import { counts, deadLetterCounts, findJob, list } from './reads.ts'
import { CLOCK } from './session.ts'
import { settle } from './settle.ts'
import { Statements } from './statement.ts'
import { deleteState, readStates, writeState } from './states.ts'
import { areSuccesses, succeedAtOnce } from './succeed.ts'
import { addUp } from './tally.ts'

/** A store that also takes jobs in the caller's own transactions. */
export interface PostgresStore extends JobStore {
  /**
   * Stores jobs in a transaction of the caller's: they are there when it commits, and never were when it rolls back. The store
   * must be open, and `client` be connected to its database. Workers hear of them at the commit. `JobQueue.announce` tells
   * listeners.
   *
   * @throws HoldfastError with `ERR_IDEMPOTENCY_MISMATCH` or `ERR_STORE_UNAVAILABLE`; the transaction is then aborted
   */
  enqueueWith(client: PgClient, jobs: readonly NewJob[]): Promise<readonly Enqueued[]>
  /**
   * Completes a job that a handler has under way, in a transaction of the caller's: what the handler records and the success
   * of its job become true together, or not at all. `fence` is the handler's `context.fence`. Do it last: the job's row is
   * locked until the transaction ends; and return soon after the commit.
   *
   * @throws HoldfastError with `ERR_LEASE_LOST` when another worker has the job by now: roll back
   */
  completeWith(client: PgClient, fence: Fence, result?: unknown): Promise<void>
  /** What processes share beside jobs, in the same schema over the same connections. The store is opened and closed by itself. */
  sharedState(): SharedState
}

/**
 * A store in PostgreSQL 12 or later. Open it before use.
 *
 * @throws OptionError
 * @example
 * // given process
 * const store = postgresStore({ url: process.env.DATABASE_URL ?? 'postgres://localhost/app' })
 * await store.open()
 */
export function postgresStore(options: PostgresStoreOptions): PostgresStore {
  return new StoreInPostgres(checkOptions(options, systemClock, systemRandom))
}

/** Statements that append changes of counts, between two times that these are added up; the sums are right all the same. */
const ADD_UP_EVERY = 500

class StoreInPostgres implements PostgresStore {
  readonly capabilities: StoreCapabilities = { name: 'postgres', durable: true, multiProcess: true }
  readonly description: string
  readonly #options: CheckedOptions
  readonly #database: Database
  readonly #listeners = new WorkListeners()
  readonly #lastServed = new LastServed()
  readonly #callers: CallersTransactions
  readonly #hints: Hints | undefined
  readonly #addUp: NowAndThen
  #started: Promise<void> | undefined

  constructor(options: CheckedOptions) {
    const { schema, clock, random, description } = options
    this.description = description
    this.#options = options
    this.#database = new Database({
      ...options,
      statements: new Statements(schema, options.prepare),
      makePool: options.pool === undefined ? () => makePool(options) : () => Promise.resolve(options.pool as PgPool),
      ownsPool: options.pool === undefined,
    })
    const channel = `${schema}_work`
    this.#callers = new CallersTransactions(this.#database, schema, channel)
    this.#addUp = new NowAndThen(ADD_UP_EVERY, () => this.#database.transaction(addUp))
    if (options.notify)
      this.#hints = new Hints({
        channel,
        connect: () => this.#database.connect(),
        onHint: () => this.#listeners.tell(),
        clock,
        random,
      })
  }

  async open(): Promise<void> {
    try {
      await this.#database.open()
    } finally {
      // Even when the server is away now: it may come back.
      this.#started ??= this.#hints?.start()
    }
    await this.#started
  }

  async close(): Promise<void> {
    this.#hints?.stop()
    this.#listeners.clear()
    await this.#addUp.stop()
    await this.#database.close()
  }

  async check(): Promise<void> {
    const text = `WITH ${CLOCK} INSERT INTO @probe (id, at) SELECT 1, now FROM clock
      ON CONFLICT (id) DO UPDATE SET at = excluded.at`
    await this.#database.run((session) => session.rows(text, [session.told]))
  }

  async now(): Promise<number> {
    const rows = await this.#database.run((session) =>
      session.rows<{ now: number }>(`WITH ${CLOCK} SELECT now FROM clock`, [session.told]),
    )
    return rows[0]?.now as number
  }

  async enqueue(jobs: readonly NewJob[]): Promise<readonly Enqueued[]> {
    // A repetition meets its own ids, and answers as the first time.
    const answers = await this.#database.run((session) => enqueue(session, jobs))
    if (answers.some(({ duplicate }) => !duplicate)) this.#tell()
    this.#addUp.note()
    return answers
  }

  enqueueWith(client: PgClient, jobs: readonly NewJob[]): Promise<readonly Enqueued[]> {
    return this.#callers.enqueue(client, jobs)
  }

  completeWith(client: PgClient, fence: Fence, result?: unknown): Promise<void> {
    return this.#callers.complete(client, fence, result)
  }

  async enqueueBatch(batch: NewBatch, jobs: readonly NewJob[]): Promise<BatchEnqueued> {
    const answer = await this.#database.transaction((session) => enqueueBatch(session, batch, jobs))
    if (!answer.duplicate) this.#tell()
    this.#addUp.note()
    return answer
  }

  /** Each in a transaction of its own: it locks one batch, so no two of these wait for each other in a circle. */
  async completeBatches(ids: readonly string[]): Promise<readonly CompletedBatch[]> {
    const completed: CompletedBatch[] = []
    for (const id of await this.#database.run((session) => completable(session, ids))) {
      const batch = await this.#database.transaction((session) => completeBatch(session, id))
      if (batch !== undefined) completed.push(batch)
    }
    if (completed.length > 0) this.#tell()
    return completed
  }

  openBatches(beyond: string, limit: number): Promise<readonly string[]> {
    return this.#database.run((session) => openBatches(session, beyond, limit))
  }

  batch(id: string): Promise<Batch | undefined> {
    return this.#database.run((session) => findBatch(session, id))
  }

  batches(filter: BatchFilter): Promise<Page<Batch>> {
    return this.#database.run((session) => pageBatches(session, filter))
  }

  readyLanes(kinds: readonly string[], limit: number): Promise<readonly ReadyLane[]> {
    return this.#database.run((session) => readyLanes(session, kinds, limit))
  }

  nextRunAt(): Promise<number | undefined> {
    return this.#database.run(nextRunAt)
  }

  /** Not repeated when the answer is lost: what was taken then is abandoned when its lease ends. */
  async claim(request: ClaimRequest): Promise<readonly Job[]> {
    const jobs = await this.#database.run((session) => claim(session, request, this.#lastServed), false)
    if (jobs.length > 0) this.#addUp.note()
    return jobs
  }

  /** Not repeated when the answer is lost: the fence would refuse what was done. */
  async settle(settlements: readonly Settlement[]): Promise<readonly string[]> {
    if (settlements.length === 0) return this.#nothing()
    let rest = settlements
    if (areSuccesses(settlements)) {
      rest = await this.#database.run((session) => succeedAtOnce(session, settlements), false)
      this.#addUp.note()
      if (rest.length === 0) return []
    }
    return this.#database.transaction((session) => settle(session, rest))
  }

  renew(worker: WorkerRow, leaseMs: number, held: readonly Fence[]): Promise<RenewResult> {
    return this.#database.run((session) => renew(session, worker, leaseMs, held))
  }

  workers(): Promise<readonly WorkerRow[]> {
    return this.#database.run(workers)
  }

  removeWorkers(ids: readonly string[]): Promise<void> {
    return this.#database.run((session) => removeWorkers(session, ids))
  }

  abandoned(deadWorkers: readonly string[], limit: number): Promise<readonly Job[]> {
    return this.#database.run((session) => abandoned(session, deadWorkers, limit))
  }

  runningKeys(): Promise<readonly RunningKey[]> {
    return this.#database.run(runningKeys)
  }

  get(id: string): Promise<Job | undefined> {
    return this.#database.run((session) => findJob(session, id))
  }

  list(filter: JobFilter): Promise<Page<Job>> {
    return this.#database.run((session) => list(session, filter))
  }

  counts(): Promise<readonly JobCount[]> {
    return this.#database.run(counts)
  }

  cancel(id: string): Promise<Job | undefined> {
    return this.#database.transaction((session) => byHand.cancel(session, id))
  }

  async retry(id: string): Promise<Job | undefined> {
    const answer = await this.#database.transaction((session) => byHand.retry(session, id))
    if (answer?.again) this.#tell()
    return answer?.job
  }

  deadLetters(filter: DeadLetterFilter): Promise<Page<DeadLetter>> {
    return this.#database.run((session) => deadLetters(session, filter))
  }

  deadLetterCounts(): Promise<readonly DeadLetterCount[]> {
    return this.#database.run(deadLetterCounts)
  }

  deadLetterFacts(): Promise<DeadLetterFacts> {
    return this.#database.run(deadLetterFacts)
  }

  async redrive(request: RedriveRequest): Promise<readonly string[]> {
    if (request.dryRun) return this.#database.run((session) => redrive(session, request))
    const ids = await this.#database.transaction((session) => redrive(session, request))
    if (ids.length > 0) this.#tell()
    return ids
  }

  discard(id: string): Promise<DeadLetter | undefined> {
    return this.#database.transaction((session) => byHand.discard(session, id))
  }

  prune(request: PruneRequest): Promise<number> {
    return this.#database.run((session) => prune(session, request))
  }

  readStates(prefix: string): Promise<readonly StoredState[]> {
    return this.#database.run((session) => readStates(session, prefix))
  }

  writeState(name: string, value: unknown): Promise<void> {
    return this.#database.run((session) => writeState(session, name, value))
  }

  deleteState(name: string): Promise<void> {
    return this.#database.run((session) => deleteState(session, name))
  }

  sharedState(): SharedState {
    return new SharedStateInPostgres({ ...this.#options, database: this.#database, ownsDatabase: false })
  }

  onWork(listener: () => void): () => void {
    return this.#listeners.add(listener)
  }

  /** Those in this process at once, the others by the server. */
  #tell(): void {
    this.#listeners.tell()
    this.#hints?.tell()
  }

  async #nothing(): Promise<readonly string[]> {
    this.#database.assertOpen()
    return []
  }
}
