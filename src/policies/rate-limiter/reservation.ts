/**
 * A place under a rate limit, taken now for a call that starts later.
 */
export class Reservation {
  /** How long to wait before the call, in ms from when it was reserved; 0: go now. */
  readonly waitMs: number
  /** Epoch ms when the call may go; for showing and storing. To wait, use `waitMs`, which no step of the clock changes. */
  readonly readyAt: number
  #refund: (() => boolean) | undefined

  /** @internal */
  constructor(waitMs: number, readyAt: number, refund: () => boolean) {
    this.waitMs = waitMs
    this.readyAt = readyAt
    this.#refund = refund
  }

  /**
   * Gives the place back, once. One whose time has not come goes to the next in line. One whose time has come is worth
   * something only while nobody has taken another since.
   *
   * @returns true when it went back
   */
  cancel(): boolean {
    const refund = this.#refund
    this.#refund = undefined
    return refund?.() ?? false
  }
}
