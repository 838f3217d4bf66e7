/**
 * Two ways to keep a rate, both O(1) per decision, both exact, both told the time.
 *
 * Token bucket as GCRA (ITU-T I.371, the "theoretical arrival time"): one number per key. `burst` may go at once, after that
 * one per emission interval. Sliding window: a ring of the last `limit` admissions; never more than `limit` in any window of
 * that length.
 */

export interface RateDecision {
  readonly allowed: boolean
  /** 0 when allowed, else how long until the same cost would be allowed if nobody else took any. */
  readonly retryAfterMs: number
  /** Whole permits left after this decision. */
  readonly remaining: number
}

export interface RateMachine {
  /** The largest cost that can ever be allowed. */
  readonly capacity: number
  /** What `take` would answer. */
  peek(now: number, cost: number): RateDecision
  /** Decides, and counts the cost when allowed. */
  take(now: number, cost: number): RateDecision
  /** Counts the cost now for a call that starts later; answers the wait in ms. */
  reserve(now: number, cost: number): number
  /** True when it is as good as new: its state may be forgotten. */
  isIdle(now: number): boolean
}

export class TokenBucket implements RateMachine {
  readonly capacity: number
  readonly #intervalMs: number
  /** When the bucket will be full again. */
  #fullAt = Number.NEGATIVE_INFINITY

  constructor(limit: number, perMs: number, burst: number) {
    this.capacity = burst
    this.#intervalMs = perMs / limit
  }

  peek(now: number, cost: number): RateDecision {
    const wait = this.#wait(now, cost)
    return { allowed: wait <= 0, retryAfterMs: Math.max(0, wait), remaining: this.#remaining(now) }
  }

  take(now: number, cost: number): RateDecision {
    const wait = this.#wait(now, cost)
    if (wait > 0) return { allowed: false, retryAfterMs: wait, remaining: this.#remaining(now) }
    this.#fullAt = Math.max(this.#fullAt, now) + cost * this.#intervalMs
    return { allowed: true, retryAfterMs: 0, remaining: this.#remaining(now) }
  }

  reserve(now: number, cost: number): number {
    const wait = Math.max(0, this.#wait(now, cost))
    this.#fullAt = Math.max(this.#fullAt, now) + cost * this.#intervalMs
    return wait
  }

  #wait(now: number, cost: number): number {
    return Math.max(this.#fullAt, now) + cost * this.#intervalMs - now - this.capacity * this.#intervalMs
  }

  #remaining(now: number): number {
    const missing = Math.max(0, this.#fullAt - now) / this.#intervalMs
    return Math.max(0, Math.floor(this.capacity - missing + 1e-9))
  }

  isIdle(now: number): boolean {
    return this.#fullAt <= now
  }
}

export class SlidingWindow implements RateMachine {
  readonly capacity: number
  readonly #perMs: number
  /** Times of the last `limit` admissions, oldest at `#next`. */
  readonly #ring: Float64Array
  #next = 0
  #latest = Number.NEGATIVE_INFINITY

  constructor(limit: number, perMs: number) {
    this.capacity = limit
    this.#perMs = perMs
    this.#ring = new Float64Array(limit).fill(Number.NEGATIVE_INFINITY)
  }

  peek(now: number, cost: number): RateDecision {
    const wait = this.#wait(now, cost)
    return { allowed: wait <= 0, retryAfterMs: Math.max(0, wait), remaining: this.#remaining(now) }
  }

  take(now: number, cost: number): RateDecision {
    const wait = this.#wait(now, cost)
    if (wait > 0) return { allowed: false, retryAfterMs: wait, remaining: this.#remaining(now) }
    this.#admit(now, cost)
    return { allowed: true, retryAfterMs: 0, remaining: this.#remaining(now) }
  }

  reserve(now: number, cost: number): number {
    const wait = Math.max(0, this.#wait(now, cost))
    this.#admit(now + wait, cost)
    return wait
  }

  /** The `cost` oldest admissions must have left the window. */
  #wait(now: number, cost: number): number {
    const last = this.#ring[(this.#next + cost - 1) % this.capacity] as number
    return Math.max(last + this.#perMs, this.#latest) - now
  }

  #admit(at: number, cost: number): void {
    for (let count = 0; count < cost; count++) {
      this.#ring[this.#next] = at
      this.#next = (this.#next + 1) % this.capacity
    }
    this.#latest = at
  }

  #remaining(now: number): number {
    // Times in the ring only grow from the oldest on, so the ones that have left are found by bisection.
    let low = 0
    let high = this.capacity
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#ring[(this.#next + middle) % this.capacity] as number) + this.#perMs <= now) low = middle + 1
      else high = middle
    }
    return low
  }

  isIdle(now: number): boolean {
    return this.#latest + this.#perMs <= now
  }
}
