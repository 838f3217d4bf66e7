/**
 * Brings a schema to the newest shape. Several processes may try at once: a lock lets one through, and the others find the
 * work done.
 */
import { OptionError } from '../../core/errors.ts'
import { storeUnavailable } from '../rules/unavailable.ts'
import { MIGRATIONS } from './migrations/index.ts'
import type { PgClient } from './pg-types.ts'
import { breaksConnection } from './postgres-errors.ts'
import { inSchema } from './statement.ts'

const NEWEST = MIGRATIONS.at(-1)?.version ?? 0

/** Answers the versions it applied. @throws HoldfastError when a newer Holdfast wrote the schema */
export async function migrate(client: PgClient, schema: string): Promise<readonly number[]> {
  if ((await appliedVersion(client, schema)) === NEWEST) return []
  await client.query({ text: 'BEGIN ISOLATION LEVEL READ COMMITTED' })
  try {
    const applied = await applyMissing(client, schema)
    await client.query({ text: 'COMMIT' })
    return applied
  } catch (error) {
    // A connection that is gone has rolled back by itself, or does as it is closed.
    if (!breaksConnection(error)) await client.query({ text: 'ROLLBACK' }).catch(() => {})
    throw error
  }
}

async function applyMissing(client: PgClient, schema: string): Promise<readonly number[]> {
  // Whoever is ahead of us may take its time.
  await client.query({ text: 'SET LOCAL statement_timeout = 0' })
  await client.query({ text: 'SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', values: [`holdfast migrate ${schema}`] })
  await makeSchema(client, schema)
  const current = await appliedVersion(client, schema)
  if (current > NEWEST)
    throw storeUnavailable(
      'newer',
      `the schema '${schema}' has shape ${current}, this version knows up to ${NEWEST}`,
      'Run the newer version of Holdfast that wrote it.',
    )
  if (current === 0) await checkEncoding(client)
  const missing = MIGRATIONS.filter(({ version }) => version > current)
  for (const { version, name, sql } of missing) {
    await client.query({ text: inSchema(sql, schema) })
    const record = 'INSERT INTO @migrations (version, name, applied_at) VALUES ($1, $2, clock_timestamp())'
    await client.query({ text: inSchema(record, schema), values: [version, name] })
  }
  return missing.map(({ version }) => version)
}

/** In LATIN1 and its like there are texts that can be sent and never stored: a job's end among them, once its error has one. */
async function checkEncoding(client: PgClient): Promise<void> {
  const { rows } = await client.query({ text: 'SHOW server_encoding' })
  const { server_encoding: encoding } = rows[0] as { server_encoding: string }
  // SQL_ASCII keeps the bytes that it gets.
  if (encoding === 'UTF8' || encoding === 'SQL_ASCII') return
  throw new OptionError('url', 'must name a database in UTF8', encoding, "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0.")
}

/** Asked for only when it is not there: a user who may not make schemas may have been given one. */
async function makeSchema(client: PgClient, schema: string): Promise<void> {
  const { rows } = await client.query({ text: 'SELECT to_regnamespace($1) IS NULL AS missing', values: [`"${schema}"`] })
  if ((rows[0] as { missing: boolean }).missing) await client.query({ text: `CREATE SCHEMA "${schema}"` })
  const table =
    'CREATE TABLE IF NOT EXISTS @migrations (version integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL)'
  await client.query({ text: inSchema(table, schema) })
}

/** 0 for none. Changes nothing. */
export async function appliedVersion(client: PgClient, schema: string): Promise<number> {
  const { rows } = await client.query({ text: 'SELECT to_regclass($1) IS NULL AS missing', values: [`"${schema}".migrations`] })
  if ((rows[0] as { missing: boolean }).missing) return 0
  const found = await client.query({ text: inSchema('SELECT coalesce(max(version), 0) AS version FROM @migrations', schema) })
  return (found.rows[0] as { version: number }).version
}
