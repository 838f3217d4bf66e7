/**
 * Durations of the recent past: count, minimum, average, quantiles. Constant memory, constant time per sample, whatever
 * comes in; a quantile is right to 4 %, since samples are kept as counts in buckets that grow by that much.
 *
 * Not for billing or exact statistics.
 */
import type { LatencySummary } from '../source.ts'

/** Each bucket's upper bound is this much above the one before. */
const GROWTH = 1.04
const LOG_GROWTH = Math.log(GROWTH)
const SMALLEST_MS = 0.001
/** Enough for 1 µs to a day. */
const BUCKETS = Math.ceil(Math.log(86_400_000 / SMALLEST_MS) / LOG_GROWTH) + 1

export const NO_LATENCY: LatencySummary = { count: 0, minMs: 0, avgMs: 0, p50Ms: 0, p95Ms: 0, p99Ms: 0 }

export class LatencyHistogram {
  readonly #counts = new Uint32Array(BUCKETS)
  #count = 0
  #sum = 0
  #min = Number.POSITIVE_INFINITY
  #max = 0

  get count(): number {
    return this.#count
  }

  record(ms: number): void {
    const sample = ms > 0 ? ms : 0
    const bucket = bucketOf(sample)
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1
    this.#count++
    this.#sum += sample
    if (sample < this.#min) this.#min = sample
    if (sample > this.#max) this.#max = sample
  }

  clear(): void {
    this.#counts.fill(0)
    this.#count = 0
    this.#sum = 0
    this.#min = Number.POSITIVE_INFINITY
    this.#max = 0
  }

  /** Adds the other's samples to these. */
  add(other: LatencyHistogram): void {
    for (let i = 0; i < BUCKETS; i++) this.#counts[i] = (this.#counts[i] as number) + (other.#counts[i] as number)
    this.#count += other.#count
    this.#sum += other.#sum
    this.#min = Math.min(this.#min, other.#min)
    this.#max = Math.max(this.#max, other.#max)
  }

  summary(): LatencySummary {
    if (this.#count === 0) return NO_LATENCY
    return {
      count: this.#count,
      minMs: round(this.#min),
      avgMs: round(this.#sum / this.#count),
      p50Ms: this.#quantile(0.5),
      p95Ms: this.#quantile(0.95),
      p99Ms: this.#quantile(0.99),
    }
  }

  #quantile(share: number): number {
    let left = Math.ceil(this.#count * share)
    for (let i = 0; i < BUCKETS; i++) {
      left -= this.#counts[i] as number
      if (left <= 0) return round(Math.min(Math.max(middleOf(i), this.#min), this.#max))
    }
    return round(this.#max)
  }
}

function bucketOf(ms: number): number {
  if (!(ms > SMALLEST_MS)) return 0
  return Math.min(BUCKETS - 1, Math.ceil(Math.log(ms / SMALLEST_MS) / LOG_GROWTH))
}

function middleOf(bucket: number): number {
  return SMALLEST_MS * GROWTH ** (bucket - 0.5)
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000
}

/** How long a sample counts, at least; at most twice as long. */
export const RECENT_MS = 300_000

/**
 * The latency of the recent past: two histograms that take turns, so old samples go without being looked at one by one.
 * Told the time, in any monotonic ms.
 */
export class RecentLatency {
  readonly #windowMs: number
  #current = new LatencyHistogram()
  #previous = new LatencyHistogram()
  #endsAt = Number.NaN

  constructor(windowMs: number = RECENT_MS) {
    this.#windowMs = windowMs
  }

  record(ms: number, now: number): void {
    this.#turn(now)
    this.#current.record(ms)
  }

  summary(now: number): LatencySummary {
    this.#turn(now)
    if (this.#previous.count === 0) return this.#current.summary()
    const both = new LatencyHistogram()
    both.add(this.#previous)
    both.add(this.#current)
    return both.summary()
  }

  #turn(now: number): void {
    if (now < this.#endsAt) return
    const late = now - this.#endsAt
    const emptied = this.#previous
    emptied.clear()
    // After a long silence even the current window is too old.
    if (late >= this.#windowMs) this.#current.clear()
    this.#previous = this.#current
    this.#current = emptied
    this.#endsAt = now + this.#windowMs
  }
}
