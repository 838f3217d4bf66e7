/**
 * What PostgreSQL, its driver and the network under them say, as the reasons that a person can act on.
 * SQLSTATEs: https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
import type { HoldfastError } from '../../core/errors.ts'
import { isHoldfastError, OptionError } from '../../core/errors.ts'
import type { UnavailableReason } from '../rules/unavailable.ts'
import { storeUnavailable } from '../rules/unavailable.ts'

const BY_STATE: Readonly<Record<string, UnavailableReason>> = {
  '25006': 'read-only',
  '25P03': 'lost', // idle_in_transaction_session_timeout
  '3D000': 'gone', // no such database
  '3F000': 'gone', // no such schema
  '40001': 'busy', // serialization failure
  '40P01': 'busy', // deadlock
  '42501': 'forbidden',
  '42883': 'gone', // no such function
  '42P01': 'gone', // no such table
  '53000': 'full',
  '53100': 'full',
  '53200': 'full', // out of memory
  '53300': 'too-many-connections',
  '53400': 'full',
  '55P03': 'busy', // lock not available
  '57014': 'timeout', // cancelled, by statement_timeout or by a person
  '57P01': 'shut-down',
  '57P02': 'shut-down', // another backend crashed
  '57P03': 'shut-down', // it is starting, or stopping
  '57P05': 'lost',
  '58030': 'io',
  XX001: 'corrupt',
  XX002: 'corrupt',
}
const BY_CLASS: Readonly<Record<string, UnavailableReason>> = { '08': 'lost', '28': 'forbidden', '53': 'full', '58': 'io' }

const BY_SYSTEM: Readonly<Record<string, UnavailableReason>> = {
  ECONNREFUSED: 'refused',
  ENOTFOUND: 'refused',
  EAI_AGAIN: 'refused',
  EHOSTUNREACH: 'refused',
  ENETUNREACH: 'refused',
  ENOENT: 'refused', // no such Unix socket
  ECONNRESET: 'lost',
  EPIPE: 'lost',
  ETIMEDOUT: 'timeout',
}

const BY_MESSAGE: readonly (readonly [RegExp, UnavailableReason])[] = [
  [/timeout exceeded when trying to connect|Query read timeout|due to connection timeout|timeout expired/i, 'timeout'],
  [/connection (terminated|ended|error|closed)|not queryable|client was closed|connection is insecure/i, 'lost'],
  [/after calling end on the pool/i, 'closed'],
  [/password must be|SASL|does not support SSL|self[- ]signed|certificate/i, 'forbidden'],
]

const HINTS: Readonly<Record<UnavailableReason, string>> = {
  full: 'Free disk space or memory on the server; work goes on by itself.',
  'read-only': 'It is a standby, or was made read-only: point the store at the primary, or make it writable.',
  busy: 'Others hold what it needs; look for long transactions in pg_stat_activity.',
  corrupt: 'Restore the database from a backup; amcheck tells more.',
  closed: 'Make a new store; a closed one stays closed.',
  gone: 'Restore the database or its schema, or restart to begin a new one.',
  newer: 'Run the newer version of Holdfast that wrote it.',
  io: 'Look at the disk of the server; work goes on by itself.',
  refused: 'Start the server, or correct host and port; work goes on by itself when it answers.',
  lost: 'The connection broke; work goes on by itself with a new one.',
  timeout: 'Look for locks and load in pg_stat_activity, and for the network between.',
  exhausted: "Every connection of the pool is in use: raise 'poolSize', or look for statements that hang.",
  'too-many-connections': "Raise the server's max_connections, or lower 'poolSize' where many processes share it.",
  'shut-down': 'The server is stopping or starting; work goes on by itself when it is up.',
  forbidden: 'Check user, password and TLS, and that the user may create or use the schema.',
}

export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | undefined)?.code
  return typeof code === 'string' ? code : undefined
}

/** Why the server, or the way to it, refused; undefined for anything else that was thrown. */
export function reasonOf(error: unknown): UnavailableReason | undefined {
  const code = codeOf(error)
  const known = code === undefined ? undefined : (BY_STATE[code] ?? BY_CLASS[sqlClass(code)] ?? BY_SYSTEM[code])
  if (known !== undefined || !(error instanceof Error)) return known
  return BY_MESSAGE.find(([pattern]) => pattern.test(error.message))?.[1]
}

function sqlClass(code: string): string {
  return code.length === 5 ? code.slice(0, 2) : ''
}

/** The same transaction, tried again, may well succeed; it was rolled back. */
export function isConflict(error: unknown): boolean {
  const code = codeOf(error)
  return code === '40001' || code === '40P01'
}

/** The connection is of no more use, or may lead to the wrong server. */
export function breaksConnection(error: unknown): boolean {
  const reason = reasonOf(error)
  return reason === 'lost' || reason === 'shut-down' || reason === 'read-only' || isUnanswered(error)
}

/** The driver stopped waiting; the server may be at it still. */
function isUnanswered(error: unknown): boolean {
  return error instanceof Error && codeOf(error) === undefined && reasonOf(error) === 'timeout'
}

/** The one character that JavaScript's texts have and PostgreSQL's have not; the driver sends it as it is. */
const NUL_IN_TEXT = '22021'

/** What the caller gets: `ERR_STORE_UNAVAILABLE` when the server or the way to it is to blame, else the error itself. */
export function toStoreError(error: unknown, description: string): unknown {
  if (codeOf(error) === NUL_IN_TEXT)
    return new OptionError('text', 'must not contain the character NUL', messageOf(error as Error))
  const reason = isHoldfastError(error) ? undefined : reasonOf(error)
  return reason === undefined ? error : unavailable(reason, description, error)
}

export function unavailable(reason: UnavailableReason, description: string, cause?: unknown): HoldfastError {
  const said = cause instanceof Error ? `: ${messageOf(cause)}` : ''
  return storeUnavailable(reason, `store ${description} is unavailable (${reason})${said}`, HINTS[reason], cause)
}

/** Of a name with several addresses, each of which refused, the driver says nothing but the code. */
function messageOf(error: Error): string {
  return error.message === '' ? (codeOf(error) ?? error.name) : error.message
}
