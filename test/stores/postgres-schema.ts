/** Schemas of tests' own, so that they may share a server, and a look at the server past any store. */
import pg from 'pg'

let made = 0

export function freshSchema(): string {
  return `test_${process.pid}_${++made}`
}

/** One statement, as somebody who is not the store. */
export async function ask<Row>(url: string, text: string, values: unknown[] = []): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(text, values)).rows as Row[]
  } finally {
    await client.end()
  }
}

const JOBS = ['jobs', 'batches', 'keys', 'dead_letters', 'counts', 'count_changes', 'workers', 'states', 'probe']
const SHARED = ['leases', 'reporters', 'words', 'buckets', 'grants', 'once', 'states', 'probe']

/** As if it had just been made; that takes a fraction of making one. */
export async function emptySchema(url: string, schema: string, what: 'jobs' | 'shared' = 'jobs'): Promise<void> {
  await ask(url, deletionOf(schema, what))
}

/** A text of several statements. */
export function deletionOf(schema: string, what: 'jobs' | 'shared'): string {
  const tables = what === 'jobs' ? JOBS : SHARED
  return tables.map((table) => `DELETE FROM "${schema}".${table}`).join('; ')
}

export async function dropSchema(url: string, schema: string): Promise<void> {
  await ask(url, `DROP SCHEMA IF EXISTS "${schema}" CASCADE`)
}
