/**
 * Shared state in PostgreSQL, for processes of many hosts. Beside a job store it is in the same schema, over the same
 * connections: `store.sharedState()`.
 *
 * The server's clock is the only one. Each operation is one way there and back: a function that locks one row. Words and limits
 * never wait for the server's disk, leases and records of work that must happen once do as its settings say.
 */
import { randomUUID } from 'node:crypto'
import type { Clock } from '../../core/clock.ts'
import { systemClock } from '../../core/clock.ts'
import type { Random } from '../../core/random.ts'
import { systemRandom } from '../../core/random.ts'
import type {
  BeginAnswer,
  BeginRequest,
  Exchange,
  ExchangeAnswer,
  FinishRequest,
  LeaseAnswer,
  SharedCapabilities,
  SharedState,
  SharedWarning,
  TakeAnswer,
  TakeRequest,
} from '../../core/shared-state.ts'
import type { StoredState } from '../../core/state-store.ts'
import type { GiveBackRequest } from '../rules/shared-arguments.ts'
import {
  checkBegin,
  checkExchange,
  checkFinish,
  checkGiveBack,
  checkShared,
  checkTake,
  lasting,
  RESEND_MS,
  toJson,
} from '../rules/shared-arguments.ts'
import { notOpen } from '../rules/unavailable.ts'
import { WorkListeners } from '../rules/work-listeners.ts'
import type { Work } from './database.ts'
import { Database } from './database.ts'
import { Hints } from './hints.ts'
import type { NowAndThen } from './now-and-then.ts'
import type { PostgresStoreOptions } from './options.ts'
import { checkOptions } from './options.ts'
import type { PgPool } from './pg-types.ts'
import { makePool } from './pool.ts'
import { CLOCK } from './session.ts'
import * as buckets from './shared/buckets.ts'
import * as leases from './shared/leases.ts'
import * as once from './shared/once.ts'
import { sweepNowAndThen } from './shared/sweep.ts'
import type { Telling } from './shared/words.ts'
import * as words from './shared/words.ts'
import { Statements } from './statement.ts'
import { deleteState, readStates, writeState } from './states.ts'

/**
 * Shared state in PostgreSQL 12 or later, over connections of its own. Open it before use. Where there is a job store in the
 * database, take its `sharedState()` instead.
 *
 * @throws OptionError
 * @example
 * // given process
 * const state = postgresSharedState({ url: process.env.DATABASE_URL ?? 'postgres://localhost/app' })
 * await state.open()
 */
export function postgresSharedState(options: PostgresStoreOptions): SharedState {
  const checked = checkOptions(options, systemClock, systemRandom, 'postgresSharedState')
  const { pool, schema, prepare } = checked
  const database = new Database({
    ...checked,
    statements: new Statements(schema, prepare),
    makePool: pool === undefined ? () => makePool(checked) : () => Promise.resolve<PgPool>(pool),
    ownsPool: pool === undefined,
  })
  return new SharedStateInPostgres({ ...checked, database, ownsDatabase: true })
}

export interface SharedParts {
  readonly database: Database
  /** Whether it is opened and closed with this, or by the store that it belongs to. */
  readonly ownsDatabase: boolean
  readonly schema: string
  readonly notify: boolean
  readonly clock: Clock
  readonly random: Random
}

export class SharedStateInPostgres implements SharedState {
  readonly capabilities: SharedCapabilities = { name: 'postgres', durable: true, multiHost: true }
  readonly description: string
  readonly #database: Database
  readonly #ownsDatabase: boolean
  readonly #listeners = new WorkListeners()
  readonly #sweep: NowAndThen
  readonly #hints: Hints | undefined
  readonly #telling: Telling
  #phase: 'new' | 'open' | 'closed' = 'new'
  #listening: Promise<void> | undefined

