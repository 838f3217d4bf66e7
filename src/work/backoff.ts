/** Delays between attempts: exponential, capped, with the jitter applied after the cap so that it never vanishes there. */
import type { Duration } from '../core/duration.ts'
import type { Random } from '../core/random.ts'
import { checkDuration, checkKnown, checkNumber, checkOneOf } from '../core/validate.ts'

/** `full`: from 0 to the delay; `equal`: from half of it; `none`: exactly it. */
export type Jitter = 'full' | 'equal' | 'none'

export interface BackoffOptions {
  /** Delay after the first attempt. */
  readonly initial?: Duration
  /** Each delay is the one before times this. */
  readonly factor?: number
  /** No delay is longer. */
  readonly max?: Duration
  readonly jitter?: Jitter
}

/** Backoff as compiled: milliseconds. */
export interface Backoff {
  readonly initialMs: number
  readonly factor: number
  readonly maxMs: number
  readonly jitter: Jitter
}

/** Reads options over defaults; `where` names them in errors. */
export function compileBackoff(options: BackoffOptions, defaults: Required<BackoffOptions>, where: string): Backoff {
  checkKnown(options, ['initial', 'factor', 'max', 'jitter'], where)
  const initialMs = checkDuration(options.initial ?? defaults.initial, `${where}.initial`)
  return Object.freeze({
    initialMs,
    factor: checkNumber(options.factor ?? defaults.factor, `${where}.factor`, 1, 100),
    maxMs: checkDuration(options.max ?? defaults.max, `${where}.max`, initialMs),
    jitter: checkOneOf(options.jitter ?? defaults.jitter, `${where}.jitter`, ['full', 'equal', 'none'] as const),
  })
}

/** The delay in ms after so many tries (1 or more). */
export function backoffDelay(backoff: Backoff, tries: number, random: Random): number {
  const grown = backoff.initialMs * backoff.factor ** Math.min(Math.max(tries, 1) - 1, 1000)
  const capped = Math.min(grown, backoff.maxMs)
  switch (backoff.jitter) {
    case 'none':
      return capped
    case 'full':
      return Math.round(capped * random())
    case 'equal':
      return Math.round(capped / 2 + (capped / 2) * random())
  }
}
