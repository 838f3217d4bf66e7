/** Gives back what hands hold and do not use. One timer for all, none while there is nothing to give back. */
import type { Cancel } from '../../../core/clock.ts'
import type { SharedRules } from './options.ts'
import type { SharedBucket } from './shared-bucket.ts'

export class IdleHands {
  readonly #rules: SharedRules
  readonly #buckets: () => Iterable<SharedBucket>
  #timer: Cancel | undefined

  constructor(rules: SharedRules, buckets: () => Iterable<SharedBucket>) {
    this.#rules = rules
    this.#buckets = buckets
  }

  /** Looks, from now on, until nothing is in hand. A strict limiter has nothing there. */
  watch(): void {
    if (this.#timer !== undefined || this.#rules.strict) return
    this.#timer = this.#rules.clock.setTimer(this.#rules.idleMs, () => this.#look(), true)
  }

  stop(): void {
    this.#timer?.()
    this.#timer = undefined
  }

  #look(): void {
    this.#timer = undefined
    const used = this.#rules.clock.now() - this.#rules.idleMs
    let anything = false
    for (const bucket of this.#buckets()) {
      if (bucket.hand.usedAt <= used) bucket.putBack()
      else anything = true
    }
    if (anything) this.watch()
  }
}
