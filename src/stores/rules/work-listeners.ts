/** Those who want to hear of new work in this process. A listener that throws hurts nobody. */
export class WorkListeners {
  readonly #listeners = new Set<() => void>()

  get size(): number {
    return this.#listeners.size
  }

  add(listener: () => void): () => void {
    const own = (): void => listener()
    this.#listeners.add(own)
    return () => this.#listeners.delete(own)
  }

  tell(): void {
    for (const listener of this.#listeners) {
      try {
        listener()
      } catch {
        // A hint that nobody could use.
      }
    }
  }

  clear(): void {
    this.#listeners.clear()
  }
}
