/**
 * Can the store take a write now? Asked with a real write, at most every few seconds however many ask, and never waited for
 * long: an answer that does not come is a no.
 */
import type { Clock } from '../core/clock.ts'
import { describeError } from '../core/errors.ts'
import { withTimeLimit } from '../ops/health/time-limit.ts'
import type { JobStore } from '../work/store.ts'

export interface StoreAnswer {
  readonly ok: boolean
  readonly message: string
}

const FRESH_MS = 2000
/** After a no it is asked again soon, so that recovery shows. */
const FRESH_AFTER_FAILURE_MS = 500
const PATIENCE_MS = 3000

export class StoreProbe {
  readonly #store: JobStore
  readonly #clock: Clock
  #answer: StoreAnswer | undefined
  #askedAt = Number.NEGATIVE_INFINITY
  #asking: Promise<StoreAnswer> | undefined

  constructor(store: JobStore, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  ask(): Promise<StoreAnswer> {
    const fresh = this.#answer?.ok === false ? FRESH_AFTER_FAILURE_MS : FRESH_MS
    if (this.#answer !== undefined && this.#clock.now() - this.#askedAt < fresh) return Promise.resolve(this.#answer)
    this.#asking ??= this.#probe().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async #probe(): Promise<StoreAnswer> {
    try {
      await withTimeLimit(this.#clock, PATIENCE_MS, () => this.#store.check())
      this.#answer = { ok: true, message: 'the store takes writes' }
    } catch (error) {
      this.#answer = { ok: false, message: describeError(error).message }
    }
    this.#askedAt = this.#clock.now()
    return this.#answer
  }
}