  constructor({ database, ownsDatabase, schema, notify, clock, random }: SharedParts) {
    this.#database = database
    this.#ownsDatabase = ownsDatabase
    this.description = database.description
    this.#sweep = sweepNowAndThen(database)
    const channel = `${schema}_words`
    if (notify)
      this.#hints = new Hints({
        channel,
        connect: () => database.connect(),
        onHint: () => this.#listeners.tell(),
        clock,
        random,
      })
    this.#telling = { channel, id: this.#hints?.id ?? randomUUID() }
  }

  async open(): Promise<void> {
    if (this.#phase === 'closed') throw notOpen(this.description, true)
    this.#phase = 'open'
    if (this.#ownsDatabase) await this.#database.open()
    if (this.#listeners.size > 0) await this.#listen()
  }

  async close(): Promise<void> {
    this.#phase = 'closed'
    this.#hints?.stop()
    this.#listeners.clear()
    await this.#sweep.stop()
    if (this.#ownsDatabase) await this.#database.close()
  }

  async check(): Promise<readonly SharedWarning[]> {
    const text = `WITH ${CLOCK} INSERT INTO @probe (id, at) SELECT 1, now FROM clock
      ON CONFLICT (id) DO UPDATE SET at = excluded.at`
    await this.#run((session) => session.rows(text, [session.told]))
    return []
  }

  async now(): Promise<number> {
    const text = `WITH ${CLOCK} SELECT now FROM clock`
    const rows = await this.#run((session) => session.rows<{ now: number }>(text, [session.told]))
    return rows[0]?.now as number
  }

  async acquire(name: string, owner: string, ttlMs: number): Promise<LeaseAnswer> {
    const ttl = lasting(ttlMs, 'ttlMs')
    checkShared(name, 'name')
    checkShared(owner, 'owner')
    return this.#run((session) => leases.acquire(session, name, owner, ttl))
  }

  async release(name: string, owner: string): Promise<void> {
    checkShared(name, 'name')
    checkShared(owner, 'owner')
    await this.#run((session) => leases.release(session, name, owner))
  }

  async exchange(exchange: Exchange): Promise<ExchangeAnswer> {
    const checked = checkExchange(exchange)
    return this.#run((session) => words.exchange(session, checked, this.#telling))
  }

  async fallSilent(reporter: string): Promise<void> {
    checkShared(reporter, 'reporter')
    await this.#run((session) => words.fallSilent(session, reporter, this.#telling))
  }

  async take(request: TakeRequest): Promise<TakeAnswer> {
    const checked = checkTake(request)
    return this.#run((session) => buckets.take(session, checked))
  }

  async giveBack(request: GiveBackRequest): Promise<void> {
    const checked = checkGiveBack(request)
    await this.#run((session) => buckets.giveBack(session, checked))
  }

  async block(name: string, ms: number): Promise<void> {
    checkShared(name, 'name')
    const length = lasting(ms, 'ms', 0)
    await this.#run((session) => buckets.block(session, name, length))
  }

  async begin(request: BeginRequest): Promise<BeginAnswer> {
    const checked = checkBegin(request)
    // The same one when it is sent again.
    const token = randomUUID()
    return this.#run((session) => once.begin(session, checked, token))
  }

  async keep(name: string, token: string, leaseMs: number): Promise<boolean> {
    const lease = lasting(leaseMs, 'leaseMs')
    checkShared(name, 'name')
    checkShared(token, 'token')
    return this.#run((session) => once.settle(session, 'keep', name, token, lease))
  }

  async finish(request: FinishRequest): Promise<boolean> {
    const { name, token, json, keepMs } = checkFinish(request)
    return this.#run((session) => once.settle(session, 'finish', name, token, keepMs, json))
  }

  async drop(name: string, token: string): Promise<boolean> {
    checkShared(name, 'name')
    checkShared(token, 'token')
    return this.#run((session) => once.settle(session, 'drop', name, token, RESEND_MS))
  }

  async readStates(prefix: string): Promise<readonly StoredState[]> {
    return this.#run((session) => readStates(session, prefix))
  }

  async writeState(name: string, value: unknown): Promise<void> {
    checkShared(name, 'name')
    toJson(value)
    await this.#run((session) => writeState(session, name, value))
  }

  async deleteState(name: string): Promise<void> {
    await this.#run((session) => deleteState(session, name))
  }

  /** Keeps one more connection from the first listener on. */
  onWord(listener: () => void): () => void {
    const stop = this.#listeners.add(listener)
    if (this.#phase === 'open') void this.#listen()
    return stop
  }

  #listen(): Promise<void> {
    this.#listening ??= this.#hints?.start() ?? Promise.resolve()
    return this.#listening
  }

  /** All of them may be done twice, and are when a connection breaks before the answer. */
  async #run<T>(work: Work<T>): Promise<T> {
    if (this.#phase !== 'open') throw notOpen(this.description, this.#phase === 'closed')
    this.#sweep.note()
    return this.#database.run(work)
  }
}
