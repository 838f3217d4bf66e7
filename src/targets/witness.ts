/**
 * Whether this process has lately seen the target answer: what it sets against the word of others that the target is down.
 *
 * A single failure does not take it back, since a target that fails one call in ten answers; a row of failures does.
 */

const LATELY_MS = 10_000
const ROW = 3

export class Witness {
  #answeredAt = Number.NEGATIVE_INFINITY
  #failedSince = 0

  answered(now: number): void {
    this.#answeredAt = now
    this.#failedSince = 0
  }

  failed(): void {
    this.#failedSince++
  }

  /** When it answered last, monotonic ms. */
  get answeredAt(): number {
    return this.#answeredAt
  }

  isSure(now: number): boolean {
    return this.#failedSince < ROW && now - this.#answeredAt < LATELY_MS
  }
}
