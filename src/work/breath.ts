/**
 * Keeps a loop from starving the rest of its process. With a store in memory, or one that answers at once, a loop may go
 * from promise to promise for as long as there is work, and no timer or socket gets a turn meanwhile.
 */
import type { Cancel, Clock } from '../core/clock.ts'
import { sleep } from '../core/clock.ts'

/** How long the loop may go on alone. */
const LONGEST_MS = 20

export class Breath {
  readonly #clock: Clock
  /** Since when nothing else had a turn, as far as we know. */
  #since: number
  /** Fires as soon as timers get a turn. */
  #marker: Cancel | undefined

  constructor(clock: Clock) {
    this.#clock = clock
    this.#since = clock.now()
  }

  /** Lets others in, when that is due. To be called in every turn of the loop. */
  async take(): Promise<void> {
    const now = this.#clock.now()
    if (this.#marker === undefined) {
      this.#since = now
      this.#marker = this.#clock.setTimer(0, () => this.stop(), true)
    } else if (now - this.#since >= LONGEST_MS) await sleep(this.#clock, 0)
  }

  /** Leaves no timer. */
  stop(): void {
    this.#marker?.()
    this.#marker = undefined
  }
}
