/**
 * A server that may be away, slow, full or in recovery for a while. Gives each operation a connection, tries again what is
 * safe to try again, and tells the rest in the store's own words.
 */
import type { Clock } from '../../core/clock.ts'
import { sleep } from '../../core/clock.ts'
import type { Random } from '../../core/random.ts'
import { notOpen } from '../rules/unavailable.ts'
import { migrate } from './migrate.ts'
import type { PgPool, PgPoolClient } from './pg-types.ts'
import { breaksConnection, isConflict, reasonOf, toStoreError, unavailable } from './postgres-errors.ts'
import type { Session } from './session.ts'
import { sessionOn } from './session.ts'
import type { Statements } from './statement.ts'

export interface DatabaseOptions {
  readonly description: string
  readonly schema: string
  readonly statements: Statements
  /** Asked once, as the store opens. */
  readonly makePool: () => Promise<PgPool>
  /** Whether the pool is the store's own, to be ended with it. */
  readonly ownsPool: boolean
  readonly clock: Clock
  readonly random: Random
  /** What the server's clock is to say, for tests. */
  readonly serverNow: (() => number) | undefined
}

export type Work<T> = (session: Session) => Promise<T>

/** Of conflicts with other transactions, which one side always survives. */
const CONFLICT_TRIES = 8
/** Of a connection that broke: the next one is new. */
const LOST_TRIES = 3
const noop = (): void => {}

export class Database {
  readonly description: string
  readonly #options: DatabaseOptions
  #phase: 'new' | 'open' | 'closed' = 'new'
  #pool: Promise<PgPool> | undefined
  #migrated: Promise<void> | undefined

  constructor(options: DatabaseOptions) {
    this.#options = options
    this.description = options.description
  }

  /** Connects, and brings the schema up to date. When that fails, later calls try again by themselves. */
  async open(): Promise<void> {
    if (this.#phase === 'closed') throw notOpen(this.description, true)
    this.#phase = 'open'
    await this.#patiently(() => this.#ready(), true)
  }

  async close(): Promise<void> {
    this.#phase = 'closed'
    const pool = this.#pool
    this.#pool = undefined
    if (this.#options.ownsPool) await pool?.then((made) => made.end()).catch(noop)
  }

  /**
   * One statement, or several that need not be seen as one. `repeatable`: doing it twice is as good as once, so that it is
   * tried again when a connection breaks and nobody knows whether it was done.
   */
  run<T>(work: Work<T>, repeatable = true): Promise<T> {
    return this.#patiently(() => this.#with(work), repeatable)
  }

  /** All of `work` is kept, or none. It may run again, after it was rolled back, when others were in the way. */
  transaction<T>(work: Work<T>): Promise<T> {
    return this.#patiently(() => this.#with((session) => inTransaction(session, work)), false)
  }

  /** For what is kept open: the listener's connection. The caller releases it. */
  async connect(): Promise<PgPoolClient> {
    try {
      return await this.#connect()
    } catch (error) {
      throw toStoreError(error, this.description)
    }
  }

  get told(): number | null {
    const { serverNow } = this.#options
    return serverNow === undefined ? null : Math.floor(serverNow())
  }

  assertOpen(): void {
    if (this.#phase !== 'open') throw notOpen(this.description, this.#phase === 'closed')
  }

  async #with<T>(work: Work<T>): Promise<T> {
    await this.#ready()
    const client = await this.#connect()
    // A connection may break between two statements, when nobody waits for an answer that could say so.
    client.on('error', noop)
    let broken = false
    try {
      return await work(sessionOn(client, this.#options.statements, this.told))
    } catch (error) {
      broken = breaksConnection(error)
      throw error
    } finally {
      client.removeListener('error', noop)
      client.release(broken)
    }
  }

  async #ready(): Promise<void> {
    this.#migrated ??= this.#migrate().catch((error: unknown) => {
      this.#migrated = undefined
      throw error
    })
    await this.#migrated
  }

  async #migrate(): Promise<void> {
    const client = await this.#connect()
    client.on('error', noop)
    let failed = true
    try {
      await migrate(client, this.#options.schema)
      failed = false
    } finally {
      client.removeListener('error', noop)
      client.release(failed)
    }
  }

  async #connect(): Promise<PgPoolClient> {
    this.#pool ??= this.#options.makePool()
    const pool = await this.#pool.catch((error: unknown) => {
      this.#pool = undefined
      throw error
    })
    try {
      return await pool.connect()
    } catch (error) {
      // The driver has one message for a server that does not answer and for a pool whose connections are all taken.
      if (reasonOf(error) === 'timeout' && pool.totalCount >= (pool.options?.max ?? Number.POSITIVE_INFINITY))
        throw unavailable('exhausted', this.description, error)
      throw reasonOf(error) === undefined ? unavailable('refused', this.description, error) : error
    }
  }

  async #patiently<T>(attempt: () => Promise<T>, repeatable: boolean): Promise<T> {
    const { clock, random } = this.#options
    for (let tries = 1; ; tries++) {
      this.assertOpen()
      try {
        return await attempt()
      } catch (error) {
        const most = isConflict(error) ? CONFLICT_TRIES : repeatable && isLost(error) ? LOST_TRIES : 1
        if (tries >= most) throw this.#told(error)
      }
      await sleep(clock, Math.min(5 * 2 ** tries, 250) * (0.5 + random() / 2))
    }
  }

  #told(error: unknown): unknown {
    return this.#phase === 'closed' && reasonOf(error) !== undefined
      ? notOpen(this.description, true)
      : toStoreError(error, this.description)
  }
}

function isLost(error: unknown): boolean {
  const reason = reasonOf(error)
  return reason === 'lost' || reason === 'shut-down'
}

async function inTransaction<T>(session: Session, work: Work<T>): Promise<T> {
  await session.rows('BEGIN ISOLATION LEVEL READ COMMITTED', [])
  try {
    const result = await work(session)
    await session.rows('COMMIT', [])
    return result
  } catch (error) {
    // A connection that is gone has rolled back by itself, or does as it is closed.
    if (!breaksConnection(error)) await session.rows('ROLLBACK', []).catch(noop)
    throw error
  }
}
