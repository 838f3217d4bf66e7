/**
 * The probes of one half-open period. Each has a lease: one that runs out frees its place, so that a hung call never strands
 * the breaker.
 */
import type { BreakerPermit } from './permit.ts'

export class Probes {
  readonly #leaseMs: number
  readonly #out = new Set<BreakerPermit>()
  succeeded = 0
  failed = 0

  constructor(leaseMs: number) {
    this.#leaseMs = leaseMs
  }

  get running(): number {
    return this.#out.size
  }

  add(permit: BreakerPermit): BreakerPermit {
    this.#out.add(permit)
    return permit
  }

  /** @returns false when its lease had run out, and it has been counted then */
  leave(permit: BreakerPermit): boolean {
    return this.#out.delete(permit)
  }

  /** Takes one out whose lease has run out. */
  expireOne(now: number): boolean {
    for (const probe of this.#out) if (probe.startedAt + this.#leaseMs <= now) return this.#out.delete(probe)
    return false
  }

  /** Ms until the next lease runs out. */
  eta(now: number): number {
    let earliest = Number.POSITIVE_INFINITY
    for (const { startedAt } of this.#out) earliest = Math.min(earliest, startedAt)
    return Math.max(0, earliest + this.#leaseMs - now)
  }

  clear(): void {
    this.#out.clear()
    this.succeeded = 0
    this.failed = 0
  }
}
