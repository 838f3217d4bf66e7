/** What a store says of its open dead letters, from what its queries found. */
import type { DeadCause } from '../../work/job.ts'
import type { DeadLetterFacts } from '../../work/store.ts'

/** Of each open status so many are looked at for their causes, the newest. */
export const CAUSES_LOOKED_AT = 1000

export interface CauseCount {
  readonly cause: DeadCause
  readonly count: number
}

export function toFacts(
  oldestAt: number | null | undefined,
  nextRetryAt: number | null | undefined,
  causes: readonly CauseCount[],
): DeadLetterFacts {
  return {
    ...(oldestAt == null ? {} : { oldestAt }),
    ...(nextRetryAt == null ? {} : { nextRetryAt }),
    causes: Object.fromEntries(causes.map(({ cause, count }) => [cause, count])),
  }
}
