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
  /** Used just before this one, and just after it. */
  older: Entry<V>
  newer: Entry<V>
}

/** How many of the longest unused are looked at. Above 1, so that the idle ones are caught up with. */
const SWEEP = 8

export class RecentKeys<V> {
  readonly #rules: RecentKeysRules<V>
  readonly #entries = new Map<string, Entry<V>>()
  /**
   * Holds a ring of all entries together: after it the least recently used, before it the latest. The order of a `Map` would
   * do, but what was deleted at its front is walked over again each time that somebody looks there.
   */
  readonly #ends: Entry<V>

  constructor(rules: RecentKeysRules<V>) {
    this.#rules = rules
    this.#ends = { key: '', value: undefined as V, usedAt: 0 } as Entry<V>
    this.#ends.older = this.#ends
    this.#ends.newer = this.#ends
  }

  get size(): number {
    return this.#entries.size
  }

  /** The value of a key, which is used now. */
  use(key: string, now: number): V | undefined {
    const latest = this.#ends.older
    // Stryker disable next-line ConditionalExpression,EqualityOperator: a short cut past the map, which costs more
    const known = latest.key === key && latest !== this.#ends ? latest : this.#entries.get(key)
    if (known === undefined) return undefined
    known.usedAt = now
    // Stryker disable next-line ConditionalExpression: a short cut, the latest is at the end already
    if (known !== latest) {
      unlink(known)
      this.#append(known)
    }
    return known.value
  }

  #append(entry: Entry<V>): void {
    const latest = this.#ends.older
    entry.older = latest
    entry.newer = this.#ends
    latest.newer = entry
    this.#ends.older = entry
  }

  /** The value of a key, without using it. */
  peek(key: string): V | undefined {
    return this.#entries.get(key)?.value
  }

  /** A new key. */
  add(key: string, value: V, now: number): void {
    this.#makeRoom(now)
    const entry = { key, value, usedAt: now, older: this.#ends, newer: this.#ends }
    this.#entries.set(key, entry)
    this.#append(entry)
  }

  delete(key: string): boolean {
    const entry = this.#entries.get(key)
    if (entry !== undefined) this.#drop(entry)
    return entry !== undefined
  }

  *[Symbol.iterator](): Generator<readonly [key: string, value: V]> {
    for (const { key, value } of this.#oldestFirst()) yield [key, value]
  }

  /** Those found may be dropped meanwhile. */
  *#oldestFirst(): Generator<Entry<V>> {
    for (let entry = this.#ends.newer; entry !== this.#ends; ) {
      const { newer } = entry
      yield entry
      entry = newer
    }
  }

  #makeRoom(now: number): void {
    const { keep, idleMs, maxKeys } = this.#rules
    let looked = 0
    let spare: Entry<V> | undefined
    for (const entry of this.#oldestFirst()) {
      if (++looked > SWEEP) break
      if (keep?.(entry.value, entry.key)) continue
      if (now - entry.usedAt >= idleMs) this.#drop(entry)
      else spare ??= entry
    }
    if (this.#entries.size >= maxKeys) this.#drop(spare ?? this.#ends.newer)
  }

  #drop(entry: Entry<V>): void {
    this.#entries.delete(entry.key)
    unlink(entry)
    this.#rules.onDrop(entry.value)
  }
}

function unlink<V>({ older, newer }: Entry<V>): void {
  older.newer = newer
  newer.older = older
}
