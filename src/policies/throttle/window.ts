/**
 * Requests and accepts of the last so many ms, in slices. Each slice expires by its own time, however long nothing came.
 * Both are counted in the slice in which the request was admitted, so that accepts never exceed requests.
 */

export const SLICES = 24

interface Slice {
  index: number
  requests: number
  accepts: number
}

export class RequestWindow {
  readonly #sliceMs: number
  readonly #slices: Slice[]
  /** The newest slice that `expire` has seen; what lies between is known to be old. */
  #seen = Number.NEGATIVE_INFINITY
  requests = 0
  accepts = 0

  constructor(ms: number) {
    this.#sliceMs = ms / SLICES
    this.#slices = Array.from({ length: SLICES }, () => ({ index: Number.NEGATIVE_INFINITY, requests: 0, accepts: 0 }))
  }

  /** The slice of a moment. */
  sliceAt(now: number): number {
    return Math.floor(now / this.#sliceMs)
  }

  /** The middle of a slice. */
  timeOf(index: number): number {
    return (index + 0.5) * this.#sliceMs
  }

  /** Counts in a slice that may be long over; what `expire` has seen leave the window is not counted. */
  count(index: number, requests: number, accepts: number): void {
    if (index <= this.#seen - SLICES) return
    const slice = this.#slices[((index % SLICES) + SLICES) % SLICES]!
    if (slice.index !== index) {
      this.#drop(slice)
      slice.index = index
    }
    slice.requests += requests
    slice.accepts += accepts
    this.requests += requests
    this.accepts += accepts
  }

  /** Forgets what is too old at `now`. */
  expire(now: number): void {
    const newest = this.sliceAt(now)
    // Stryker disable next-line ConditionalExpression: a short cut, what was forgotten once is not there to be forgotten again
    if (newest === this.#seen) return
    this.#seen = newest
    for (const slice of this.#slices) if (slice.index <= newest - SLICES) this.#drop(slice)
  }

  #drop(slice: Slice): void {
    this.requests -= slice.requests
    this.accepts -= slice.accepts
    slice.requests = 0
    slice.accepts = 0
  }

  clear(): void {
    for (const slice of this.#slices) this.#drop(slice)
  }

  /** What is in the window, oldest first. */
  *slices(): Generator<Readonly<Slice>> {
    const full = this.#slices.filter(({ requests }) => requests > 0)
    yield* full.sort((a, b) => a.index - b.index)
  }
}
