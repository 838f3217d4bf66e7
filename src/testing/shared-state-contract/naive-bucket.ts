/** A token bucket as one would write it first: credit that grows with time up to its limit, in ms. Intervals are whole ms. */
export class NaiveBucket {
  readonly intervalMs: number
  readonly burst: number
  #credit: number
  #blockedFor = 0

  constructor(intervalMs: number, burst: number) {
    this.intervalMs = intervalMs
    this.burst = burst
    this.#credit = intervalMs * burst
  }

  pass(ms: number): void {
    this.#credit = Math.min(this.#credit + ms, this.intervalMs * this.burst)
    this.#blockedFor = Math.max(0, this.#blockedFor - ms)
  }

  /** Tries one more token at a time. */
  take(cost: number, atLeast: number, maxWaitMs: number): readonly [granted: number, remaining: number, waitMs: number] {
    let granted = 0
    while (this.#blockedFor === 0 && granted < cost && this.#waitFor(granted + 1) <= maxWaitMs) granted++
    if (granted < atLeast) return [0, this.remaining, Math.max(this.#blockedFor, this.#waitFor(atLeast))]
    const waitMs = this.#waitFor(granted)
    this.#credit -= granted * this.intervalMs
    return [granted, this.remaining, waitMs]
  }

  giveBack(tokens: number): void {
    this.#credit = Math.min(this.#credit + tokens * this.intervalMs, this.intervalMs * this.burst)
  }

  block(ms: number): void {
    this.#blockedFor = Math.max(this.#blockedFor, ms)
  }

  get remaining(): number {
    return this.#blockedFor > 0 ? 0 : Math.max(0, Math.floor(this.#credit / this.intervalMs))
  }

  #waitFor(tokens: number): number {
    return Math.max(0, tokens * this.intervalMs - this.#credit)
  }
}
