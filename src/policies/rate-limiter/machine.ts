/**
 * Two ways to keep a rate, both O(1) per decision, both exact, both told the time.
 *
 * Token bucket as GCRA (ITU-T I.371, the "theoretical arrival time"): one number per key. `burst` may go at once, after that
 * one per emission interval. Sliding window: a ring of the last `limit` admissions; never more than `limit` in any window of
 * that length.
 *
 * A place that was reserved and given up again is free at once: the latest one is undone, an earlier one, behind which others
 * already sleep, goes to the next who asks for as much.
 */
import { FreedPlaces, SAME_TIME_MS } from './freed-places.ts'

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
  /** The same in a number: 0 when allowed, else how long until it would be. */
  tryTake(now: number, cost: number): number
  /** Counts the cost now for a call that starts later; answers the wait in ms. */
  reserve(now: number, cost: number): number
  /** Gives a reserved place of the future back; `at` is the time of its reservation plus its wait. */
  refund(at: number, cost: number): void
  /** True when it is as good as new: its state may be forgotten. */
  isIdle(now: number): boolean
}

export class TokenBucket implements RateMachine {
  readonly capacity: number
  readonly #intervalMs: number
  readonly #toleranceMs: number
  /** When the bucket will be full again. */
  #fullAt = Number.NEGATIVE_INFINITY
  #freed: FreedPlaces | undefined

  constructor(limit: number, perMs: number, burst: number) {
    this.capacity = burst
    this.#intervalMs = perMs / limit
    this.#toleranceMs = Math.min(SAME_TIME_MS, this.#intervalMs / 100)
  }

  peek(now: number, cost: number): RateDecision {
    const wait = this.#wait(now, cost)
    return { allowed: wait === 0, retryAfterMs: wait, remaining: this.#remaining(now) }
  }

  take(now: number, cost: number): RateDecision {
    const wait = this.tryTake(now, cost)
    return { allowed: wait === 0, retryAfterMs: wait, remaining: this.#remaining(now) }
  }

  tryTake(now: number, cost: number): number {
    const wait = this.#wait(now, cost)
    if (wait === 0) this.#occupy(now, now, cost)
    return wait
  }

  reserve(now: number, cost: number): number {
    const wait = this.#wait(now, cost)
    this.#occupy(now, now + wait, cost)
    return wait
  }

  refund(at: number, cost: number): void {
    this.#freed ??= new FreedPlaces()
    this.#freed.add(at, cost)
    for (let latest = this.#freed.latest; latest !== undefined; latest = this.#freed.latest) {
      if (Math.abs(latest.at + this.capacity * this.#intervalMs - this.#fullAt) > this.#toleranceMs) return
      this.#fullAt -= latest.cost * this.#intervalMs
      this.#freed.dropLatest()
    }
    this.#freed = undefined
  }

  #wait(now: number, cost: number): number {
    const at = this.#freed?.earliest(now, cost) ?? Math.max(this.#fullAt, now) + (cost - this.capacity) * this.#intervalMs
    return at - now > this.#toleranceMs ? at - now : 0
  }

  #occupy(now: number, at: number, cost: number): void {
    if (this.#freed?.take(at, cost)) return
    this.#fullAt = Math.max(this.#fullAt, now) + cost * this.#intervalMs
  }

  #remaining(now: number): number {
    const missing = Math.max(0, this.#fullAt - now) / this.#intervalMs
    return Math.max(0, Math.floor(this.capacity - missing + this.#toleranceMs / this.#intervalMs))
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
  #freed: FreedPlaces | undefined

  constructor(limit: number, perMs: number) {
    this.capacity = limit
    this.#perMs = perMs
    this.#ring = new Float64Array(limit).fill(Number.NEGATIVE_INFINITY)
  }

  peek(now: number, cost: number): RateDecision {
    const wait = this.#wait(now, cost)
    return { allowed: wait === 0, retryAfterMs: wait, remaining: this.#remaining(now) }
  }

  take(now: number, cost: number): RateDecision {
    const wait = this.tryTake(now, cost)
    return { allowed: wait === 0, retryAfterMs: wait, remaining: this.#remaining(now) }
  }

  tryTake(now: number, cost: number): number {
    const wait = this.#wait(now, cost)
    if (wait === 0) this.#occupy(now, cost)
    return wait
  }

  reserve(now: number, cost: number): number {
    const wait = this.#wait(now, cost)
    this.#occupy(now + wait, cost)
    return wait
  }

  refund(at: number, cost: number): void {
    this.#freed ??= new FreedPlaces()
    this.#freed.add(at, cost)
    for (let latest = this.#freed.latest; latest !== undefined; latest = this.#freed.latest) {
      if (Math.abs(latest.at - this.#latest) > SAME_TIME_MS) return
      this.#undo(latest.at, latest.cost)
      this.#freed.dropLatest()
    }
    this.#freed = undefined
  }

  /** Takes the latest admissions out of the ring. What they replaced had left the window by then, and that is all that counts. */
  #undo(at: number, cost: number): void {
    const oldest = cost < this.capacity ? (this.#ring[this.#next] as number) : at - this.#perMs
    for (let count = 0; count < cost; count++) {
      this.#next = (this.#next + this.capacity - 1) % this.capacity
      this.#ring[this.#next] = Math.min(at - this.#perMs, oldest)
    }
    this.#latest = this.#ring[(this.#next + this.capacity - 1) % this.capacity] as number
  }

  /** The `cost` oldest admissions must have left the window. */
  #wait(now: number, cost: number): number {
    const last = this.#ring[(this.#next + cost - 1) % this.capacity] as number
    const at = this.#freed?.earliest(now, cost) ?? Math.max(last + this.#perMs, this.#latest)
    return at - now > SAME_TIME_MS ? at - now : 0
  }

  #occupy(time: number, cost: number): void {
    if (this.#freed?.take(time, cost)) return
    const at = Math.max(time, this.#latest)
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
