/**
 * Word of new work between processes, by LISTEN and NOTIFY on a connection of its own. Only ever a hint that spares a poll:
 * it may come late, twice or never, and no work depends on it.
 */
import { randomUUID } from 'node:crypto'
import type { Cancel, Clock } from '../../core/clock.ts'
import type { Random } from '../../core/random.ts'
import type { PgPoolClient } from './pg-types.ts'

export interface HintOptions {
  readonly channel: string
  readonly connect: () => Promise<PgPoolClient>
  /** Somebody else has work for us. */
  readonly onHint: () => void
  readonly clock: Clock
  readonly random: Random
}

interface Notification {
  readonly channel: string
  readonly payload?: string
}

/** Work that comes in fast is told of this often, in ms: every NOTIFY takes a lock that all of them share. */
const APART_MS = 10
/** A connection that died without a word is found out by asking, in ms. */
const ASK_EVERY_MS = 15_000
const ANSWER_WITHIN_MS = 5000
const FIRST_WAIT_MS = 100
const LONGEST_WAIT_MS = 15_000

export class Hints {
  /** Who tells: what comes back from ourselves is no news. */
  readonly id: string = randomUUID()
  readonly #options: HintOptions
  #client: PgPoolClient | undefined
  #release: ((destroy: boolean) => void) | undefined
  #failures = 0
  #stopped = false
  #timer: Cancel | undefined
  #telling: Cancel | undefined
  #unsaid = false
  #last: Promise<void> = Promise.resolve()

  constructor(options: HintOptions) {
    this.#options = options
  }

  /** True while word of other processes can arrive. */
  get listening(): boolean {
    return this.#client !== undefined
  }

  /** Resolves after the first try, successful or not; tries for ever after. */
  async start(): Promise<void> {
    try {
      await this.#listen()
    } catch {
      this.#again()
    }
  }

  stop(): void {
    this.#stopped = true
    this.#telling?.()
    this.#drop(true)
  }

  /** Tells the others that there is work; soon, and once for all that comes in meanwhile. */
  tell(): void {
    if (this.#telling !== undefined) {
      this.#unsaid = true
      return
    }
    void this.#notify()
    this.#telling = this.#options.clock.setTimer(
      APART_MS,
      () => {
        this.#telling = undefined
        if (!this.#unsaid) return
        this.#unsaid = false
        this.tell()
      },
      true,
    )
  }

  async #notify(): Promise<void> {
    const client = this.#client
    if (client === undefined) return
    const values = [this.#options.channel, this.id]
    await this.#inTurn(() => client.query({ text: 'SELECT pg_notify($1, $2)', values })).catch(() => {})
  }

  /** One query at a time: a client takes the next when the last was answered. */
  #inTurn<T>(query: () => Promise<T>): Promise<T> {
    const answer = this.#last.then(query)
    this.#last = answer.then(
      () => {},
      () => {},
    )
    return answer
  }

  async #listen(): Promise<void> {
    const client = await this.#options.connect()
    const onEnd = (): void => this.#lost(client)
    const onNotification = ({ payload }: Notification): void => {
      if (payload !== this.id) this.#options.onHint()
    }
    client.on('error', onEnd)
    client.on('end', onEnd)
    client.on('notification', onNotification)
    this.#release = (destroy) => {
      client.removeListener('end', onEnd)
      client.removeListener('notification', onNotification)
      client.release(destroy)
      // A dying connection may complain once more, after nobody cares.
      client.on('error', () => {})
      client.removeListener('error', onEnd)
    }
    // What was asked of the last connection may never be answered.
    this.#last = Promise.resolve()
    try {
      await client.query({ text: `LISTEN "${this.#options.channel}"` })
    } catch (error) {
      this.#drop(true)
      throw error
    }
    if (this.#stopped) return this.#drop(true)
    this.#client = client
    // What was told while nobody listened.
    if (this.#failures > 0) this.#options.onHint()
    this.#failures = 0
    this.#askLater(client)
  }

  #askLater(client: PgPoolClient): void {
    this.#timer = this.#options.clock.setTimer(ASK_EVERY_MS, () => void this.#ask(client), true)
  }

  async #ask(client: PgPoolClient): Promise<void> {
    const silent = this.#options.clock.setTimer(ANSWER_WITHIN_MS, () => this.#lost(client), true)
    try {
      await this.#inTurn(() => client.query({ text: 'SELECT 1' }))
      if (this.#client === client) this.#askLater(client)
    } catch {
      this.#lost(client)
    } finally {
      silent()
    }
  }

  #lost(client: PgPoolClient): void {
    if (this.#client !== client) return
    this.#drop(true)
    this.#again()
  }

  #again(): void {
    if (this.#stopped) return
    const wait = Math.min(FIRST_WAIT_MS * 2 ** Math.min(this.#failures++, 10), LONGEST_WAIT_MS)
    this.#timer = this.#options.clock.setTimer(wait * (0.5 + this.#options.random() / 2), () => void this.start(), true)
  }

  #drop(destroy: boolean): void {
    this.#timer?.()
    this.#timer = undefined
    const release = this.#release
    this.#client = undefined
    this.#release = undefined
    release?.(destroy)
  }
}
