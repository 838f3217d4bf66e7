/**
 * Values by key, bounded: the least recently used is at hand, and goes when there are too many, or when nobody has used it for
 * long. Without a timer: a few are looked at with each new key.
 */
export interface RecentKeysRules<V> {
  readonly maxKeys: number
  readonly idleMs: number
  /** True for what must not be forgotten for being idle; beyond `maxKeys` it goes after the others. */
  readonly keep: ((value: V, key: string) => boolean) | undefined
  readonly onDrop: (value: V) => void
}

interface Entry<V> {
  readonly key: string
  readonly value: V
  usedAt: number
}

/** How many of the longest unused are looked at. Above 1, so that the idle ones are caught up with. */
const SWEEP = 8

export class RecentKeys<V> {
  readonly #rules: RecentKeysRules<V>
  /** The least recently used first. */
  readonly #entries = new Map<string, Entry<V>>()
  #latest: Entry<V> | undefined

  constructor(rules: RecentKeysRules<V>) {
    this.#rules = rules
  }

  get size(): number {
    return this.#entries.size
  }

  /** The value of a key, which is used now. */
  use(key: string, now: number): V | undefined {
    // Stryker disable next-line ConditionalExpression: a short cut past the map, which costs more
    const known = this.#latest?.key === key ? this.#latest : this.#entries.get(key)
    if (known === undefined) return undefined
    known.usedAt = now
    // Stryker disable next-line ConditionalExpression: a short cut, the latest is at the end already
    if (known !== this.#latest) {
      this.#entries.delete(key)
      this.#entries.set(key, known)
      this.#latest = known
    }
    return known.value
  }

  /** The value of a key, without using it. */
  peek(key: string): V | undefined {
    return this.#entries.get(key)?.value
  }

  /** A new key. */
  add(key: string, value: V, now: number): void {
    this.#makeRoom(now)
    const entry = { key, value, usedAt: now }
    this.#entries.set(key, entry)
    this.#latest = entry
  }

  delete(key: string): boolean {
    const entry = this.#entries.get(key)
    if (entry !== undefined) this.#drop(entry)
    return entry !== undefined
  }

  *[Symbol.iterator](): Generator<readonly [key: string, value: V]> {
    for (const { key, value } of this.#entries.values()) yield [key, value]
  }

  #makeRoom(now: number): void {
    const { keep, idleMs, maxKeys } = this.#rules
    let looked = 0
    let spare: Entry<V> | undefined
    for (const entry of this.#entries.values()) {
      if (++looked > SWEEP) break
      if (keep?.(entry.value, entry.key)) continue
      if (now - entry.usedAt >= idleMs) this.#drop(entry)
      else spare ??= entry
    }
    if (this.#entries.size < maxKeys) return
    for (const oldest of this.#entries.values()) return this.#drop(spare ?? oldest)
  }

  #drop(entry: Entry<V>): void {
    this.#entries.delete(entry.key)
    this.#latest = undefined
    this.#rules.onDrop(entry.value)
  }
}
