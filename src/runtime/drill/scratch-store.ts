/**
 * A store of a drill's own, beside the one that somebody uses and never in it: a new file in a new folder, or a new schema in
 * the same database. Taken away at the end.
 */
import { randomUUID } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { StoreSettings } from '../../config/config.ts'
import type { Clock } from '../../core/clock.ts'
import { OptionError } from '../../core/errors.ts'
import { dropSchema } from '../../stores/postgres/drop-schema.ts'
import { postgresStore } from '../../stores/postgres/postgres-store.ts'
import { sqliteStore } from '../../stores/sqlite/sqlite-store.ts'
import type { JobStore } from '../../work/store.ts'

/** Where it is, in words that travel to another process. */
export type ScratchAddress =
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'postgres'; readonly url: string; readonly schema: string }

export interface ScratchStore {
  readonly address: ScratchAddress
  /** For people, without secrets. */
  readonly description: string
  /** Idempotent. */
  remove(): Promise<void>
}

/**
 * @param near the store whose disk or server is to be tried; undefined for a file in the system's temporary folder
 * @throws OptionError for a store in memory: what is there dies with its process, and there is nothing to prove
 */
export function scratchStore(near?: StoreSettings): ScratchStore {
  if (near?.kind === 'memory') throw new OptionError('store', "must outlive a process: 'sqlite:PATH' or 'postgres://…'", near.url)
  return near?.kind === 'postgres' ? scratchSchema(near.connection()) : scratchFile(near && nearestFolder(near.path))
}

export function storeAt(address: ScratchAddress, clock: Clock): JobStore {
  if (address.kind === 'sqlite') return sqliteStore({ path: address.path, clock })
  return postgresStore({ url: address.url, schema: address.schema, poolSize: 3, clock })
}

function scratchFile(parent: string | undefined): ScratchStore {
  const folder = mkdtempSync(join(parent ?? tmpdir(), '.holdfast-drill-'))
  return {
    address: { kind: 'sqlite', path: join(folder, 'drill.db') },
    description: `sqlite, a file of its own in ${parent ?? 'the temporary folder'}`,
    remove: async () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** The folder of a file, or of what will be its folder: the disk is the same. */
function nearestFolder(path: string): string {
  const folder = dirname(path)
  return existsSync(folder) || folder === path ? folder : nearestFolder(folder)
}

function scratchSchema(url: string): ScratchStore {
  const schema = `holdfast_drill_${randomUUID().slice(0, 8)}`
  return {
    address: { kind: 'postgres', url, schema },
    description: `postgres at ${new URL(url).host}, in a schema of its own (${schema})`,
    remove: () => dropSchema(url, schema),
  }
}
