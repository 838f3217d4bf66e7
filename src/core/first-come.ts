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
  /** How many have left since the iterator was moved. */
  #left = 0

  get size(): number {
    return this.#all.size
  }

  /** Who came first of those who are here. */
  get first(): T | undefined {
    if (this.#first === undefined && this.#all.size > 0) {
      this.#iterator ??= this.#all.values()
      // Whom it has passed is gone, so there is a next one: it never comes to its end, where it would see nobody any more.
      this.#first = this.#iterator.next().value
      this.#left = 0
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
    const wasHere = this.#all.delete(one)
    // An iterator that stands still keeps alive whatever the set has outgrown, so it goes when so many have left that a new one,
    // which walks over them, costs each of them next to nothing.
    // Stryker disable next-line all: when it goes changes what is kept alive and what it costs, and no answer
    if (wasHere && ++this.#left > 64 + this.#all.size) this.#iterator = undefined
    return wasHere
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
