/** How large a store is, seen past Holdfast: bytes on disk and rows. */
import { statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'

export interface StoreSize {
  readonly bytes: number
  /** The write-ahead log of a SQLite file. */
  readonly walBytes?: number
  /** Of `bytes`, kept for what comes. */
  readonly freeBytes?: number
  readonly jobs: number
  readonly keys: number
  readonly letters: number
}

export interface Scale {
  weigh(): Promise<StoreSize>
  close(): Promise<void>
}

export function sqliteScale(path: string): Scale {
  const db = new DatabaseSync(path, { readOnly: true, timeout: 1000 })
  const number = (sql: string): number => Number(Object.values(db.prepare(sql).get() as object)[0])
  const rows = (table: string): number => number(`SELECT count(*) FROM holdfast_${table}`)
  return {
    async weigh() {
      return {
        bytes: statSync(path).size,
        walBytes: statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0,
        freeBytes: number('PRAGMA freelist_count') * number('PRAGMA page_size'),
        jobs: rows('jobs'),
        keys: rows('keys'),
        letters: rows('dead_letters'),
      }
    },
    close: async () => db.close(),
  }
}

export async function postgresScale(url: string, schema: string): Promise<Scale> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const rows = (table: string): string => `(SELECT count(*) FROM "${schema}".${table})::int AS ${table}`
  return {
    async weigh() {
      const { rows: found } = await client.query(
        `SELECT ${rows('jobs')}, ${rows('keys')}, ${rows('dead_letters')},
           (SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = $1 AND c.relkind = 'r')::float8 AS bytes`,
        [schema],
      )
      const { bytes, jobs, keys, dead_letters: letters } = found[0]
      return { bytes, jobs, keys, letters }
    },
    close: () => client.end(),
  }
}
