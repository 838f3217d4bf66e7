/**
 * Shared state in a SQLite file, for the processes of one host. Beside a job store it is in the same file, over the same
 * connection: `store.sharedState()`.
 *
 * Leases, words and limits are worth nothing after a power cut, which ends everybody who had them; they never wait for the disk.
 * Records of work that must happen once are as durable as the store.
 */
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
import { dropped, finished, kept } from '../rules/once-record.ts'
import type { GiveBackRequest } from '../rules/shared-arguments.ts'
import {
  checkBegin,
  checkExchange,
  checkFinish,
  checkGiveBack,
  checkShared,
  checkTake,
  lasting,
  toJson,
} from '../rules/shared-arguments.ts'
import { notOpen } from '../rules/unavailable.ts'
import { Database } from './database.ts'
import type { SqliteStoreOptions } from './options.ts'
import { checkOptions } from './options.ts'
import * as buckets from './shared/buckets.ts'
import * as leases from './shared/leases.ts'
import * as once from './shared/once.ts'
import { Sweep } from './shared/sweep.ts'
import * as words from './shared/words.ts'
import { deleteState, readStates, writeState } from './states.ts'
import type { Transaction } from './transaction.ts'

/**
 * Shared state on a file of its own. Nothing is touched until `open`. Where there is a job store on the file, take its
 * `sharedState()` instead.
 *
 * @throws OptionError
 * @example
 * const state = sqliteSharedState({ path: 'var/shared.db' })
 * await state.open()
 */
export function sqliteSharedState(options: SqliteStoreOptions): SharedState {
  const checked = checkOptions(options, 'sqliteSharedState')
  return new SharedStateInSqlite(new Database(checked), checked.path !== ':memory:', true)
}

export class SharedStateInSqlite implements SharedState {
  readonly capabilities: SharedCapabilities
  readonly description: string
  readonly #database: Database
  readonly #ownsDatabase: boolean
  readonly #sweep = new Sweep()
  #phase: 'new' | 'open' | 'closed' = 'new'

  /** @param ownsDatabase whether it is opened and closed with this, or by the store that it belongs to */
  constructor(database: Database, durable: boolean, ownsDatabase: boolean) {
    this.#database = database
    this.#ownsDatabase = ownsDatabase
    this.capabilities = { name: 'sqlite', durable, multiHost: false }
    this.description = database.description
  }

  async open(): Promise<void> {
    if (this.#phase === 'closed') throw notOpen(this.description, true)
    this.#phase = 'open'
    if (this.#ownsDatabase) await this.#database.open()
  }

  async close(): Promise<void> {
    this.#phase = 'closed'
    if (this.#ownsDatabase) this.#database.close()
  }

  async check(): Promise<readonly SharedWarning[]> {
    await this.#write((tx) => tx.sql('INSERT OR REPLACE INTO holdfast_check (id, at) VALUES (1, ?)').run(tx.now))
    return []
  }

  async now(): Promise<number> {
    this.#assertOpen()
    return this.#database.now()
  }

  async acquire(name: string, owner: string, ttlMs: number): Promise<LeaseAnswer> {
    const ttl = lasting(ttlMs, 'ttlMs')
    checkShared(name, 'name')
    checkShared(owner, 'owner')
    return this.#write((tx) => leases.acquire(tx, name, owner, ttl))
  }

  async release(name: string, owner: string): Promise<void> {
    checkShared(name, 'name')
    checkShared(owner, 'owner')
    await this.#write((tx) => leases.release(tx, name, owner))
  }

  async exchange(exchange: Exchange): Promise<ExchangeAnswer> {
    const checked = checkExchange(exchange)
    return this.#write((tx) => words.exchange(tx, checked))
  }

  async fallSilent(reporter: string): Promise<void> {
    checkShared(reporter, 'reporter')
    await this.#write((tx) => words.fallSilent(tx, reporter))
  }

  async take(request: TakeRequest): Promise<TakeAnswer> {
    const checked = checkTake(request)
    return this.#write((tx) => buckets.take(tx, checked))
  }

  async giveBack(request: GiveBackRequest): Promise<void> {
    const checked = checkGiveBack(request)
    await this.#write((tx) => buckets.giveBack(tx, checked))
  }

  async block(name: string, ms: number): Promise<void> {
    checkShared(name, 'name')
    const length = lasting(ms, 'ms', 0)
    await this.#write((tx) => buckets.block(tx, name, length))
  }

  async begin(request: BeginRequest): Promise<BeginAnswer> {
    const checked = checkBegin(request)
    return this.#write((tx) => once.begin(tx, checked), true)
  }

  async keep(name: string, token: string, leaseMs: number): Promise<boolean> {
    const lease = lasting(leaseMs, 'leaseMs')
    checkShared(name, 'name')
    checkShared(token, 'token')
    return this.#write((tx) => once.change(tx, name, (record, now) => kept(record, token, lease, now)))
  }

  async finish(request: FinishRequest): Promise<boolean> {
    const { name, token, json, keepMs } = checkFinish(request)
    return this.#write((tx) => once.change(tx, name, (record, now) => finished(record, token, json, keepMs, now)), true)
  }

  async drop(name: string, token: string): Promise<boolean> {
    checkShared(name, 'name')
    checkShared(token, 'token')
    return this.#write((tx) => once.change(tx, name, (record, now) => dropped(record, token, now)), true)
  }

  async readStates(prefix: string): Promise<readonly StoredState[]> {
    this.#assertOpen()
    return this.#database.read((tx) => readStates(tx, prefix))
  }

  async writeState(name: string, value: unknown): Promise<void> {
    checkShared(name, 'name')
    toJson(value)
    await this.#write((tx) => writeState(tx, name, value), true)
  }

  async deleteState(name: string): Promise<void> {
    await this.#write((tx) => deleteState(tx, name), true)
  }

  /** Other processes cannot make themselves heard through a file: who shares it asks now and then. */
  onWord(): () => void {
    return () => {}
  }

  /** `durable`: an answer that was given is kept as the store keeps its jobs. */
  async #write<T>(work: (tx: Transaction) => T, durable = false): Promise<T> {
    this.#assertOpen()
    return this.#database.write((tx) => {
      const answer = work(tx)
      this.#sweep.note(tx)
      return answer
    }, durable)
  }

  #assertOpen(): void {
    if (this.#phase !== 'open') throw notOpen(this.description, this.#phase === 'closed')
  }
}
