/**
 * What is done, remembered in this process: a duplicate is answered without asking the store. Bounded; entries end when the key
 * does. Kept as text, so that no caller's changes reach another.
 */
import { RecentKeys } from '../../core/recent-keys.ts'
import type { Done } from './record.ts'

interface Entry {
  readonly fingerprint: string
  readonly json: string
  /** Monotonic ms. */
  readonly doneAt: number
  readonly freeAt: number
}

export class RecordCache {
  readonly #entries: RecentKeys<Entry>

  constructor(rules: { readonly maxKeys: number; readonly idleMs: number }) {
    this.#entries = new RecentKeys({ ...rules, keep: undefined, onDrop: () => {} })
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: string, now: number): (Done & { readonly fingerprint: string }) | undefined {
    const entry = this.#entries.use(key, now)
    if (entry === undefined) return undefined
    if (entry.freeAt <= now) {
      this.#entries.delete(key)
      return undefined
    }
    const { fingerprint, json, doneAt, freeAt } = entry
    return { fingerprint, record: JSON.parse(json) as unknown, ageMs: now - doneAt, freeInMs: freeAt - now }
  }

  set(key: string, fingerprint: string, { record, ageMs, freeInMs }: Done, now: number): void {
    this.#entries.delete(key)
    const entry = { fingerprint, json: JSON.stringify(record), doneAt: now - ageMs, freeAt: now + freeInMs }
    this.#entries.add(key, entry, now)
  }

  delete(key: string): void {
    this.#entries.delete(key)
  }
}
