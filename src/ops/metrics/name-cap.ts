/**
 * Keeps a set of names small: the first so many are kept, later ones are all called `other`. Names come from outside (an
 * origin per URL, an operation per caller), and each would otherwise be kept for ever.
 */
export const OTHER = 'other'

export class NameCap {
  readonly #most: number
  readonly #known: Set<string>

  /** @param declared names that are always kept, on top of `most` */
  constructor(most: number, declared: readonly string[] = []) {
    this.#most = most + declared.length
    this.#known = new Set(declared)
  }

  fold(name: string): string {
    if (this.#known.has(name)) return name
    if (this.#known.size >= this.#most) return OTHER
    this.#known.add(name)
    return name
  }
}
