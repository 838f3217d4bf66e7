/** The options of shared state in Redis, checked. */
import type { Clock } from '../../core/clock.ts'
import { systemClock } from '../../core/clock.ts'
import type { Duration } from '../../core/duration.ts'
import { OptionError } from '../../core/errors.ts'
import { checkDuration, checkFunction, checkKnown, checkName } from '../../core/validate.ts'
import type { RedisClient } from './redis-types.ts'

export interface RedisSharedStateOptions {
  /** `redis://user:password@host:port/database`, or `rediss://` for TLS. This or `client`. */
  readonly url?: string
  /**
   * A `Redis` or `Cluster` of the application's own `ioredis`, which it also ends. How it connects, and how long it keeps
   * what it cannot send, are its own; what waits for longer than `timeout` is given up all the same.
   */
  readonly client?: RedisClient
  /** Before every key, so that others may use the same database. Default 'holdfast'. */
  readonly prefix?: string
  /** After which an operation is given up. Default 1 s. */
  readonly timeout?: Duration
  /** For timeouts. Default: the system's. */
  readonly clock?: Clock
  /** For tests: epoch ms that the server's clock is to say. */
  readonly serverNow?: () => number
}

export interface CheckedOptions {
  readonly url: string
  readonly client: RedisClient | undefined
  /** Where it is, without secrets. */
  readonly description: string
  readonly prefix: string
  readonly timeoutMs: number
  readonly clock: Clock
  readonly serverNow: (() => number) | undefined
}

/** @throws OptionError */
export function checkOptions(options: RedisSharedStateOptions): CheckedOptions {
  checkKnown(options, ['url', 'client', 'prefix', 'timeout', 'clock', 'serverNow'], 'redisSharedState')
  const { client, serverNow } = options
  if ((options.url === undefined) === (client === undefined))
    throw new OptionError('redisSharedState', "needs either 'url' or 'client'", client === undefined ? undefined : 'both')
  const prefix = checkPrefix(options.prefix ?? 'holdfast')
  const url = options.url === undefined ? '' : checkUrl(options.url)
  if (client !== undefined) checkFunction(client.evalsha, 'client.evalsha')
  return {
    url,
    client,
    description: client === undefined ? describe(url, prefix) : `redis (prefix ${prefix})`,
    prefix,
    timeoutMs: checkDuration(options.timeout ?? '1s', 'timeout', 1),
    clock: options.clock ?? systemClock,
    serverNow: serverNow === undefined ? undefined : checkFunction(serverNow, 'serverNow'),
  }
}

/** The value is not shown when it is refused: it may hold a password. */
function checkUrl(url: unknown): string {
  const text = checkName(url, 'url')
  if (!/^rediss?:\/\//.test(text) || !URL.canParse(text))
    throw new OptionError('url', "must be a URL that begins with 'redis://' or 'rediss://'", '(hidden)')
  return text
}

/** A brace would move all keys of a cluster to one of its nodes, or tear those apart that must be together. */
function checkPrefix(prefix: unknown): string {
  if (typeof prefix !== 'string' || !/^[\w.:/-]{1,64}$/.test(prefix))
    throw new OptionError('prefix', "must be 1 to 64 letters, digits and '_.:/-'", prefix)
  return prefix
}

/** Host and database alone: user, password and parameters are nobody's business. */
function describe(url: string, prefix: string): string {
  const { protocol, host, pathname } = new URL(url)
  const own = prefix === 'holdfast' ? '' : ` (prefix ${prefix})`
  return `${protocol}//${host}${pathname}${own}`
}
