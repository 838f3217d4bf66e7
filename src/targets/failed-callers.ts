/**
 * Who has failed at a target since it last answered. Several different callers failing is an outage; one caller failing again
 * and again is that caller's own trouble.
 */

/** So many different callers make an outage. */
const SEVERAL = 3

export class FailedCallers {
  readonly #callers = new Set<string>()
  /** They failed before a restart; who they were is not known any more. */
  #before = false
  #since: number | undefined

  /** @param now epoch ms */
  add(caller: string | undefined, now: number): void {
    this.#since ??= now
    if (caller !== undefined && this.#callers.size < SEVERAL) this.#callers.add(caller)
  }

  clear(): void {
    this.#before = false
    this.#since = undefined
    if (this.#callers.size > 0) this.#callers.clear()
  }

  /** Goes on from an outage of before a restart. */
  assumeSeveral(): void {
    this.#before = true
  }

  /** When the first of them failed, in epoch ms. */
  get since(): number | undefined {
    return this.#since
  }

  get several(): boolean {
    return this.#before || this.#callers.size >= SEVERAL
  }
}
