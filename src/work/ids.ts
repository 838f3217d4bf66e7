/**
 * Ids that sort by creation: 48 bits of wall time and 80 bits of chance as 26 letters and digits (the ULID layout).
 *
 * Within one process they only ever grow, even when the wall clock steps back: then the last time is kept and the random
 * part counts on. Not a secret: whoever knows one id can guess its neighbours.
 */
import type { Clock } from '../core/clock.ts'

/** Crockford's base 32: no I, L, O, U, so ids survive being read aloud. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const TIME_LENGTH = 10
const CHANCE_LENGTH = 16

/** Returns a new id at every call. */
export type IdSource = () => string

/** Fills the given bytes with chance. By default `crypto.getRandomValues`. */
export type RandomBytes = (bytes: Uint8Array<ArrayBuffer>) => void

const cryptoBytes: RandomBytes = (bytes) => {
  globalThis.crypto.getRandomValues(bytes)
}

/**
 * Makes a source of ids.
 *
 * @example
 * const nextId = idSource(systemClock)
 * nextId() // '01KE2Q3V8N4M6S9X0A1B2C3D4E'
 */
export function idSource(clock: Pick<Clock, 'wallNow'>, randomBytes: RandomBytes = cryptoBytes): IdSource {
  const bytes = new Uint8Array(CHANCE_LENGTH)
  const digits: number[] = Array.from({ length: CHANCE_LENGTH }, () => 0)
  let time = -1
  let timeText = ''
  return () => {
    const now = Math.floor(clock.wallNow())
    if (now > time) {
      time = now
      timeText = encodeTime(now)
      randomBytes(bytes)
      for (let i = 0; i < CHANCE_LENGTH; i++) digits[i] = (bytes[i] as number) & 31
    } else if (!increment(digits)) {
      // 2^80 ids in a millisecond: borrow the next one rather than repeat.
      time += 1
      timeText = encodeTime(time)
    }
    let text = timeText
    for (const digit of digits) text += ALPHABET[digit]
    return text
  }
}

/** True for text of the shape that `idSource` makes. */
export function isId(text: string): boolean {
  return /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(text)
}

/** Epoch ms at which an id was made. */
export function idTime(id: string): number {
  let time = 0
  for (const letter of id.slice(0, TIME_LENGTH)) time = time * 32 + ALPHABET.indexOf(letter)
  return time
}

function encodeTime(time: number): string {
  let rest = Math.max(0, time)
  let text = ''
  for (let i = 0; i < TIME_LENGTH; i++) {
    text = ALPHABET[rest % 32] + text
    rest = Math.floor(rest / 32)
  }
  return text
}

/** Adds one; false when it overflowed to zero. */
function increment(digits: number[]): boolean {
  for (let i = digits.length - 1; i >= 0; i--) {
    if ((digits[i] as number) < 31) {
      digits[i] = (digits[i] as number) + 1
      return true
    }
    digits[i] = 0
  }
  return false
}
