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

  /** Twice is once. Never rejects. */
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
    client.on('message', (_: string, teller: string) => {
      if (teller !== id) onHint()
    })
    let subscribed: 'no' | 'asked' | 'yes' = 'no'
    const subscribe = async (): Promise<void> => {
      subscribed = 'asked'
      try {
        await client.subscribe(channel)
        subscribed = 'yes'
      } catch {
        // The server is away: again when it is back.
        subscribed = 'no'
      }
    }
    client.on('ready', () => {
      // The driver subscribes again by itself, once it has been. What was told while nobody listened is made up for.
      if (subscribed === 'yes') onHint()
      else if (subscribed === 'no') void subscribe().then(onHint)
    })
    // A client that connects when it is used is used by this; it may be ready already.
    if (client.status === 'wait' || client.status === 'ready') await subscribe()
  }
}
