/**
 * One open database file: its pragmas, its prepared statements, and one transaction at a time. Everything in here is
 * synchronous; waiting for other processes is database.ts.
 */
import { accessSync, chmodSync, closeSync, constants, mkdirSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { StatementSync } from 'node:sqlite'
import { DatabaseSync } from 'node:sqlite'

export interface ConnectionOptions {
  readonly path: string
  readonly durability: 'full' | 'normal'
  /** How long SQLite itself may wait for a lock, blocking the event loop. */
  readonly busyTimeoutMs: number
  /** Whether a missing file is made. */
  readonly create: boolean
}

/** The write-ahead log is folded back at about 16 MiB, and shrunk to at most 64 MiB after a burst. */
const CHECKPOINT_PAGES = 4000
const LARGEST_WAL = 64 * 1024 * 1024
const CACHE_KIB = 32 * 1024

export class Connection {
  readonly db: DatabaseSync
  readonly #path: string
  readonly #file: string | undefined
  readonly #full: boolean
  readonly #statements = new Map<string, StatementSync>()

  constructor(options: ConnectionOptions) {
    this.#path = options.path
    this.#full = options.durability === 'full'
    if (options.path !== ':memory:') prepareFile(options.path, options.create)
    this.db = new DatabaseSync(options.path, { timeout: options.busyTimeoutMs })
    try {
      this.#configure(options.durability)
    } catch (error) {
      this.close()
      throw error
    }
    this.#file = identityOf(options.path)
  }

  #configure(durability: 'full' | 'normal'): void {
    this.db.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = ${durability === 'full' ? 'FULL' : 'NORMAL'};
      PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};
      PRAGMA journal_size_limit = ${LARGEST_WAL};
      PRAGMA cache_size = -${CACHE_KIB};
      PRAGMA temp_store = MEMORY;
    `)
  }

  /** A prepared statement, kept for the next time. Use `all`, `get` and `run` only: they leave it reset. */
  sql(text: string): StatementSync {
    let statement = this.#statements.get(text)
    if (statement === undefined) {
      statement = this.db.prepare(text)
      this.#statements.set(text, statement)
    }
    return statement
  }

  /** The same, but rows come as arrays: half the cost where there are many. A text is used with `sql` or with this, not both. */
  tuples(text: string): StatementSync {
    const known = this.#statements.get(text)
    if (known !== undefined) return known
    const statement = this.sql(text)
    statement.setReturnArrays(true)
    return statement
  }

  /** Runs `work` in a write transaction: all of it is kept, or none. Unless `durable`, a power cut may take it. */
  transaction<T>(work: () => T, durable = true): T {
    if (durable || !this.#full) return this.#transaction(work)
    this.sql('PRAGMA synchronous = NORMAL').run()
    try {
      return this.#transaction(work)
    } finally {
      this.sql('PRAGMA synchronous = FULL').run()
    }
  }

  #transaction<T>(work: () => T): T {
    this.sql('BEGIN IMMEDIATE').run()
    try {
      const result = work()
      this.sql('COMMIT').run()
      return result
    } catch (error) {
      // A full disk or an I/O error may have rolled back already.
      if (this.db.isTransaction) this.sql('ROLLBACK').run()
      throw error
    }
  }

  /** False when the file was deleted or replaced under us: what we wrote would be lost with it. */
  isInPlace(): boolean {
    return this.#path === ':memory:' || identityOf(this.#path) === this.#file
  }

  close(): void {
    this.#statements.clear()
    if (this.db.isOpen) this.db.close()
  }
}

/** Makes the file before SQLite does: its log and shared memory then get the same mode. */
function prepareFile(path: string, create: boolean): void {
  if (!create) {
    // SQLite would open what it may not write for reading alone, and fail later in other words.
    accessSync(path, constants.R_OK | constants.W_OK)
    return
  }
  makeFolder(dirname(path))
  closeSync(openSync(path, 'a', 0o600))
  if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600)
}

/** Not by `recursive`: where a file system says ENOENT of what it will not make, as /proc does, Node tries for ever. */
function makeFolder(path: string): void {
  if (isFolder(path)) return
  if (dirname(path) !== path) makeFolder(dirname(path))
  try {
    mkdirSync(path, 0o700)
  } catch (error) {
    // Another process may have been faster.
    if (!isFolder(path)) throw error
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

function identityOf(path: string): string | undefined {
  if (path === ':memory:') return undefined
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat && `${stat.dev}:${stat.ino}`
}
