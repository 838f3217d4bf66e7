/**
 * Who has taken a target out of use. It stays out of use until the last of them gives it back, or their time is over.
 */
import type { Duration } from '../../core/duration.ts'
import { OptionError } from '../../core/errors.ts'
import { checkDuration, checkKnown, checkName } from '../../core/validate.ts'

export interface IsolateOptions {
  /** Shown to whoever is refused. Default `'isolated by hand'`. */
  readonly reason?: string
  /** It ends by itself after so long. Default: when it is lifted. */
  readonly for?: Duration
  /** It ends by itself at this epoch ms; not together with `for`. */
  readonly until?: number
}

/** One reason to keep a target out of use. `using hold = breaker.isolate()` lifts it at the end of the block. */
export class Isolation implements Disposable {
  readonly #lift: () => void

  constructor(lift: () => void) {
    this.#lift = lift
  }

  /** Calls are admitted again, unless somebody else isolates the target too. Harmless when called again, or after a reset. */
  lift(): void {
    this.#lift()
  }

  [Symbol.dispose](): void {
    this.#lift()
  }
}

/** The isolations in force, by when each ends: monotonic ms, `Infinity` when only by hand. */
export class Isolations {
  readonly #ends = new Set<{ readonly at: number }>()

  /** When the last of them ends. */
  get end(): number {
    let last = Number.NEGATIVE_INFINITY
    for (const { at } of this.#ends) last = Math.max(last, at)
    return last
  }

  get isEmpty(): boolean {
    return this.#ends.size === 0
  }

  /** @returns takes it off again; false when it was not there any more */
  add(at: number): () => boolean {
    const end = { at }
    this.#ends.add(end)
    return () => this.#ends.delete(end)
  }

  clear(): void {
    this.#ends.clear()
  }
}

/** @returns the reason, and after how many ms it ends */
export function readIsolation(options: string | IsolateOptions, wallNow: number): { reason: string; ms: number } {
  if (typeof options === 'string') return { reason: checkName(options, 'isolate.reason'), ms: Number.POSITIVE_INFINITY }
  checkKnown(options, ['reason', 'for', 'until'], 'isolate')
  const reason = checkName(options.reason ?? 'isolated by hand', 'isolate.reason')
  if (options.for !== undefined && options.until !== undefined)
    throw new OptionError('isolate.until', "cannot be combined with 'for'", options.until)
  if (options.for !== undefined) return { reason, ms: checkDuration(options.for, 'isolate.for') }
  if (options.until === undefined) return { reason, ms: Number.POSITIVE_INFINITY }
  if (typeof options.until !== 'number' || Number.isNaN(options.until))
    throw new OptionError('isolate.until', 'must be epoch milliseconds', options.until)
  return { reason, ms: Math.max(0, options.until - wallNow) }
}
