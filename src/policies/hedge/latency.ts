/**
 * How long calls took lately, as a histogram whose buckets grow: recording is O(1), a quantile walks over the buckets in use
 * (some sixty where latencies span a factor of ten), and neither grows with the number of calls.
 *
 * A bucket is 1/16 of an octave wide, so a quantile is never too short and at most 4.5 % too long. Samples are forgotten half
 * a window at a time: a quantile speaks of the last half to whole window, and of nothing when there was none.
 */

const PER_OCTAVE = 16
const LOWEST_MS = 2 ** -6
const OCTAVES = 30
export const LATENCY_BUCKETS = PER_OCTAVE * OCTAVES

/** The bucket of a latency; what is shorter than the first or longer than the last is counted there. */
export function bucketOf(ms: number): number {
  // The last step makes 0 of NaN too.
  return Math.max(0, Math.min(LATENCY_BUCKETS - 1, Math.log2(ms / LOWEST_MS) * PER_OCTAVE)) | 0
}

/** The longest latency of a bucket. */
export function upperEdge(bucket: number): number {
  return LOWEST_MS * 2 ** ((bucket + 1) / PER_OCTAVE)
}

export class LatencyWindow {
  readonly #halfMs: number
  #recent = new Uint32Array(LATENCY_BUCKETS)
  #older = new Uint32Array(LATENCY_BUCKETS)
  #recentCount = 0
  #olderCount = 0
  /** The number of the recent half since the clock's zero. */
  #half = Number.NEGATIVE_INFINITY
  /** The buckets in use lie between these, both included. */
  #low = LATENCY_BUCKETS
  #high = 0

  constructor(windowMs: number) {
    this.#halfMs = windowMs / 2
  }

  record(ms: number, now: number): void {
    this.#forget(now)
    this.#add(bucketOf(ms), 1)
  }

  /** How many samples there are. */
  count(now: number): number {
    this.#forget(now)
    return this.#recentCount + this.#olderCount
  }

  /** The latency that this share of the samples did not exceed; 0 without samples. */
  quantile(share: number, now: number): number {
    const rank = Math.ceil(share * this.count(now))
    let passed = 0
    for (let bucket = this.#low; bucket <= this.#high; bucket++) {
      passed += this.#recent[bucket]! + this.#older[bucket]!
      if (passed >= rank) return upperEdge(bucket)
    }
    return 0
  }

  /** Bucket and count, of those in use. */
  samples(now: number): (readonly [bucket: number, count: number])[] {
    this.#forget(now)
    const found: (readonly [number, number])[] = []
    for (let bucket = this.#low; bucket <= this.#high; bucket++) {
      const count = this.#recent[bucket]! + this.#older[bucket]!
      if (count > 0) found.push([bucket, count])
    }
    return found
  }

  /** Replaces what is known by samples of now. */
  restore(samples: Iterable<readonly [bucket: number, count: number]>, now: number): void {
    this.#forget(Number.POSITIVE_INFINITY)
    this.#half = Math.floor(now / this.#halfMs)
    for (const [bucket, count] of samples) this.#add(bucket, count)
  }

  #add(bucket: number, count: number): void {
    this.#recent[bucket]! += count
    this.#recentCount += count
    this.#low = Math.min(this.#low, bucket)
    this.#high = Math.max(this.#high, bucket)
  }

  #forget(now: number): void {
    const half = Math.floor(now / this.#halfMs)
    if (half <= this.#half) return
    const skipped = half > this.#half + 1
    const oldest = this.#older
    this.#older = this.#recent
    this.#olderCount = this.#recentCount
    this.#recent = oldest.fill(0)
    this.#recentCount = 0
    this.#half = half
    if (skipped) {
      this.#older.fill(0)
      this.#olderCount = 0
    }
    if (this.#olderCount === 0) {
      this.#low = LATENCY_BUCKETS
      this.#high = 0
    }
  }
}
