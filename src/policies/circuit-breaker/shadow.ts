/**
 * What a breaker in shadow mode would have refused, and what came of it: the price and the worth of enforcing it, before it is
 * enforced.
 */
import type { Outcome } from '../../core/outcome.ts'
import type { Permit } from '../../core/permit.ts'

export interface ShadowCounts {
  /** Calls that would have been refused. */
  readonly rejected: number
  /** Of these, what would have been refused in vain. */
  readonly succeeded: number
  /** Of these, what would have been spared. */
  readonly failed: number
}

/** Stands in for the permit of every call that would have been refused: all calls share it. */
export class ShadowBook implements ShadowCounts {
  rejected = 0
  succeeded = 0
  failed = 0

  release(outcome: Outcome): void {
    if (outcome === 'success') this.succeeded++
    else if (outcome === 'failure') this.failed++
  }

  /** For a user's hands, in which it counts once. */
  permit(): Permit {
    let released = false
    return {
      generation: 0,
      release: (outcome) => {
        if (!released) this.release(outcome)
        released = true
      },
    }
  }

  counts(): ShadowCounts {
    const { rejected, succeeded, failed } = this
    return { rejected, succeeded, failed }
  }
}
