/**
 * What a breaker in shadow mode would have refused, and what came of it: the price and the worth of enforcing it, before it is
 * enforced.
 */
import type { Outcome } from '../../core/outcome.ts'

export interface ShadowCounts {
  /** Calls that would have been refused. */
  readonly rejected: number
  /** Of these, what would have been refused in vain. */
  readonly succeeded: number
  /** Of these, what would have been spared. */
  readonly failed: number
}

/** Stands in for the permit of every call that would have been refused. */
export class ShadowBook implements ShadowCounts {
  rejected = 0
  succeeded = 0
  failed = 0

  release(outcome: Outcome): void {
    if (outcome === 'success') this.succeeded++
    else if (outcome === 'failure') this.failed++
  }

  counts(): ShadowCounts {
    const { rejected, succeeded, failed } = this
    return { rejected, succeeded, failed }
  }
}
