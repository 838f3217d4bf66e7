/**
 * Brings a database to the newest shape. Several processes may try at once: the write lock lets one through, and the others
 * find the work done.
 */
import type { DatabaseSync } from 'node:sqlite'
import { storeUnavailable } from '../rules/unavailable.ts'
import { MIGRATIONS } from './migrations/index.ts'

const NEWEST = MIGRATIONS.at(-1)?.version ?? 0

/** Answers the versions it applied. @throws HoldfastError when a newer Holdfast wrote the file */
export function migrate(db: DatabaseSync, now: number): readonly number[] {
  if (appliedVersion(db) === NEWEST) return []
  db.exec('BEGIN IMMEDIATE')
  try {
    const applied = applyMissing(db, now)
    db.exec('COMMIT')
    return applied
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK')
    throw error
  }
}

function applyMissing(db: DatabaseSync, now: number): readonly number[] {
  db.exec(
    'CREATE TABLE IF NOT EXISTS holdfast_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT',
  )
  const current = appliedVersion(db)
  if (current > NEWEST)
    throw storeUnavailable(
      'newer',
      `the database has shape ${current}, this version knows up to ${NEWEST}`,
      'Run the newer version of Holdfast that wrote it.',
    )
  const record = db.prepare('INSERT INTO holdfast_migrations (version, name, applied_at) VALUES (?, ?, ?)')
  const missing = MIGRATIONS.filter(({ version }) => version > current)
  for (const { version, name, sql } of missing) {
    db.exec(sql)
    record.run(version, name, now)
  }
  return missing.map(({ version }) => version)
}

function appliedVersion(db: DatabaseSync): number {
  const table = db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'holdfast_migrations'").get()
  if (table === undefined) return 0
  const row = db.prepare('SELECT max(version) AS version FROM holdfast_migrations').get() as { version: number | null }
  return row.version ?? 0
}
