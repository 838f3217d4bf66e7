/** An answer that costs something, asked for at most so often and shared by all who want it meanwhile. */
import type { Clock } from '../core/clock.ts'

export class Kept<T> {
  readonly #clock: Clock
  readonly #freshMs: number
  readonly #ask: () => Promise<T>
  #answer: Promise<T> | undefined
  #askedAt = Number.NEGATIVE_INFINITY

  constructor(clock: Clock, freshMs: number, ask: () => Promise<T>) {
    this.#clock = clock
    this.#freshMs = freshMs
    this.#ask = ask
  }

  ask(): Promise<T> {
    const now = this.#clock.now()
    if (this.#answer === undefined || now - this.#askedAt >= this.#freshMs) {
      this.#askedAt = now
      const answer = this.#ask()
      this.#answer = answer
      // A failure is not kept: whoever asks next tries again.
      answer.catch(() => {
        if (this.#answer === answer) this.#answer = undefined
      })
    }
    return this.#answer
  }
}
