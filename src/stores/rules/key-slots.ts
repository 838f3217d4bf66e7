/** Of jobs with the same concurrency key only so many run at once: who may still start. Pure, for one claim. */

/** A claim looks so much further along its lane than it takes, before it goes from key to key. */
export const WINDOW = 256
/** And then at so many keys at most. */
export const KEYS_LOOKED_AT = 1000

export class KeySlots {
  readonly #perKey: number
  readonly #running: Map<string, number>

  /** @param running how many run, by key; changed as slots are taken */
  constructor(perKey: number, running: Map<string, number>) {
    this.#perKey = perKey
    this.#running = running
  }

  /** The empty key is none: it is never full. */
  free(key: string): number {
    return key === '' ? Number.POSITIVE_INFINITY : this.#perKey - (this.#running.get(key) ?? 0)
  }

  /** False when the key is full. */
  take(key: string): boolean {
    if (this.free(key) <= 0) return false
    if (key !== '') this.#running.set(key, (this.#running.get(key) ?? 0) + 1)
    return true
  }
}
