/**
 * What Redis, its driver and the network under them say, as the reasons that a person can act on. A server's own errors begin
 * with a word in capitals: https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors
 */
import type { HoldfastError } from '../../core/errors.ts'
import { isHoldfastError } from '../../core/errors.ts'
import type { UnavailableReason } from '../rules/unavailable.ts'
import { storeUnavailable } from '../rules/unavailable.ts'

const BY_WORD: Readonly<Record<string, UnavailableReason>> = {
  OOM: 'full',
  MISCONF: 'full', // it cannot save to its disk, and takes no writes until it can
  READONLY: 'read-only',
  NOREPLICAS: 'read-only',
  LOADING: 'shut-down',
  MASTERDOWN: 'lost',
  BUSY: 'busy', // somebody's script does not end
  TRYAGAIN: 'busy',
  CLUSTERDOWN: 'refused',
  NOAUTH: 'forbidden',
  NOPERM: 'forbidden',
  WRONGPASS: 'forbidden',
  UNKILLABLE: 'busy',
}

const BY_SYSTEM: Readonly<Record<string, UnavailableReason>> = {
  ECONNREFUSED: 'refused',
  ENOTFOUND: 'refused',
  EAI_AGAIN: 'refused',
  EHOSTUNREACH: 'refused',
  ENETUNREACH: 'refused',
  ECONNRESET: 'lost',
  EPIPE: 'lost',
  ETIMEDOUT: 'timeout',
}

const BY_MESSAGE: readonly (readonly [RegExp, UnavailableReason])[] = [
  // A script passes on what a command in it was answered, in other words with each version.
  [/\bOOM command not allowed|\bMISCONF\b/, 'full'],
  [/\bREADONLY\b|\bNOREPLICAS\b|can't write against a read only/i, 'read-only'],
  [/max number of clients/i, 'too-many-connections'],
  [/invalid password|without any password|user executing the script can't|\bNOPERM\b|certificate|self[- ]signed/i, 'forbidden'],
  [/ETIMEDOUT|timed? ?out/i, 'timeout'],
  [
    /connection is closed|stream isn't writeable|max retries per request|command aborted|cluster slots cache|all sentinels/i,
    'lost',
  ],
]

const HINTS: Readonly<Record<UnavailableReason, string>> = {
  full: "Raise 'maxmemory' or free memory, or disk where it says MISCONF; work goes on by itself.",
  'read-only': 'It is a replica: connect to the primary, or through Sentinel or Cluster, which find it.',
  busy: 'A script or a move of slots is in the way; look at SLOWLOG, and SCRIPT KILL where one never ends.',
  corrupt: 'Another program writes under this prefix: choose a prefix of your own.',
  closed: 'Make a new one; a closed one stays closed.',
  gone: "Install the driver: 'npm install ioredis'.",
  newer: 'Run the newer version of Holdfast that wrote it.',
  io: 'Look at the disk of the server; work goes on by itself.',
  refused: 'Start the server, or correct host and port; work goes on by itself when it answers.',
  lost: 'The connection broke; work goes on by itself with a new one.',
  timeout: "Look at the server's load with SLOWLOG and LATENCY, and at the network between; or raise 'timeout'.",
  exhausted: 'Too much is on its way already; ask less, or for more at a time.',
  'too-many-connections': "Raise the server's maxclients.",
  'shut-down': 'The server loads its data; work goes on by itself when it is up.',
  forbidden: 'Check user, password and TLS, and that the user may run scripts and use this prefix.',
}

function messageOf(error: unknown): string {
  const { message, code } = error as { message?: unknown; code?: unknown }
  return typeof message === 'string' && message !== '' ? message : String(code ?? error)
}

/** Why the server, or the way to it, refused; undefined for anything else that was thrown. */
export function reasonOf(error: unknown): UnavailableReason | undefined {
  if (!(error instanceof Error)) return undefined
  const code = (error as { code?: unknown }).code
  const system = typeof code === 'string' ? BY_SYSTEM[code] : undefined
  if (system !== undefined) return system
  const word = BY_WORD[/^[A-Z]+/.exec(error.message)?.[0] ?? '']
  return word ?? BY_MESSAGE.find(([pattern]) => pattern.test(error.message))?.[1]
}

/** The server has forgotten the script: it was restarted, told to, or is another one. */
export function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT')
}

/** What the caller gets: `ERR_STORE_UNAVAILABLE` when the server or the way to it is to blame, else the error itself. */
export function toStoreError(error: unknown, description: string): unknown {
  const reason = isHoldfastError(error) ? undefined : reasonOf(error)
  return reason === undefined ? error : unavailable(reason, description, error)
}

/** The driver keeps the command that failed with its error: keys and values are nobody's business, so only its words go on. */
export function unavailable(reason: UnavailableReason, description: string, cause?: unknown): HoldfastError {
  const said = cause === undefined ? '' : `: ${messageOf(cause)}`
  const bare = cause === undefined ? undefined : Object.assign(new Error(messageOf(cause)), { name: 'RedisError' })
  return storeUnavailable(reason, `store ${description} is unavailable (${reason})${said}`, HINTS[reason], bare)
}
