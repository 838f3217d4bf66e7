/**
 * The connection of our own, made with the `ioredis` package, which is loaded when the state is opened and not before, so that
 * nobody else needs it.
 */
import { storeUnavailable } from '../rules/unavailable.ts'
import type { RedisClient } from './redis-types.ts'

export interface ClientSettings {
  readonly url: string
  readonly timeoutMs: number
}

const FIRST_WAIT_MS = 50
const LONGEST_WAIT_MS = 2000

/**
 * What it cannot send it keeps until the second attempt to connect has failed, no longer. What it sent, and was not answered
 * before the connection broke, it sends again: every script of ours bears that.
 */
export async function makeClient({ url, timeoutMs }: ClientSettings): Promise<RedisClient> {
  const Redis = await redisClass()
  const client = new Redis(url, {
    lazyConnect: true,
    connectionName: 'holdfast',
    connectTimeout: Math.max(timeoutMs, 5000),
    // A peer that is gone without a word is found out by its silence.
    socketTimeout: timeoutMs,
    keepAlive: 10_000,
    maxRetriesPerRequest: 1,
    retryStrategy: (times) => Math.min(FIRST_WAIT_MS * 2 ** Math.min(times - 1, 10), LONGEST_WAIT_MS),
    // Behind the same name there may be a new primary by now.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  })
  // An error that nobody listens to would be printed; whoever waits for an answer is told.
  client.on('error', () => {})
  return client as unknown as RedisClient
}

async function redisClass(): Promise<typeof import('ioredis').Redis> {
  try {
    return (await import('ioredis')).Redis
  } catch (cause) {
    throw storeUnavailable(
      'gone',
      "shared state in Redis needs the package 'ioredis', which is not installed",
      "Install it: 'npm install ioredis'.",
      cause,
    )
  }
}
