/**
 * Extra calls as a share of calls, over a sliding window: an extra call is allowed while there would be at most
 * `ratio × calls + floor` of them in the window.
 *
 * Both are counted in ten buckets of a tenth of the window, and every bucket expires by its own time, so what happened before
 * a pause is forgotten after it. An extra call counts from its reservation, not from its start: those that wait are counted.
 * Source: the retry budgets of Finagle (`RetryBudget`) and tower (`TpsBudget`).
 */

export const BUCKETS = 10
/** `0.1 × 30` is a hair above 3 and `0.1 × 3` a hair below 0.3: neither may decide. */
const ROUNDING = 1e-9
/** More than any process makes in a window; a stored number above it is not one of ours. */
const MOST = 1e9

export interface BudgetSettings {
  /** Extra calls per call. */
  readonly ratio: number
  /** Extra calls in a window that are allowed whatever was called. */
  readonly floor: number
  readonly windowMs: number
}

export interface BudgetCount {
  /** Calls in the window. */
  readonly calls: number
  /** Extra calls that were reserved in the window and not given back. */
  readonly extras: number
  /** How many extra calls the window allows; a fraction is not one yet. */
  readonly allowed: number
  /** How many could be reserved now. */
  readonly available: number
}

export class BudgetMachine {
  readonly #settings: BudgetSettings
  readonly #bucketMs: number
  readonly #calls = new Float64Array(BUCKETS)
  readonly #extras = new Float64Array(BUCKETS)
  #totalCalls = 0
  #totalExtras = 0
  /** The number of the newest bucket since the clock's zero. */
  #newest = Number.NEGATIVE_INFINITY

  constructor(settings: BudgetSettings) {
    this.#settings = settings
    this.#bucketMs = settings.windowMs / BUCKETS
  }

  noteCall(now: number): void {
    this.#calls[this.#at(now)]!++
    this.#totalCalls++
  }

  reserve(now: number): boolean {
    const at = this.#at(now)
    if (this.#available() < 1) return false
    this.#extras[at]!++
    this.#totalExtras++
    return true
  }

  /** Counts an extra call that was made although nothing was left. */
  overdraw(now: number): void {
    this.#extras[this.#at(now)]!++
    this.#totalExtras++
  }

  /** Takes the youngest reservation back: the others expire sooner. Never below none. */
  refund(): void {
    if (this.#totalExtras === 0) return
    let at = this.#newest
    while (this.#extras[slot(at)] === 0) at--
    this.#extras[slot(at)]!--
    this.#totalExtras--
  }

  count(now: number): BudgetCount {
    this.#at(now)
    const available = Math.max(0, this.#available())
    return { calls: this.#totalCalls, extras: this.#totalExtras, allowed: this.#allowed(), available }
  }

  /** Goes on with what was counted `ageMs` ago. Amounts and ages that cannot be are clamped. */
  restore(calls: number, extras: number, ageMs: number, now: number): void {
    this.#calls.fill(0)
    this.#extras.fill(0)
    const newest = Math.floor(now / this.#bucketMs)
    const age = Math.floor(Math.max(0, ageMs) / this.#bucketMs)
    const kept = age < BUCKETS
    this.#newest = newest
    this.#totalCalls = kept ? clamp(calls) : 0
    this.#totalExtras = kept ? clamp(extras) : 0
    this.#calls[slot(newest - age)] = this.#totalCalls
    this.#extras[slot(newest - age)] = this.#totalExtras
  }

  #allowed(): number {
    return this.#settings.ratio * this.#totalCalls + this.#settings.floor
  }

  /** Below 0 after an overdraw. */
  #available(): number {
    return Math.floor(this.#allowed() + ROUNDING - this.#totalExtras)
  }

  /** The slot for `now`, after the expired ones were emptied. A time that came late counts as the newest known. */
  #at(now: number): number {
    const bucket = Math.max(this.#newest, Math.floor(now / this.#bucketMs))
    for (let left = Math.min(BUCKETS, bucket - this.#newest); left > 0; left--) this.#empty(slot(bucket - left + 1))
    this.#newest = bucket
    return slot(bucket)
  }

  #empty(at: number): void {
    this.#totalCalls -= this.#calls[at]!
    this.#totalExtras -= this.#extras[at]!
    this.#calls[at] = 0
    this.#extras[at] = 0
  }
}

/** A clock may start below zero. */
function slot(bucket: number): number {
  return ((bucket % BUCKETS) + BUCKETS) % BUCKETS
}

function clamp(count: number): number {
  return Math.min(Math.max(0, Math.floor(count)), MOST)
}
