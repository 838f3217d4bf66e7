/**
 * Entries that end by themselves. Each new one looks at two others, so that at most about as many ended ones are kept as live
 * ones, and no timer is needed.
 */
export class EndingMap<T> {
  readonly #entries = new Map<string, T>()
  readonly #endOf: (entry: T) => number
  #round: MapIterator<[string, T]> | undefined

  constructor(endOf: (entry: T) => number) {
    this.#endOf = endOf
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: string, now: number): T | undefined {
    const entry = this.#entries.get(key)
    return entry !== undefined && this.#endOf(entry) > now ? entry : undefined
  }

  set(key: string, entry: T, now: number): void {
    this.#sweep(now)
    this.#entries.set(key, entry)
  }

  delete(key: string): void {
    this.#entries.delete(key)
  }

  /** Those that have not ended. */
  live(now: number): [string, T][] {
    return [...this.#entries].filter(([, entry]) => this.#endOf(entry) > now)
  }

  #sweep(now: number): void {
    for (let count = 0; count < 2; count++) {
      this.#round ??= this.#entries.entries()
      const { value, done } = this.#round.next()
      if (done) this.#round = undefined
      else if (this.#endOf(value[1]) <= now) this.#entries.delete(value[0])
    }
  }
}
