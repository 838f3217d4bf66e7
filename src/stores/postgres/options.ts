/** The options of a store, checked. */
import type { Clock } from '../../core/clock.ts'
import type { Duration } from '../../core/duration.ts'
import { OptionError } from '../../core/errors.ts'
import type { Random } from '../../core/random.ts'
import { checkDuration, checkFunction, checkInteger, checkKnown, checkName } from '../../core/validate.ts'
import type { PgPool } from './pg-types.ts'
import { checkSchema } from './statement.ts'

export interface PostgresStoreOptions {
  /** `postgres://user:password@host:port/database`. This or `pool`. */
  readonly url?: string
  /** A pool of the application's own `pg`, which it also ends. Its settings, `statement_timeout` among them, are its own. */
  readonly pool?: PgPool
  /** Where the tables are: made when it is not there. Default 'holdfast'. */
  readonly schema?: string
  /** Connections at most, beside one that listens for work, and one for words where anybody does. Default 10. Only with `url`. */
  readonly poolSize?: number
  /** For a connection, new or from the pool. Default 5 s. Only with `url`. */
  readonly connectTimeout?: Duration
  /** After which a statement is given up. Default 30 s. Only with `url`. */
  readonly statementTimeout?: Duration
  /**
   * Statements are parsed once per connection. Default true with `url`, false with `pool`. Not through a proxy that gives
   * each transaction another connection.
   */
  readonly prepare?: boolean
  /** Processes tell each other of new work and words. It keeps one connection. Default true with `url`, false with `pool`. */
  readonly notify?: boolean
  /** For waits between tries. Default: the system's. */
  readonly clock?: Clock
  readonly random?: Random
  /** For tests: epoch ms that the server's clock is to say. */
  readonly serverNow?: () => number
}

export interface CheckedOptions {
  readonly url: string
  readonly pool: PgPool | undefined
  /** Where it is, without secrets. */
  readonly description: string
  readonly schema: string
  readonly size: number
  readonly connectTimeoutMs: number
  readonly statementTimeoutMs: number
  readonly prepare: boolean
  readonly notify: boolean
  readonly clock: Clock
  readonly random: Random
  readonly serverNow: (() => number) | undefined
}

const OF_OWN_POOL = ['poolSize', 'connectTimeout', 'statementTimeout'] as const
const KNOWN = ['url', 'pool', 'schema', ...OF_OWN_POOL, 'prepare', 'notify', 'clock', 'random', 'serverNow']

/** @throws OptionError */
export function checkOptions(
  options: PostgresStoreOptions,
  clock: Clock,
  random: Random,
  where = 'postgresStore',
): CheckedOptions {
  checkKnown(options, KNOWN, where)
  const { pool, serverNow } = options
  if ((options.url === undefined) === (pool === undefined))
    throw new OptionError(where, "needs either 'url' or 'pool'", pool === undefined ? undefined : 'both')
  for (const name of OF_OWN_POOL)
    if (pool !== undefined && options[name] !== undefined)
      throw new OptionError(name, "goes with 'url': a pool given has its own", options[name])
  const schema = checkSchema(options.schema ?? 'holdfast')
  const url = options.url === undefined ? '' : checkUrl(options.url)
  const notify = options.notify ?? pool === undefined
  return {
    url,
    pool: pool && checkPool(pool),
    description: pool === undefined ? describe(url, schema) : `postgres (schema ${schema})`,
    schema,
    // One more for each connection that may listen: for work, and for words of other processes.
    size: checkInteger(options.poolSize ?? 10, 'poolSize', 1, 1000) + (notify ? 2 : 0),
    connectTimeoutMs: checkDuration(options.connectTimeout ?? '5s', 'connectTimeout', 1),
    statementTimeoutMs: checkDuration(options.statementTimeout ?? '30s', 'statementTimeout', 1),
    prepare: options.prepare ?? pool === undefined,
    notify,
    clock: options.clock ?? clock,
    random: options.random ?? random,
    serverNow: serverNow === undefined ? undefined : checkFunction(serverNow, 'serverNow'),
  }
}

/** The value is not shown when it is refused: it may hold a password. */
function checkUrl(url: unknown): string {
  const text = checkName(url, 'url')
  if (!/^postgres(ql)?:\/\//.test(text) || !URL.canParse(text))
    throw new OptionError('url', "must be a URL that begins with 'postgres://'", '(hidden)')
  return text
}

function checkPool(pool: PgPool): PgPool {
  checkFunction(pool.connect, 'pool.connect')
  return pool
}

/** Host and database alone: user, password and parameters are nobody's business. */
function describe(url: string, schema: string): string {
  const { host, pathname } = new URL(url)
  const own = schema === 'holdfast' ? '' : ` (schema ${schema})`
  return `postgres://${host}${pathname}${own}`
}
