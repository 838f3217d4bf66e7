/**
 * The right to make one call, given by a machine. Machines are pure and told the time.
 */
import type { Outcome } from './outcome.ts'

export interface Permit {
  /** The machine's state period that gave it; a late release of an earlier period changes nothing but the stale count. */
  readonly generation: number
  /** Gives the right back, with what was learnt. Only the first release counts. `now` is monotonic ms. */
  release(outcome: Outcome, now: number): void
}

/** Why admission said no, and when it may say yes. */
export interface Rejection {
  readonly rejected: true
  /** Ms until another try makes sense; absent when unknown. */
  readonly retryAfterMs?: number
  readonly reason: string
}

export function isRejection(answer: Permit | Rejection): answer is Rejection {
  return 'rejected' in answer
}

/**
 * A permit for callers that cannot wrap a function: `using permit = breaker.acquire()`.
 * Leaving the block without a verdict is neutral.
 */
export class ManualPermit implements Disposable {
  readonly #permit: Permit
  readonly #now: () => number

  constructor(permit: Permit, now: () => number) {
    this.#permit = permit
    this.#now = now
  }

  succeed(): void {
    this.#permit.release('success', this.#now())
  }

  fail(): void {
    this.#permit.release('failure', this.#now())
  }

  [Symbol.dispose](): void {
    this.#permit.release('neutral', this.#now())
  }
}
