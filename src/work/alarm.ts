/** A sleep that anyone may end early. Ringing while nobody sleeps ends the next sleep at once, so no call is missed. */
import type { Cancel, Clock } from '../core/clock.ts'

export class Alarm {
  readonly #clock: Clock
  #rung = false
  #wake: (() => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  ring(): void {
    if (this.#wake === undefined) this.#rung = true
    else this.#wake()
  }

  /** Waits `ms`, `Infinity` for until it rings. One sleeper at a time. */
  async sleep(ms: number): Promise<void> {
    if (!this.#rung)
      await new Promise<void>((resolve) => {
        const cancel: Cancel = Number.isFinite(ms) ? this.#clock.setTimer(ms, () => this.#wake?.()) : () => {}
        this.#wake = () => {
          this.#wake = undefined
          cancel()
          resolve()
        }
      })
    this.#rung = false
  }
}
