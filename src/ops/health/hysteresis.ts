/**
 * Keeps an answer from flapping: a status changes when `need` of the last `of` observations agree on another one, and not
 * before it has stood for `minMs`. The very first observation counts at once.
 */
import { checkInteger, checkNumber } from '../../core/validate.ts'
import type { Health } from '../source.ts'

export interface HysteresisOptions {
  /** Default 1: every observation counts. */
  readonly need?: number
  /** Default: the same as `need`. */
  readonly of?: number
  /** Least time in a status, in ms. Default 0. */
  readonly minMs?: number
}

export class Hysteresis {
  readonly #need: number
  readonly #of: number
  readonly #minMs: number
  #recent: Health[] = []
  #current: Health | undefined
  #since = 0

  constructor({ need = 1, of = need, minMs = 0 }: HysteresisOptions = {}) {
    this.#need = checkInteger(need, 'hysteresis.need', 1, 100)
    this.#of = checkInteger(of, 'hysteresis.of', need, 1000)
    this.#minMs = checkNumber(minMs, 'hysteresis.minMs', 0)
  }

  /** When the current status began, in the caller's time. */
  get since(): number {
    return this.#since
  }

  /** Takes one observation; answers what to believe. */
  observe(seen: Health, now: number): Health {
    this.#recent = [...this.#recent, seen].slice(-this.#of)
    if (this.#current === undefined) return this.#change(seen, now)
    if (seen === this.#current || now - this.#since < this.#minMs) return this.#current
    const agreeing = this.#recent.filter((past) => past === seen).length
    return agreeing >= this.#need ? this.#change(seen, now) : this.#current
  }

  #change(to: Health, now: number): Health {
    this.#current = to
    this.#since = now
    return to
  }
}
