/**
 * Results that are kept for a while: by key, at most `maxEntries` of them, the least recently used go first. No timer: an entry
 * that has expired is dropped when it is asked for, or met while others come in.
 */

/** An error or a value. */
export type Kept = { readonly error: unknown } | { readonly value: unknown }

interface Entry {
  readonly kept: Kept
  readonly keptAt: number
  readonly expiresAt: number
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
  /** In the order of last use. */
  readonly #entries = new Map<string, Entry>()
  #sweep: MapIterator<[string, Entry]> | undefined
  /** All before it is gone. Kept, since a new one walks over what was deleted at the front of a map each time. */
  #oldest: MapIterator<string> | undefined

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries
  }

  /** Entries, expired ones that nobody met included. */
  get size(): number {
    return this.#entries.size
  }

  get(key: string, now: number): Hit | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    this.#entries.delete(key)
    if (entry.expiresAt <= now) return undefined
    this.#entries.set(key, entry)
    return { kept: entry.kept, ageMs: now - entry.keptAt }
  }

  set(key: string, kept: Kept, ttlMs: number, now: number): void {
    this.#entries.delete(key)
    this.#dropExpired(now)
    if (this.#entries.size >= this.#maxEntries) this.#dropOldest()
    this.#entries.set(key, { kept, keptAt: now, expiresAt: now + ttlMs })
  }

  delete(key: string): void {
    this.#entries.delete(key)
  }

  clear(): void {
    this.#entries.clear()
  }

  /** The values that have not expired, least recently used first; errors are left out. */
  *values(now: number): Generator<{ readonly key: string; readonly value: unknown; readonly leftMs: number }> {
    for (const [key, { kept, expiresAt }] of this.#entries)
      if ('value' in kept && expiresAt > now) yield { key, value: kept.value, leftMs: expiresAt - now }
  }

  #dropExpired(now: number): void {
    for (let looked = 0; looked < SWEEP; looked++) {
      this.#sweep ??= this.#entries.entries()
      const next = this.#sweep.next()
      if (next.done) {
        this.#sweep = undefined
        return
      }
      if (next.value[1].expiresAt <= now) this.#entries.delete(next.value[0])
    }
  }

  #dropOldest(): void {
    this.#oldest ??= this.#entries.keys()
    const { value, done } = this.#oldest.next()
    if (!done) this.#entries.delete(value)
    else {
      this.#oldest = undefined
      this.#dropOldest()
    }
  }
}
