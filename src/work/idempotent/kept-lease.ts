/**
 * The right to do the work of a key, renewed at a third of its time while the work runs.
 *
 * It is lost when the store says so, or when it was not renewed in time: from then on somebody else may have it. Time is counted
 * from before each request was sent, so it never seems longer here than it is there.
 */
import { answerWithin } from '../../core/answer-within.ts'
import type { Cancel } from '../../core/clock.ts'
import type { OnceRules } from './options.ts'

export class KeptLease {
  readonly token: string
  /** Resolves when the lease is lost; never, once it was stopped. */
  readonly lost: Promise<void>
  readonly #rules: OnceRules
  readonly #name: string
  #heldUntil: number
  #timer: Cancel | undefined
  #lose: () => void = () => {}
  #isLost = false
  #stopped = false

  /** @param askedAt monotonic ms before `begin` was sent */
  constructor(rules: OnceRules, name: string, token: string, askedAt: number) {
    this.#rules = rules
    this.#name = name
    this.token = token
    this.#heldUntil = askedAt + rules.leaseMs
    this.lost = new Promise((resolve) => {
      this.#lose = resolve
    })
    this.#arm(rules.leaseMs / 3)
  }

  get isLost(): boolean {
    return this.#isLost
  }

  /** Renews no more; what was held ends by itself. */
  stop(): void {
    this.#stopped = true
    this.#timer?.()
  }

  #arm(ms: number): void {
    if (!this.#stopped) this.#timer = this.#rules.clock.setTimer(ms, () => void this.#renew(), true)
  }

  /** Asks even when the time is over, as after a pause of the whole process: who asks in time still has it. */
  async #renew(): Promise<void> {
    const { clock, state, leaseMs, goesLocal } = this.#rules
    const sentAt = clock.now()
    try {
      const limitMs = Math.min(this.#rules.storeTimeoutMs, leaseMs / 3)
      if (!(await answerWithin(clock, limitMs, () => state.keep(this.#name, this.token, leaseMs)))) return this.#end()
      this.#heldUntil = sentAt + leaseMs
    } catch {
      // Without the store nobody can say whose it is now.
      if (clock.now() >= this.#heldUntil && !goesLocal) return this.#end()
    }
    const left = this.#heldUntil - clock.now()
    this.#arm(left > 0 ? Math.min(leaseMs / 3, left) : leaseMs / 3)
  }

  #end(): void {
    if (this.#stopped) return
    this.#isLost = true
    this.stop()
    this.#lose()
  }
}
