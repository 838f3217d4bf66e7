/**
 * What the calls that finished in a stretch of time looked like: their round trip, the most that ran at once, and whether
 * calls were lost. O(1) per call: the percentile comes from a histogram with 64 steps per doubling, within 1.1 %.
 */

export interface SampleWindowSettings {
  /** A window lasts at least so long … */
  readonly ms: number
  /** … and until so many calls have finished. */
  readonly minSamples: number
  /** The round trip of the window: 0 the fastest, 0.5 the median. */
  readonly percentile: number
  /** So much of a window may be lost before it counts as a loss. */
  readonly lossTolerance: number
}

/** From a microsecond, which stands for anything faster, to over four hours, which stands for anything slower. */
const FASTEST_MS = 2 ** -10
const STEPS_PER_DOUBLING = 64
const STEPS = 34 * STEPS_PER_DOUBLING

export class SampleWindow {
  readonly ms: number
  readonly #minSamples: number
  readonly #percentile: number
  readonly #lossTolerance: number
  readonly #counts: Uint32Array | undefined
  #endsAt: number
  #maxInFlight = 0
  #samples = 0
  #lost = 0
  #fastest = Number.POSITIVE_INFINITY
  #slowest = 0

  constructor(settings: SampleWindowSettings, now: number) {
    this.ms = settings.ms
    this.#minSamples = settings.minSamples
    this.#percentile = settings.percentile
    this.#lossTolerance = settings.lossTolerance
    this.#counts = settings.percentile === 0 ? undefined : new Uint32Array(STEPS)
    this.#endsAt = now + settings.ms
  }

  /** Forgets everything and starts at `now`, with so many calls already running. */
  begin(now: number, inFlight: number): void {
    this.#endsAt = now + this.ms
    this.#maxInFlight = inFlight
    this.#counts?.fill(0)
    this.#samples = 0
    this.#lost = 0
    this.#fastest = Number.POSITIVE_INFINITY
    this.#slowest = 0
  }

  admitted(inFlight: number): void {
    this.#maxInFlight = Math.max(this.#maxInFlight, inFlight)
  }

  add(rttMs: number): void {
    const ms = Math.max(rttMs, FASTEST_MS)
    this.#samples++
    this.#fastest = Math.min(this.#fastest, ms)
    this.#slowest = Math.max(this.#slowest, ms)
    if (this.#counts !== undefined) this.#counts[stepOf(ms)]!++
  }

  lose(): void {
    this.#lost++
  }

  /** Its time is over and it has its samples; or so many are lost that waiting on would only lose more. */
  ready(now: number): boolean {
    if (now < this.#endsAt) return this.#lost >= this.#minSamples && this.dropped
    return this.#samples + this.#lost >= this.#minSamples
  }

  get maxInFlight(): number {
    return this.#maxInFlight
  }

  get dropped(): boolean {
    return this.#lost > (this.#samples + this.#lost) * this.#lossTolerance
  }

  /** NaN when no call came back. */
  get rttMs(): number {
    if (this.#samples === 0) return Number.NaN
    if (this.#counts === undefined) return this.#fastest
    const rank = Math.ceil(this.#samples * this.#percentile)
    let step = stepOf(this.#fastest)
    for (let seen = this.#counts[step]!; seen < rank; seen += this.#counts[step]!) step++
    return Math.min(this.#slowest, Math.max(this.#fastest, middleOf(step)))
  }
}

function stepOf(ms: number): number {
  return Math.min(STEPS - 1, Math.floor(Math.log2(ms / FASTEST_MS) * STEPS_PER_DOUBLING))
}

function middleOf(step: number): number {
  return FASTEST_MS * 2 ** ((step + 0.5) / STEPS_PER_DOUBLING)
}
