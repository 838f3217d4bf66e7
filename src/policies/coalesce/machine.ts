/**
 * Results that are kept for a while: by key, at most `maxEntries` of them, the least recently used go first. No timer: an entry
 * that has expired is dropped when it is asked for, or met while others come in.
 */

/** An error or a value. */
export type Kept = { readonly error: unknown } | { readonly value: unknown }

interface Entry {
  readonly key: string
  readonly kept: Kept
  readonly keptAt: number
  readonly expiresAt: number
  /** Used just before this one, and just after it. */
  older: Entry
  newer: Entry
}

/** A result from the cache, and how old it is. */
export interface Hit {
  readonly kept: Kept
  readonly ageMs: number
}

/** How many entries are looked at when one comes in. Above 1, so that the expired ones are caught up with. */
const SWEEP = 4

export class ResultCache {
  readonly #maxEntries: number
  readonly #entries = new Map<string, Entry>()
  /**
   * Holds a ring of all entries together, and never expires: after it the least recently used, before it the latest. The order
   * of a `Map` would do, but whoever looks at its front walks over what was deleted there, and an iterator that is kept keeps
   * every table that the map has outgrown since.
   */
  readonly #ends = { expiresAt: Number.POSITIVE_INFINITY } as Entry
  /** Looked at next. */
  #next = this.#ends

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries
    this.clear()
  }

  /** Entries, expired ones that nobody met included. */
  get size(): number {
    return this.#entries.size
  }

  get(key: string, now: number): Hit | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    this.#unlink(entry)
    if (entry.expiresAt <= now) {
      this.#entries.delete(key)
      return undefined
    }
    this.#append(entry)
    return { kept: entry.kept, ageMs: now - entry.keptAt }
  }

  set(key: string, kept: Kept, ttlMs: number, now: number): void {
    this.delete(key)
    this.#dropExpired(now)
    if (this.#entries.size >= this.#maxEntries) this.delete(this.#ends.newer.key)
    const entry = { key, kept, keptAt: now, expiresAt: now + ttlMs, older: this.#ends, newer: this.#ends }
    this.#entries.set(key, entry)
    this.#append(entry)
  }

  delete(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    this.#unlink(entry)
  }

  clear(): void {
    this.#entries.clear()
    this.#ends.older = this.#ends
    this.#ends.newer = this.#ends
    this.#next = this.#ends
  }

  /** The values that have not expired, least recently used first; errors are left out. */
  *values(now: number): Generator<{ readonly key: string; readonly value: unknown; readonly leftMs: number }> {
    for (let entry = this.#ends.newer; entry !== this.#ends; entry = entry.newer) {
      const { key, kept, expiresAt } = entry
      if ('value' in kept && expiresAt > now) yield { key, value: kept.value, leftMs: expiresAt - now }
    }
  }

  #append(entry: Entry): void {
    const latest = this.#ends.older
    entry.older = latest
    entry.newer = this.#ends
    latest.newer = entry
    this.#ends.older = entry
  }

  #unlink(entry: Entry): void {
    const { older, newer } = entry
    older.newer = newer
    newer.older = older
    if (this.#next === entry) this.#next = newer
  }

  #dropExpired(now: number): void {
    for (let looked = 0; looked < SWEEP; looked++) {
      const entry = this.#next === this.#ends ? this.#ends.newer : this.#next
      this.#next = entry.newer
      if (entry.expiresAt <= now) this.delete(entry.key)
    }
  }
}
