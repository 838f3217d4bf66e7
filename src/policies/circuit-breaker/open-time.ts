/**
 * How long a breaker stays open: longer each time in a row, up to its longest, never in step with other processes, and as long
 * as the target asks for, within the same bound.
 */
import type { Random } from '../../core/random.ts'

export interface OpenTime {
  /** The first one, doubled with each opening in a row; or a function of the openings before it. */
  readonly openMs: number | ((openings: number) => number)
  readonly openMaxMs: number
  /** Each open time is shortened by up to this share of it. Default 0. */
  readonly openJitter?: number
  readonly random?: Random
}

/** Doubling goes no further: by then it is 34 years of milliseconds. */
const MOST_DOUBLINGS = 40

/**
 * @param openings in a row, before this one
 * @param askedMs what the target asked for; a bound from below
 */
export function openTimeOf(settings: OpenTime, openings: number, askedMs = 0): number {
  const { openMs, openMaxMs, openJitter = 0, random } = settings
  const grown = typeof openMs === 'function' ? openMs(openings) : openMs * 2 ** Math.min(openings, MOST_DOUBLINGS)
  const capped = Math.min(openMaxMs, grown)
  // Inside the cap, so that it does not vanish there.
  const jittered = capped * (1 - openJitter * (random?.() ?? 0))
  return Math.min(openMaxMs, Math.max(jittered, askedMs))
}
