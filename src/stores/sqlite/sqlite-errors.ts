/**
 * SQLite's error codes as the reasons that a person can act on. Primary codes: https://www.sqlite.org/rescode.html
 */
import type { HoldfastError } from '../../core/errors.ts'
import { isHoldfastError } from '../../core/errors.ts'
import type { UnavailableReason } from '../rules/unavailable.ts'
import { storeUnavailable } from '../rules/unavailable.ts'

const REASONS: Readonly<Record<number, UnavailableReason>> = {
  3: 'read-only', // SQLITE_PERM
  5: 'busy',
  6: 'busy', // SQLITE_LOCKED
  8: 'read-only',
  10: 'io',
  11: 'corrupt',
  13: 'full',
  14: 'io', // SQLITE_CANTOPEN
  23: 'read-only', // SQLITE_AUTH
  26: 'corrupt', // SQLITE_NOTADB
}
/** The shared-memory file could not grow: out of room, whatever else it may say. */
const IOERR_SHMSIZE = 4874

const HINTS: Readonly<Partial<Record<UnavailableReason, string>>> = {
  full: 'Free some disk space; work goes on by itself.',
  'read-only': 'Make the file and its folder writable for this user; work goes on by itself.',
  busy: 'Another process holds the write lock for long; look for a hanging transaction or backup.',
  corrupt: 'Restore the file from a backup, or move it away; `PRAGMA integrity_check` tells more.',
  closed: 'Make a new store; a closed one stays closed.',
  gone: 'Put the file back, or restart to begin a new one.',
  newer: 'Run the newer version of Holdfast that wrote it.',
  io: 'Look at the disk, the path and the permissions; work goes on by itself.',
}

interface SqliteError extends Error {
  readonly errcode: number
}

function isSqliteError(error: unknown): error is SqliteError {
  return error instanceof Error && (error as { code?: unknown }).code === 'ERR_SQLITE_ERROR'
}

/** Why SQLite, or the file system under it, refused; undefined for anything else that was thrown. */
export function reasonOf(error: unknown): UnavailableReason | undefined {
  if (isSqliteError(error)) return error.errcode === IOERR_SHMSIZE ? 'full' : REASONS[error.errcode & 0xff]
  switch ((error as NodeJS.ErrnoException | undefined)?.code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return 'full'
    case 'EROFS':
    case 'EACCES':
    case 'EPERM':
      return 'read-only'
    case 'ENOENT':
    case 'ENOTDIR':
    case 'EEXIST': // A file stands where a folder should be.
    case 'EISDIR':
    case 'EIO':
      return 'io'
    default:
      return undefined
  }
}

/** What the caller gets: `ERR_STORE_UNAVAILABLE` when the store is to blame, else the error itself. */
export function toStoreError(error: unknown, description: string): unknown {
  const reason = isHoldfastError(error) ? undefined : reasonOf(error)
  return reason === undefined ? error : unavailable(reason, description, error)
}

export function unavailable(reason: UnavailableReason, description: string, cause?: unknown): HoldfastError {
  const said = cause instanceof Error ? `: ${cause.message}` : ''
  return storeUnavailable(reason, `store ${description} is unavailable (${reason})${said}`, HINTS[reason] ?? '', cause)
}
