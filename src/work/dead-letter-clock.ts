/**
 * Brings dead letters back when their time has come. How often and when is written on each letter.
 *
 * A few at a time, and twice as many each time for as long as more are due: an outage that left thousands is worked off in
 * minutes, and its target gets to refuse the first few before many come. Whether they may run is for admission to say.
 */
import type { Clock } from '../core/clock.ts'
import type { Duration } from '../core/duration.ts'
import type { EventBus } from '../core/events.ts'
import { checkDuration, checkInteger } from '../core/validate.ts'
import { Periodic } from './periodic.ts'
import { tellRedriven } from './queue.ts'
import type { JobStore } from './store.ts'
import { alone, type Turns } from './turns.ts'

export interface DeadLetterClockOptions {
  readonly store: JobStore
  readonly clock: Clock
  readonly events: EventBus
  /** Default 15 s. */
  readonly every?: Duration
  /** At most so many, the first time. Default 20. */
  readonly batch?: number
  /** And so many at most after that, while more are due. Default 500, or `batch` if that is more. */
  readonly batchMax?: number
  /** Keeps the pace when several processes have such a clock. */
  readonly turns?: Turns
}

/** Run it in any process that has the kinds, in all of them if you like: the store lets each letter come back once. */
export class DeadLetterClock {
  readonly #options: DeadLetterClockOptions
  readonly #batch: number
  readonly #batchMax: number
  #next: number
  readonly #periodic: Periodic

  /** @throws OptionError */
  constructor(options: DeadLetterClockOptions) {
    this.#options = options
    this.#batch = checkInteger(options.batch ?? 20, 'deadLetters.batch', 1, 1000)
    this.#batchMax = checkInteger(options.batchMax ?? Math.max(500, this.#batch), 'deadLetters.batchMax', this.#batch, 1000)
    this.#next = this.#batch
    const everyMs = checkDuration(options.every ?? '15s', 'deadLetters.every', 1)
    const { turns = alone } = options
    this.#periodic = new Periodic(options.clock, everyMs, async () => {
      if (await turns.mine('dead-letter-clock', everyMs * 0.9)) await this.redriveDue()
    })
  }

  start(): void {
    this.#periodic.start()
  }

  stop(): Promise<void> {
    return this.#periodic.stop()
  }

  /** One round. Answers the ids that came back; rejects with the store's error. */
  async redriveDue(): Promise<readonly string[]> {
    const { store, clock, events } = this.#options
    const limit = this.#next
    const ids = await store.redrive({ dueOnly: true, limit, by: 'clock' })
    this.#next = ids.length < limit ? this.#batch : Math.min(limit * 2, this.#batchMax)
    await tellRedriven(store, events, clock, ids, 'clock')
    return ids
  }
}
