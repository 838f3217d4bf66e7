/** The right to make one call of which the breaker wants to know when it began, or which is a probe. */
import type { Outcome } from '../../core/outcome.ts'
import type { Permit } from '../../core/permit.ts'

/** Whoever gave the permit. */
export interface Issuer {
  settle(permit: BreakerPermit, outcome: Outcome, now: number, askedMs?: number): void
}

export class BreakerPermit implements Permit {
  readonly generation: number
  /** When it was given; only read while slow calls or probes matter. */
  readonly startedAt: number
  readonly #issuer: Issuer
  #released = false

  constructor(issuer: Issuer, generation: number, startedAt: number) {
    this.#issuer = issuer
    this.generation = generation
    this.startedAt = startedAt
  }

  /** `askedMs`: how long the failure asked everybody to stay away. */
  release(outcome: Outcome, now: number, askedMs?: number): void {
    if (this.#released) return
    this.#released = true
    this.#issuer.settle(this, outcome, now, askedMs)
  }
}
