/** Which concurrency key of a lane was served last, so that keys take turns. A hint: it may be forgotten. */
import type { Lane } from '../../work/store.ts'

const LANES_AT_MOST = 10_000

export class LastServed {
  readonly #keys = new Map<string, string>()

  /** Those beyond it go first; empty when nobody knows. */
  of(lane: Lane): string {
    return this.#keys.get(nameOf(lane)) ?? ''
  }

  note(lane: Lane, key: string | null | undefined): void {
    if (key === null || key === undefined || key === '') return
    if (this.#keys.size >= LANES_AT_MOST) this.#keys.clear()
    this.#keys.set(nameOf(lane), key)
  }
}

function nameOf({ kind, target }: Lane): string {
  return `${kind}\n${target}`
}
