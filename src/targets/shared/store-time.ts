/** The store's clock as this process estimates it: learnt from every answer, carried on by the monotonic clock in between. */
import type { Clock } from '../../core/clock.ts'

/** What is less is the network, and clocks that drift. */
const STEP_MS = 2000

export class StoreTime {
  readonly #clock: Clock
  #offset: number | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Epoch ms. Before the first answer: this process's own wall clock. */
  now(): number {
    return Math.floor(this.#offset === undefined ? this.#clock.wallNow() : this.#clock.now() + this.#offset)
  }

  /**
   * @param storeNow what the store said
   * @param askedAt monotonic ms when it was asked
   * @returns whether the store's clock was set since it was asked last
   */
  learn(storeNow: number, askedAt: number): boolean {
    const answeredAt = this.#clock.now()
    const offset = storeNow - (askedAt + answeredAt) / 2
    const before = this.#offset
    this.#offset = offset
    return before !== undefined && Math.abs(offset - before) > STEP_MS + (answeredAt - askedAt)
  }
}
