/**
 * A database that may be busy, full, read-only or away for a while. Waits for other processes without blocking the event
 * loop, and opens the file again after trouble, so that work goes on as soon as it can.
 */
import type { Clock } from '../../core/clock.ts'
import { sleep } from '../../core/clock.ts'
import type { Random } from '../../core/random.ts'
import { notOpen } from '../rules/unavailable.ts'
import { Connection } from './connection.ts'
import { migrate } from './migrate.ts'
import { reasonOf, toStoreError, unavailable } from './sqlite-errors.ts'
import { Tally } from './tally.ts'
import type { Transaction } from './transaction.ts'

export interface DatabaseOptions {
  readonly path: string
  readonly durability: 'full' | 'normal'
  readonly busyTimeoutMs: number
  /** How long to try again, all in all, while another process holds the lock. */
  readonly busyRetryMs: number
  readonly clock: Clock
  readonly random: Random
  /** Told when the file was opened, again after trouble too. */
  readonly onOpened?: () => unknown
}

export class Database {
  readonly description: string
  readonly #options: DatabaseOptions
  #phase: 'new' | 'open' | 'closed' = 'new'
  #connection: Connection | undefined
  /** Once it has been here, a missing file is a loss to report, not one to paper over with an empty one. */
  #wasHere = false

  constructor(options: DatabaseOptions) {
    this.#options = options
    this.description = `sqlite:${options.path}`
  }

  /** Opens the file. When that fails, later calls try again by themselves. */
  async open(): Promise<void> {
    if (this.#phase === 'closed') throw notOpen(this.description, true)
    this.#phase = 'open'
    await this.#patiently(() => void this.#connected())
  }

  close(): void {
    this.#phase = 'closed'
    this.#drop()
  }

  now(): number {
    if (this.#phase !== 'open') throw notOpen(this.description, this.#phase === 'closed')
    return Math.floor(this.#options.clock.wallNow())
  }

  /** Reads without a lock; each statement sees one state of the database. */
  read<T>(work: (tx: Transaction) => T): Promise<T> {
    return this.#patiently(() => work(this.#scope(this.#connected())))
  }

  /**
   * Runs `work` in one write transaction. It may run again, after it was rolled back, when the database was busy.
   * Unless `durable`, it never waits for the disk, and a power cut may take it.
   */
  write<T>(work: (tx: Transaction) => T, durable = true): Promise<T> {
    return this.#patiently(() => {
      const connection = this.#connected()
      if (!connection.isInPlace()) throw unavailable('gone', this.description)
      return connection.transaction(() => {
        const scope = this.#scope(connection)
        const result = work(scope)
        scope.tally.write(scope.sql)
        return result
      }, durable)
    })
  }

  #scope(connection: Connection): Transaction {
    return {
      sql: (text) => connection.sql(text),
      tuples: (text) => connection.tuples(text),
      now: this.now(),
      tally: new Tally(),
    }
  }

  #connected(): Connection {
    const now = this.now()
    if (this.#connection === undefined) {
      const { path, durability, busyTimeoutMs } = this.#options
      const connection = new Connection({ path, durability, busyTimeoutMs, create: !this.#wasHere })
      try {
        migrate(connection.db, now)
      } catch (error) {
        connection.close()
        throw error
      }
      this.#connection = connection
      this.#wasHere = path !== ':memory:'
      this.#options.onOpened?.()
    }
    return this.#connection
  }

  /** Tries until the database is not busy or patience ends; any other trouble is told at once. */
  async #patiently<T>(attempt: () => T): Promise<T> {
    const { clock, random, busyRetryMs } = this.#options
    const giveUpAt = clock.now() + busyRetryMs
    for (let wait = 5; ; wait = Math.min(wait * 2, 250)) {
      try {
        return attempt()
      } catch (error) {
        const patient = reasonOf(error) === 'busy' && clock.now() + wait < giveUpAt
        if (!patient) throw this.#failed(error)
      }
      await sleep(clock, wait * (0.5 + random() / 2))
    }
  }

  #failed(error: unknown): unknown {
    const told = toStoreError(error, this.description)
    const reason = (told as { details?: { reason?: unknown } }).details?.reason
    // A file that came back, or became writable, is seen only by opening it again.
    if (reason === 'io' || reason === 'read-only' || reason === 'corrupt' || reason === 'gone') this.#drop()
    return told
  }

  #drop(): void {
    const connection = this.#connection
    this.#connection = undefined
    try {
      connection?.close()
    } catch {
      // It was broken already; the lock is gone with the handle.
    }
  }
}
