/** Brings dead letters back when their time has come, a few at a time. How often and when is written on each letter. */
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
  /** At most so many each time. Default 20. */
  readonly batch?: number
  /** Keeps the pace when several processes have such a clock. */
  readonly turns?: Turns
}

/** Run it in any process that has the kinds, in all of them if you like: the store lets each letter come back once. */
export class DeadLetterClock {
  readonly #options: DeadLetterClockOptions
  readonly #batch: number
  readonly #periodic: Periodic

  /** @throws OptionError */
  constructor(options: DeadLetterClockOptions) {
    this.#options = options
    this.#batch = checkInteger(options.batch ?? 20, 'deadLetters.batch', 1, 1000)
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
    const ids = await store.redrive({ dueOnly: true, limit: this.#batch, by: 'clock' })
    await tellRedriven(store, events, clock, ids, 'clock')
    return ids
  }
}
