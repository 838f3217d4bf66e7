/**
 * Lanes of kinds with concurrency keys that had less to give than was asked of them: what is left in them waits for its keys.
 * They are not asked again at every turn, but after a while, or when something happened.
 */
import type { Clock } from '../core/clock.ts'
import { laneKey } from './plan-claim.ts'
import type { Lane } from './store.ts'

/** Jobs with the same key may run in other processes: nobody tells us when they end. */
const WAIT_MS = 200

export class KeyWaits {
  readonly #clock: Clock
  readonly #until = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Those that may have something to give. */
  open<L extends Lane>(lanes: readonly L[]): readonly L[] {
    if (this.#until.size === 0) return lanes
    const now = this.#clock.now()
    for (const [key, until] of this.#until) if (until <= now) this.#until.delete(key)
    return lanes.filter((lane) => !this.#until.has(laneKey(lane)))
  }

  fellShort(lane: Lane): void {
    this.#until.set(laneKey(lane), this.#clock.now() + WAIT_MS)
  }

  /** New work came in, or a job with a key ended here. */
  clear(): void {
    this.#until.clear()
  }
}
