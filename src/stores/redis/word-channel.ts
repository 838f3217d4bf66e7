/**
 * Word of new words between processes, on a connection of its own. Only ever a hint that spares waiting: it may come late,
 * twice or never. The driver connects and subscribes again by itself.
 */
import type { RedisClient } from './redis-types.ts'

export interface WordChannelOptions {
  readonly channel: string
  /** What is told under this name is from ourselves, and no news. */
  readonly id: string
  readonly connect: () => Promise<RedisClient>
  readonly onHint: () => void
}

export class WordChannel {
  readonly #options: WordChannelOptions
  #starting: Promise<void> | undefined
  #client: RedisClient | undefined
  #stopped = false

  constructor(options: WordChannelOptions) {
    this.#options = options
  }

  /** Resolves after the first try, successful or not. Twice is once. */
  start(): Promise<void> {
    this.#starting ??= this.#listen().catch(() => {
      this.#starting = undefined
    })
    return this.#starting
  }

  stop(): void {
    this.#stopped = true
    this.#client?.disconnect()
    this.#client = undefined
  }

  async #listen(): Promise<void> {
    const { channel, id, connect, onHint } = this.#options
    const client = await connect()
    if (this.#stopped) return client.disconnect()
    this.#client = client
    let times = 0
    client.on('message', (_: string, teller: string) => {
      if (teller !== id) onHint()
    })
    // What was told while nobody listened.
    client.on('ready', () => {
      if (times++ > 0) onHint()
    })
    await client.subscribe(channel).catch(() => {})
  }
}
