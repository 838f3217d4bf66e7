/** Which shape a store has, without changing it. */
import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import type { StoreSettings } from '../config/config.ts'
import { MIGRATIONS as POSTGRES_MIGRATIONS } from '../stores/postgres/migrations/index.ts'
import { readShape } from '../stores/postgres/read-shape.ts'
import { MIGRATIONS } from '../stores/sqlite/migrations/index.ts'

export interface StoreSchema {
  /** The newest migration that was applied; undefined when there is no store yet. */
  readonly current: number | undefined
  /** The newest that this version knows. */
  readonly newest: number
  /** What the next start applies. */
  readonly pending: readonly { readonly version: number; readonly name: string }[]
}

/** @throws HoldfastError with `ERR_STORE_UNAVAILABLE` when a server does not answer */
export async function storeSchema(store: StoreSettings): Promise<StoreSchema> {
  if (store.kind === 'postgres') return schemaOf(await readShape(store.connection(), store.schema), POSTGRES_MIGRATIONS)
  const current = store.kind === 'sqlite' && existsSync(store.path) ? appliedVersion(store.path) : undefined
  return schemaOf(current, MIGRATIONS)
}

function schemaOf(current: number | undefined, known: typeof MIGRATIONS): StoreSchema {
  const pending = known.filter(({ version }) => version > (current ?? 0)).map(({ version, name }) => ({ version, name }))
  return { current, newest: known.at(-1)?.version ?? 0, pending }
}

function appliedVersion(path: string): number {
  const db = new DatabaseSync(path, { readOnly: true })
  try {
    const row = db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'holdfast_migrations'").get()
    if (row === undefined) return 0
    return Number(db.prepare('SELECT max(version) AS version FROM holdfast_migrations').get()?.version ?? 0)
  } finally {
    db.close()
  }
}
