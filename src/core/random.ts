/**
 * Chance, injected. Every jitter, canary and id asks a `Random`, so a test can replay a run from its seed.
 *
 * Not for secrets: use `crypto` for tokens.
 */

/** Returns the next number, at least 0 and below 1. */
export type Random = () => number

/** The runtime's own generator. */
export function systemRandom(): number {
  return Math.random()
}

/**
 * A generator that gives the same sequence for the same seed (mulberry32, Tommy Ettinger, public domain).
 *
 * @example
 * const random = seededRandom(42)
 * random() // the same number in every run
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
