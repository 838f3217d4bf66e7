/**
 * Removes finished jobs in time, in small batches, so that no one else waits long for the store. How often it looks follows
 * from how much it finds: ten thousand jobs a second are pruned every second, a hundred an hour when `every` says so.
 */
import type { Clock } from '../core/clock.ts'
import { sleep } from '../core/clock.ts'
import type { Duration } from '../core/duration.ts'
import { checkDuration, checkInteger } from '../core/validate.ts'
import type { Kind } from './kind.ts'
import { Periodic } from './periodic.ts'
import { RetentionRules } from './retention-rules.ts'
import type { JobStore, PruneRule } from './store.ts'

export interface PrunerOptions {
  readonly store: JobStore
  readonly clock: Clock
  /** Those that this process knows: their `retention` is theirs, and told to other processes on the store. */
  readonly kinds?: Iterable<Kind>
  /** Finished jobs of all other kinds go when they are older than this. Default 7 d. */
  readonly olderThan?: Duration
  /** At most so many stay, the newest, however young. Their idempotency keys stay for their window. Default 100,000. */
  readonly keep?: number
  /** Rows at once. Default 500. */
  readonly batch?: number
  /** The longest time between two rounds; the more is removed, the sooner the next one comes. Default 5 min. */
  readonly every?: Duration
}

/** What a round should find: the wait before the next one is chosen for that. */
const ROUND_ROWS = 10_000
const SHORTEST_MS = 1000
/** The least pause between two batches, in ms; it is as long as the batch took, so that others get half of the store's time. */
const BREATH_MS = 5

export class Pruner {
  readonly #store: JobStore
  readonly #clock: Clock
  readonly #others: PruneRule
  readonly #rules: RetentionRules
  readonly #batch: number
  readonly #everyMs: number
  readonly #periodic: Periodic
  #waitMs: number
  #stopped = false

  /** @throws OptionError */
  constructor(options: PrunerOptions) {
    this.#store = options.store
    this.#clock = options.clock
    this.#others = {
      olderThanMs: checkDuration(options.olderThan ?? '7d', 'retention.olderThan'),
      keep: checkInteger(options.keep ?? 100_000, 'retention.keep', 0),
    }
    this.#rules = new RetentionRules(options.store, options.kinds ?? [], this.#others)
    this.#batch = checkInteger(options.batch ?? 500, 'retention.batch', 1)
    this.#everyMs = checkDuration(options.every ?? '5m', 'retention.every', 1)
    // How much there is shows only when it is looked at.
    this.#waitMs = Math.min(10 * SHORTEST_MS, this.#everyMs)
    this.#periodic = new Periodic(
      options.clock,
      () => this.#waitMs,
      () => this.#round(),
    )
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
    const request = { ...this.#others, kinds: await this.#rules.read(), limit: this.#batch }
    let gone = 0
    for (;;) {
      const began = this.#clock.now()
      const count = await this.#store.prune(request)
      gone += count
      if (count < this.#batch || this.#stopped) return gone
      await sleep(this.#clock, Math.max(BREATH_MS, this.#clock.now() - began))
    }
  }

  async #round(): Promise<void> {
    const gone = await this.prune()
    const wanted = (this.#waitMs * ROUND_ROWS) / Math.max(gone, 1)
    // At most twice as long as the last time: one quiet round does not mean that the load is over.
    this.#waitMs = Math.min(Math.max(Math.min(wanted, 2 * this.#waitMs), SHORTEST_MS), this.#everyMs)
  }
}
