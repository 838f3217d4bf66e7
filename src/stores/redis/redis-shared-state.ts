/**
 * Shared state in Redis, by `ioredis`: the fastest of those that reach other machines.
 *
 * Each operation is one script, which the server runs whole, by its own clock. Every key ends by itself. A script that is sent
 * twice, as the driver does after a connection broke, acts once.
 */
import { randomUUID } from 'node:crypto'
import type {
  BeginAnswer,
  BeginRequest,
  Exchange,
  ExchangeAnswer,
  FinishRequest,
  LeaseAnswer,
  SharedCapabilities,
  SharedState,
  SharedWarning,
  TakeAnswer,
  TakeRequest,
} from '../../core/shared-state.ts'
import type { StoredState } from '../../core/state-store.ts'
import type { GiveBackRequest } from '../rules/shared-arguments.ts'
import {
  checkBegin,
  checkExchange,
  checkFinish,
  checkGiveBack,
  checkShared,
  checkTake,
  lasting,
  toJson,
} from '../rules/shared-arguments.ts'
import { WorkListeners } from '../rules/work-listeners.ts'
import * as buckets from './buckets.ts'
import { makeClient } from './client.ts'
import { Connection } from './connection.ts'
import { Keys } from './keys.ts'
import * as leases from './leases.ts'
import * as once from './once.ts'
import type { CheckedOptions, RedisSharedStateOptions } from './options.ts'
import { checkOptions } from './options.ts'
import type { RedisClient } from './redis-types.ts'
import { script } from './script.ts'
import * as states from './states.ts'
import { tooOld, warningsOf } from './warnings.ts'
import { WordChannel } from './word-channel.ts'
import * as words from './words.ts'

const NOW = script('return now')
const PROBE = script(`redis.call('SET', KEYS[1], whole(now), 'PX', '60000') return now`)

/**
 * Shared state in Redis 5 or later, or Valkey; also in a Cluster of either. Open it before use.
 *
 * @throws OptionError
 * @example
 * // given process
 * const state = redisSharedState({ url: process.env.HOLDFAST_STATE ?? 'redis://localhost' })
 * await state.open()
 */
export function redisSharedState(options: RedisSharedStateOptions): SharedState {
  return new SharedStateInRedis(checkOptions(options))
}

class SharedStateInRedis implements SharedState {
  readonly capabilities: SharedCapabilities = { name: 'redis', durable: true, multiHost: true }
  readonly description: string
  readonly #id: string = randomUUID()
  readonly #connection: Connection
  readonly #keys: Keys
  readonly #listeners = new WorkListeners()
  readonly #channel: WordChannel
  #wanted = false

  constructor(options: CheckedOptions) {
    this.description = options.description
    const { client } = options
    this.#connection = new Connection({
      ...options,
      makeClient: client === undefined ? () => makeClient(options) : () => Promise.resolve<RedisClient>(client),
      ownsClient: client === undefined,
    })
    this.#keys = new Keys(options.prefix)
    this.#channel = new WordChannel({
      channel: this.#keys.channel,
      id: this.#id,
      connect: () => this.#connection.duplicate(),
      onHint: () => this.#listeners.tell(),
    })
  }

  async open(): Promise<void> {
    this.#connection.open()
    // Even when the server is away now: it may come back.
    if (this.#wanted) void this.#channel.start()
    await this.now()
  }

  async close(): Promise<void> {
    this.#channel.stop()
    this.#listeners.clear()
    await this.#connection.close()
  }

  async check(): Promise<readonly SharedWarning[]> {
    const old = await tooOld(this.#connection)
    if (old !== undefined) return [old]
    await this.#connection.run(PROBE, [this.#keys.probe], [])
    return warningsOf(this.#connection)
  }

  async now(): Promise<number> {
    return (await this.#connection.run(NOW, [this.#keys.probe], [])) as number
  }

  async acquire(name: string, owner: string, ttlMs: number): Promise<LeaseAnswer> {
    const ttl = lasting(ttlMs, 'ttlMs')
    return leases.acquire(this.#connection, this.#keys, checkShared(name, 'name'), checkShared(owner, 'owner'), ttl)
  }

  async release(name: string, owner: string): Promise<void> {
    await leases.release(this.#connection, this.#keys, checkShared(name, 'name'), checkShared(owner, 'owner'))
  }

  async exchange(exchange: Exchange): Promise<ExchangeAnswer> {
    return words.exchange(this.#connection, this.#keys, checkExchange(exchange), this.#id)
  }

  async fallSilent(reporter: string): Promise<void> {
    await words.fallSilent(this.#connection, this.#keys, checkShared(reporter, 'reporter'), this.#id)
  }

  async take(request: TakeRequest): Promise<TakeAnswer> {
    return buckets.take(this.#connection, this.#keys, checkTake(request))
  }

  async giveBack(request: GiveBackRequest): Promise<void> {
    await buckets.giveBack(this.#connection, this.#keys, checkGiveBack(request))
  }

  async block(name: string, ms: number): Promise<void> {
    await buckets.block(this.#connection, this.#keys, checkShared(name, 'name'), lasting(ms, 'ms', 0))
  }

  async begin(request: BeginRequest): Promise<BeginAnswer> {
    return once.begin(this.#connection, this.#keys, checkBegin(request), randomUUID())
  }

  async keep(name: string, token: string, leaseMs: number): Promise<boolean> {
    const lease = lasting(leaseMs, 'leaseMs')
    return once.keep(this.#connection, this.#keys, checkShared(name, 'name'), checkShared(token, 'token'), lease)
  }

  async finish(request: FinishRequest): Promise<boolean> {
    return once.finish(this.#connection, this.#keys, checkFinish(request))
  }

  async drop(name: string, token: string): Promise<boolean> {
    return once.drop(this.#connection, this.#keys, checkShared(name, 'name'), checkShared(token, 'token'))
  }

  readStates(prefix: string): Promise<readonly StoredState[]> {
    return states.readStates(this.#connection, this.#keys, prefix)
  }

  async writeState(name: string, value: unknown): Promise<void> {
    await states.writeState(this.#connection, this.#keys, checkShared(name, 'name'), toJson(value))
  }

  async deleteState(name: string): Promise<void> {
    await states.deleteState(this.#connection, this.#keys, name)
  }

  /** Keeps one more connection from the first listener on. */
  onWord(listener: () => void): () => void {
    this.#wanted = true
    if (this.#connection.isOpen) void this.#channel.start()
    return this.#listeners.add(listener)
  }
}
