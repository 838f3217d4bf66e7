/**
 * The first calls after a recovery: a share of them that grows evenly to all, so that a target that has just come back is not
 * overrun by everybody who was kept waiting.
 *
 * Admitted calls are spread evenly: after any number of calls the admitted ones differ from their share by less than one.
 */
import type { Random } from '../../core/random.ts'

export interface RampSettings {
  readonly overMs: number
  /** The share at its beginning, above 0 and at most 1. */
  readonly from: number
}

export class Ramp {
  readonly #settings: RampSettings
  readonly #startedAt: number
  /** What the refused calls have saved up; the first call is admitted. */
  #credit = 1

  constructor(settings: RampSettings, startedAt: number) {
    this.#settings = settings
    this.#startedAt = startedAt
  }

  get endsAt(): number {
    return this.#startedAt + this.#settings.overMs
  }

  /** The share of calls that is admitted at `now`; 1 when it is over. */
  share(now: number): number {
    const { from, overMs } = this.#settings
    return Math.min(1, from + ((1 - from) * Math.max(0, now - this.#startedAt)) / overMs)
  }

  /** Ms to wait for one that is refused: spread over what is left, since those refused must not come back all at once. */
  wait(now: number, random?: Random): number {
    return (this.endsAt - now) * (random?.() ?? 1)
  }

  admits(now: number): boolean {
    if (this.#credit >= 1) {
      this.#credit -= 1
      this.#credit += this.share(now)
      return true
    }
    this.#credit += this.share(now)
    return false
  }
}
