/**
 * Who came first goes first, and whoever gives up leaves from anywhere. All of it costs the same, however many there are.
 *
 * A `Set` alone does not: what was deleted at its front is walked over again by each new iterator, so that taking the first of n
 * again and again costs n². One iterator that goes on where it was passes over each of them once.
 */
export class FirstCome<T extends object> implements Iterable<T> {
  readonly #all = new Set<T>()
  #iterator: SetIterator<T> | undefined
  /** The one that the iterator gave last; while it is here it is the first. */
  #first: T | undefined

  get size(): number {
    return this.#all.size
  }

  /** Who came first of those who are here. */
  get first(): T | undefined {
    while (this.#first === undefined || !this.#all.has(this.#first)) {
      if (this.#all.size === 0) return undefined
      this.#iterator ??= this.#all.values()
      const { value, done } = this.#iterator.next()
      this.#first = value
      // An iterator that has come to its end sees nobody who comes later.
      if (done) this.#iterator = undefined
    }
    return this.#first
  }

  has(one: T): boolean {
    return this.#all.has(one)
  }

  /** Comes last; who is here already stays where it is. */
  add(one: T): void {
    this.#all.add(one)
  }

  /** @returns false for one who was not here */
  delete(one: T): boolean {
    // Should it come again, it comes last.
    if (one === this.#first) this.#first = undefined
    return this.#all.delete(one)
  }

  clear(): void {
    this.#all.clear()
    this.#iterator = undefined
    this.#first = undefined
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#all.values()
  }
}
