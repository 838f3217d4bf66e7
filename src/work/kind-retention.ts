/** How long finished jobs of a kind are kept, and how many. What a kind leaves out is as for all kinds. */
import type { Duration } from '../core/duration.ts'
import { checkDuration, checkInteger, checkKnown } from '../core/validate.ts'

export interface RetentionOptions {
  /** Those that ended longer ago go. */
  readonly olderThan?: Duration
  /** At most so many of this kind stay, the newest, however young. */
  readonly keep?: number
}

export interface KindRetention {
  readonly olderThanMs?: number
  readonly keep?: number
}

/** @throws OptionError */
export function compileRetention(options: RetentionOptions, where: string): KindRetention {
  checkKnown(options, ['olderThan', 'keep'], where)
  const { olderThan, keep } = options
  return Object.freeze({
    ...(olderThan === undefined ? {} : { olderThanMs: checkDuration(olderThan, `${where}.olderThan`) }),
    ...(keep === undefined ? {} : { keep: checkInteger(keep, `${where}.keep`, 0) }),
  })
}
