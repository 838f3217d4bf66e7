/**
 * Notices that the wall clock has jumped ahead of the time that has really passed: somebody set it, or the machine slept. By
 * that clock every lease has ended, though its owner had no chance to renew it; nobody can judge leases until they had one.
 */
import type { Clock } from '../core/clock.ts'

export interface ClockWatchOptions {
  readonly clock: Clock
  /** Jumps up to this are no matter, in ms. */
  readonly toleranceMs: number
  /** How long after a jump owners may take to renew, in ms. */
  readonly graceMs: number
}

export class ClockWatch {
  readonly #options: ClockWatchOptions
  /** The wall clock less the monotonic one, at the last look. */
  #offset: number | undefined
  #doubtfulUntil = Number.NEGATIVE_INFINITY

  constructor(options: ClockWatchOptions) {
    this.#options = options
  }

  /** @param wall epoch ms, read just now from the clock that leases are written by */
  isDoubtful(wall: number): boolean {
    const { clock, toleranceMs, graceMs } = this.#options
    const now = clock.now()
    const offset = wall - now
    if (offset - (this.#offset ?? offset) > toleranceMs) this.#doubtfulUntil = now + graceMs
    this.#offset = offset
    return now < this.#doubtfulUntil
  }
}
