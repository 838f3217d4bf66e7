/**
 * The store's own connections: made with the `pg` package, which is loaded when a store opens and not before, so that nobody
 * else needs it.
 */
import type { Pool as PgPoolOfPackage } from 'pg'
import { storeUnavailable } from '../rules/unavailable.ts'
import type { PgPool, PgPoolClient } from './pg-types.ts'

export interface PoolSettings {
  readonly url: string
  readonly size: number
  readonly connectTimeoutMs: number
  readonly statementTimeoutMs: number
}

const IDLE_MS = 30_000

/**
 * What every connection of ours is told. Its plans must be those of the indexes, whatever the statistics say of a table that
 * has just grown by a million rows, and made anew for the values at hand. A process that stops inside a transaction (paused,
 * swapped out) must not hold its locks for ever.
 */
function sessionSettings({ statementTimeoutMs }: PoolSettings): Readonly<Record<string, string>> {
  return {
    statement_timeout: String(statementTimeoutMs),
    idle_in_transaction_session_timeout: String(statementTimeoutMs),
    plan_cache_mode: 'force_custom_plan',
    enable_seqscan: 'off',
    enable_bitmapscan: 'off',
    jit: 'off',
  }
}

export async function makePool(settings: PoolSettings): Promise<PgPool> {
  const Pool = await poolClass()
  const pool = new Pool({
    connectionString: settings.url,
    max: settings.size,
    connectionTimeoutMillis: settings.connectTimeoutMs,
    idleTimeoutMillis: IDLE_MS,
    keepAlive: true,
    // A network that swallows packets never answers; the server's own limit ends everything else first.
    query_timeout: settings.statementTimeoutMs + 2000,
    application_name: 'holdfast',
  })
  // An idle connection that breaks is replaced when the next one is needed.
  pool.on('error', () => {})
  // For as long as it lives, from its first moment: a connection may break in the very packet that opened it, and an error
  // that nobody listens to ends the process. Whoever waits for an answer is told by that.
  pool.on('connect', (client) => client.on('error', () => {}))
  return new ConfiguredPool(pool as unknown as PgPool, sessionSettings(settings))
}

/** Tells each connection its settings before anybody gets it. */
class ConfiguredPool implements PgPool {
  readonly options: PgPool['options']
  readonly #pool: PgPool
  readonly #settings: Readonly<Record<string, string>>
  readonly #configured = new WeakSet<PgPoolClient>()

  constructor(pool: PgPool, settings: Readonly<Record<string, string>>) {
    this.#pool = pool
    this.#settings = settings
    this.options = pool.options
  }

  get totalCount(): number {
    return this.#pool.totalCount
  }

  async connect(): Promise<PgPoolClient> {
    const client = await this.#pool.connect()
    if (!this.#configured.has(client)) await this.#configure(client)
    return client
  }

  end(): Promise<void> {
    return this.#pool.end()
  }

  async #configure(client: PgPoolClient): Promise<void> {
    const names = Object.keys(this.#settings)
    const text = `SELECT ${names.map((_, index) => `set_config($${2 * index + 1}, $${2 * index + 2}, false)`).join(', ')}`
    try {
      await client.query({ text, values: names.flatMap((name) => [name, this.#settings[name]]) })
    } catch (error) {
      client.release(true)
      throw error
    }
    this.#configured.add(client)
  }
}

async function poolClass(): Promise<typeof PgPoolOfPackage> {
  try {
    return (await import('pg')).default.Pool
  } catch (cause) {
    throw storeUnavailable(
      'gone',
      "a PostgreSQL store needs the package 'pg', which is not installed",
      "Install it: 'npm install pg'.",
      cause,
    )
  }
}
