/**
 * Work in a transaction that the caller has begun on a connection of their own to the same file. Everything is synchronous:
 * between a `BEGIN` and its `COMMIT` nothing else should get a turn on that connection.
 */
import { statSync } from 'node:fs'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Clock } from '../../core/clock.ts'
import { OptionError } from '../../core/errors.ts'
import type { Enqueued, NewJob } from '../../work/job.ts'
import { keepResult } from '../../work/result.ts'
import type { Fence } from '../../work/store.ts'
import { leaseLost } from '../rules/lease-lost.ts'
import { enqueue } from './enqueue.ts'
import { settle } from './settle.ts'
import { toStoreError } from './sqlite-errors.ts'
import { Tally } from './tally.ts'
import type { Transaction } from './transaction.ts'

export interface CallersTransactionsOptions {
  readonly path: string
  readonly description: string
  readonly clock: Clock
  /** The store's clock; throws when the store is not open. */
  readonly now: () => number
  /** New work may be there. */
  readonly tell: () => void
}

/** How long the end of a transaction is looked for at most, and how rarely at last, in ms. Polling finds what comes later. */
const LOOK_FOR_MS = 60_000
const LOOK_EVERY_MS = 100

export class CallersTransactions {
  readonly #options: CallersTransactionsOptions
  readonly #watched = new WeakSet<DatabaseSync>()

  constructor(options: CallersTransactionsOptions) {
    this.#options = options
  }

  enqueue(db: DatabaseSync, jobs: readonly NewJob[]): readonly Enqueued[] {
    const answers = this.#within(db, (tx) => enqueue(tx, jobs))
    if (answers.some(({ duplicate }) => !duplicate)) this.#tellAtTheEnd(db)
    return answers
  }

  complete(db: DatabaseSync, fence: Fence, result: unknown): void {
    const { id, token } = fence
    const kept = result === undefined ? {} : { result: keepResult(result) }
    const refused = this.#within(db, (tx) => settle(tx, [{ id, token, type: 'succeeded', ...kept }]))
    if (refused.length > 0) throw leaseLost(id)
  }

  /** A savepoint, so that what fails leaves nothing even when the caller commits all the same. */
  #within<T>(db: DatabaseSync, work: (tx: Transaction) => T): T {
    const now = this.#options.now()
    this.#check(db)
    try {
      db.exec('SAVEPOINT holdfast')
      try {
        const tx = transactionOn(db, now)
        const result = work(tx)
        tx.tally.write(tx.sql)
        db.exec('RELEASE holdfast')
        return result
      } catch (error) {
        if (db.isTransaction) db.exec('ROLLBACK TO holdfast; RELEASE holdfast')
        throw error
      }
    } catch (error) {
      throw toStoreError(error, this.#options.description)
    }
  }

  #check(db: DatabaseSync): void {
    if (!db.isTransaction)
      throw new OptionError('db', "must be in a transaction: run 'BEGIN IMMEDIATE' first", 'a connection without one')
    const row = db.prepare("SELECT file FROM pragma_database_list WHERE name = 'main'")
    row.setReturnArrays(false)
    const { file } = row.get() as { file: string }
    if (!isSameFile(file, this.#options.path)) throw new OptionError('db', `must be connected to ${this.#options.path}`, file)
  }

  /** SQLite tells nobody of a commit, so we look: at once after this turn, then ever more rarely. */
  #tellAtTheEnd(db: DatabaseSync): void {
    if (this.#watched.has(db)) return
    this.#watched.add(db)
    const { clock, tell } = this.#options
    const giveUpAt = clock.now() + LOOK_FOR_MS
    const look = (waitMs: number): void => {
      clock.setTimer(
        waitMs,
        () => {
          if (db.isOpen && db.isTransaction && clock.now() < giveUpAt) return look(Math.min(waitMs * 2 + 1, LOOK_EVERY_MS))
          this.#watched.delete(db)
          tell()
        },
        true,
      )
    }
    look(0)
  }
}

/** Statements are the caller's for one call only, and give rows in our shape whatever the connection was told. */
function transactionOn(db: DatabaseSync, now: number): Transaction {
  const statements = new Map<string, StatementSync>()
  const statement = (text: string, arrays: boolean): StatementSync => {
    let known = statements.get(text)
    if (known === undefined) {
      known = db.prepare(text)
      known.setReturnArrays(arrays)
      known.setReadBigInts(false)
      statements.set(text, known)
    }
    return known
  }
  return { sql: (text) => statement(text, false), tuples: (text) => statement(text, true), now, tally: new Tally() }
}

function isSameFile(a: string, b: string): boolean {
  const [one, other] = [a, b].map((path) => (path === '' ? undefined : statSync(path, { throwIfNoEntry: false })))
  return one !== undefined && other !== undefined && one.dev === other.dev && one.ino === other.ino
}
