/** Removes finished jobs in time, in small batches, so that no one else waits long for the store. */
import type { Clock } from '../core/clock.ts'
import { sleep } from '../core/clock.ts'
import type { Duration } from '../core/duration.ts'
import { checkDuration, checkInteger } from '../core/validate.ts'
import { Periodic } from './periodic.ts'
import type { JobStore } from './store.ts'

export interface PrunerOptions {
  readonly store: JobStore
  readonly clock: Clock
  /** Finished jobs older than this go. Default 7 d. */
  readonly olderThan?: Duration
  /** At most so many stay, the newest, however young. Their idempotency keys stay for their window. Default 100,000. */
  readonly keep?: number
  /** Rows at once. Default 500. */
  readonly batch?: number
  /** Default 5 min. */
  readonly every?: Duration
}

/** Between two batches, in ms. */
const BREATH_MS = 50

export class Pruner {
  readonly #store: JobStore
  readonly #clock: Clock
  readonly #olderThanMs: number
  readonly #keep: number
  readonly #batch: number
  readonly #periodic: Periodic
  #stopped = false

  /** @throws OptionError */
  constructor(options: PrunerOptions) {
    this.#store = options.store
    this.#clock = options.clock
    this.#olderThanMs = checkDuration(options.olderThan ?? '7d', 'retention.olderThan')
    this.#keep = checkInteger(options.keep ?? 100_000, 'retention.keep', 0)
    this.#batch = checkInteger(options.batch ?? 500, 'retention.batch', 1)
    const everyMs = checkDuration(options.every ?? '5m', 'retention.every', 1)
    this.#periodic = new Periodic(options.clock, everyMs, () => this.prune())
  }

  start(): void {
    this.#periodic.start()
  }

  stop(): Promise<void> {
    this.#stopped = true
    return this.#periodic.stop()
  }

  /** One round, until nothing is left to remove. Answers how many rows went; rejects with the store's error. */
  async prune(): Promise<number> {
    let gone = 0
    for (;;) {
      const count = await this.#store.prune({ olderThanMs: this.#olderThanMs, keep: this.#keep, limit: this.#batch })
      gone += count
      if (count < this.#batch || this.#stopped) return gone
      await sleep(this.#clock, BREATH_MS)
    }
  }
}
