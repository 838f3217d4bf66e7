/**
 * A server that may be away, slow, full or a replica for a while. Runs scripts on it within a bounded time, and tells what
 * goes wrong in the store's own words.
 */
import type { Clock } from '../../core/clock.ts'
import { notOpen } from '../rules/unavailable.ts'
import { isUnknownScript, toStoreError, unavailable } from './redis-errors.ts'
import type { RedisClient } from './redis-types.ts'
import type { Script } from './script.ts'

export interface ConnectionOptions {
  readonly description: string
  readonly timeoutMs: number
  readonly clock: Clock
  readonly serverNow: (() => number) | undefined
  readonly makeClient: () => Promise<RedisClient>
  /** Whether the client is ours, to be ended with us. */
  readonly ownsClient: boolean
}

/** To load the driver and to connect. */
const FIRST_MS = 5000
const GRACE_MS = 5
/** The connection was lost, and could not be made again: the server counts as gone. */
const GONE = 2

export class Connection {
  readonly #options: ConnectionOptions
  #phase: 'new' | 'open' | 'closed' = 'new'
  #making: Promise<RedisClient> | undefined
  #client: RedisClient | undefined
  /** How often the connection was lost, or not made, since it last worked. */
  #losses = 0
  #lastError: unknown
  readonly #onReady = (): void => {
    this.#losses = 0
    this.#lastError = undefined
  }
  readonly #onClose = (): void => {
    this.#losses++
  }
  readonly #onError = (error: unknown): void => {
    this.#lastError = error
  }

  constructor(options: ConnectionOptions) {
    this.#options = options
  }

  open(): void {
    if (this.#phase === 'closed') throw notOpen(this.#options.description, true)
    this.#phase = 'open'
  }

  get isOpen(): boolean {
    return this.#phase === 'open'
  }

  async close(): Promise<void> {
    this.#phase = 'closed'
    const client = await this.#making?.catch(() => undefined)
    this.#making = undefined
    this.#client = undefined
    if (client === undefined) return
    client.removeListener('ready', this.#onReady)
    client.removeListener('close', this.#onClose)
    client.removeListener('error', this.#onError)
    if (this.#options.ownsClient) client.disconnect()
  }

  /** The script's answer, within the timeout. It may run twice on the server, when the connection broke before it answered. */
  run(script: Script, keys: readonly string[], values: readonly (string | number)[]): Promise<unknown> {
    const { serverNow } = this.#options
    const told = serverNow === undefined ? '' : Math.floor(serverNow())
    const args = [...keys, String(told), ...values.map(String)]
    return this.#bounded(async (client) => {
      try {
        return await client.evalsha(script.sha, keys.length, ...args)
      } catch (error) {
        if (!isUnknownScript(error)) throw error
        return client.eval(script.text, keys.length, ...args)
      }
    })
  }

  command(name: string, ...args: string[]): Promise<unknown> {
    return this.#bounded((client) => client.call(name, ...args))
  }

  /** Another one of the same settings, for what keeps a connection busy. It may not be connected yet; the caller ends it. */
  async duplicate(): Promise<RedisClient> {
    const client = (await this.#made()).duplicate()
    client.on('error', () => {})
    return client
  }

  async #bounded<T>(work: (client: RedisClient) => Promise<T>): Promise<T> {
    this.#assertOpen()
    const { description, clock } = this.#options
    // Whoever comes first has a driver to load, too.
    const timeoutMs = this.#client === undefined ? Math.max(this.#options.timeoutMs, FIRST_MS) : this.#options.timeoutMs
    let stop = (): void => {}
    const late = new Promise<never>((_, reject) => {
      const giveUp = (): void => {
        const error = new Error(`no answer in ${timeoutMs} ms`)
        this.#silence(error)
        reject(unavailable('timeout', description, error))
      }
      // A process that was held up itself reads what has arrived before it gives up.
      stop = clock.setTimer(
        timeoutMs,
        () => {
          stop = clock.setTimer(GRACE_MS, giveUp, true)
        },
        true,
      )
    })
    try {
      return await Promise.race([this.#connected().then(work), late])
    } catch (error) {
      throw this.#phase === 'closed' ? notOpen(description, true) : toStoreError(this.#causeOf(error), description)
    } finally {
      stop()
    }
  }

  async #connected(): Promise<RedisClient> {
    this.#client ??= await this.#made()
    // Whoever asks while it is known to be gone need not wait to hear so.
    if (this.#losses >= GONE || this.#client.status === 'end')
      throw unavailable('lost', this.#options.description, this.#lastError ?? new Error('connection is closed'))
    return this.#client
  }

  async #made(): Promise<RedisClient> {
    this.#making ??= this.#options.makeClient().then(
      (client) => {
        client.on('ready', this.#onReady)
        client.on('close', this.#onClose)
        client.on('error', this.#onError)
        return client
      },
      (error: unknown) => {
        this.#making = undefined
        throw error
      },
    )
    const client = await this.#making
    this.#assertOpen()
    return client
  }

  /** Somebody waited in vain for a connection: until there is one, nobody else need. */
  #silence(error: Error): void {
    if (this.#client === undefined || this.#client.status === 'ready') return
    this.#losses = Math.max(this.#losses, GONE)
    this.#lastError ??= error
  }

  /** The driver says only that it gave up; why is in what it said before. */
  #causeOf(error: unknown): unknown {
    const gaveUp = error instanceof Error && /max retries per request|connection is closed/i.test(error.message)
    return gaveUp && this.#lastError !== undefined ? this.#lastError : error
  }

  #assertOpen(): void {
    if (this.#phase !== 'open') throw notOpen(this.#options.description, this.#phase === 'closed')
  }
}
