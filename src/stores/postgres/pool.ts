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
  pool.on('connect', (client) => void configure(client as unknown as PgPoolClient, sessionSettings(settings)))
  return pool as unknown as PgPool
}

/** Runs ahead of the connection's first query. A connection that it fails on fails that query too. */
async function configure(client: PgPoolClient, settings: Readonly<Record<string, string>>): Promise<void> {
  const names = Object.keys(settings)
  const text = `SELECT ${names.map((_, index) => `set_config($${2 * index + 1}, $${2 * index + 2}, false)`).join(', ')}`
  await client.query({ text, values: names.flatMap((name) => [name, settings[name]]) }).catch(() => {})
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
