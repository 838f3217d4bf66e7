/**
 * What a breaker remembers of finished calls: how many, how many failed, how many were slow. O(1) per call, whatever the
 * failure rate.
 */

const FAILED = 1
const SLOW = 2

export interface CallWindow {
  readonly calls: number
  readonly failures: number
  readonly slow: number
  record(failed: boolean, slow: boolean, now: number): void
  /** Forgets what is too old at `now`. */
  expire(now: number): void
  clear(): void
}

/** The last `size` calls. */
export class CountWindow implements CallWindow {
  readonly #ring: Uint8Array
  #next = 0
  calls = 0
  failures = 0
  slow = 0

  constructor(size: number) {
    this.#ring = new Uint8Array(size)
  }

  record(failed: boolean, slow: boolean): void {
    const size = this.#ring.length
    if (this.calls === size) this.#count(this.#ring[this.#next] as number, -1)
    else this.calls++
    const entry = (failed ? FAILED : 0) | (slow ? SLOW : 0)
    this.#ring[this.#next] = entry
    this.#count(entry, 1)
    this.#next = (this.#next + 1) % size
  }

  #count(entry: number, by: number): void {
    if (entry & FAILED) this.failures += by
    if (entry & SLOW) this.slow += by
  }

  expire(): void {}

  clear(): void {
    this.calls = 0
    this.failures = 0
    this.slow = 0
    this.#next = 0
  }
}

const BUCKETS = 10

interface Bucket {
  slice: number
  calls: number
  failures: number
  slow: number
}

/** The calls of the last `ms`, in ten slices. Each slice expires by its own time, however long nothing was recorded. */
export class TimeWindow implements CallWindow {
  readonly #sliceMs: number
  readonly #buckets: Bucket[]
  #current: Bucket
  /** The newest slice that `expire` has seen; what lies between is known to be old. */
  #seen = Number.NEGATIVE_INFINITY
  calls = 0
  failures = 0
  slow = 0

  constructor(ms: number) {
    this.#sliceMs = ms / BUCKETS
    this.#buckets = Array.from({ length: BUCKETS }, () => ({ slice: 0, calls: 0, failures: 0, slow: 0 }))
    this.#current = this.#buckets[0]!
  }

  record(failed: boolean, slow: boolean, now: number): void {
    this.expire(now)
    const bucket = this.#current
    bucket.calls++
    this.calls++
    if (failed) {
      bucket.failures++
      this.failures++
    }
    if (slow) {
      bucket.slow++
      this.slow++
    }
  }

  expire(now: number): void {
    const slice = Math.floor(now / this.#sliceMs)
    // Stryker disable next-line ConditionalExpression: a short cut, what was forgotten once is not there to be forgotten again
    if (slice === this.#seen) return
    this.#seen = slice
    for (const bucket of this.#buckets) if (bucket.slice <= slice - BUCKETS) this.#drop(bucket)
    // A clock may start below zero.
    this.#current = this.#buckets.at(slice % BUCKETS)!
    this.#current.slice = slice
  }

  #drop(bucket: Bucket): void {
    this.calls -= bucket.calls
    this.failures -= bucket.failures
    this.slow -= bucket.slow
    bucket.calls = 0
    bucket.failures = 0
    bucket.slow = 0
  }

  clear(): void {
    for (const bucket of this.#buckets) this.#drop(bucket)
  }
}
