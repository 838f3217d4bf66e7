/** Where sequences are played. A store that is made anew costs more than the sequence: one that can is emptied instead. */
import { existsSync, rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'
import { memoryStore } from '../../../src/stores/memory/memory-store.ts'
import { postgresStore } from '../../../src/stores/postgres/postgres-store.ts'
import { sqliteStore } from '../../../src/stores/sqlite/sqlite-store.ts'
import { VirtualClock } from '../../../src/testing/virtual-clock.ts'
import { deletionOf, dropSchema, freshSchema } from '../postgres-schema.ts'
import type { Stage } from './play.ts'

/** A file system in memory, where there is one. */
const SHM = '/dev/shm'

export function memoryStage(): Stage {
  return {
    async empty() {
      const clock = new VirtualClock()
      const store = memoryStore({ clock })
      await store.open()
      return { store, clock }
    },
    close: async () => {},
  }
}

export async function sqliteStage(): Promise<Stage> {
  const folder = await mkdtemp(join(existsSync(SHM) ? SHM : tmpdir(), 'holdfast-model-'))
  const path = join(folder, 'model.db')
  const clock = new VirtualClock()
  const store = sqliteStore({ path, clock, durability: 'normal' })
  await store.open()
  const broom = new DatabaseSync(path)
  const found = broom.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB '*_migrations'").all()
  const tables = found.map(({ name }) => String(name)).filter((name) => !name.startsWith('sqlite_'))
  const sweep = ['BEGIN IMMEDIATE', ...tables.map((table) => `DELETE FROM ${table}`), 'COMMIT'].map((sql) => broom.prepare(sql))
  return {
    async empty() {
      for (const statement of sweep) statement.run()
      return { store, clock }
    },
    async close() {
      broom.close()
      await store.close()
      rmSync(folder, { recursive: true })
    },
  }
}

export async function postgresStage(url: string): Promise<Stage> {
  const schema = freshSchema()
  const clock = new VirtualClock()
  const store = postgresStore({ url, schema, notify: false, serverNow: () => clock.wallNow() })
  await store.open()
  const broom = new pg.Client({ connectionString: url })
  broom.on('error', () => {})
  await broom.connect()
  return {
    async empty() {
      await broom.query(deletionOf(schema, 'jobs'))
      return { store, clock }
    },
    async close() {
      await broom.end()
      await store.close()
      await dropSchema(url, schema)
    },
  }
}
