/**
 * The dashboard's login: who shows the token once gets a cookie that proves it, for twelve hours.
 *
 * The cookie holds a date and its HMAC under the token, never the token: cookies reach every port of a host. Nothing is
 * kept on the server, and a new token ends all sessions.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../../core/clock.ts'

const SESSION_MS = 12 * 3_600_000

/** Compares in constant time, whatever the lengths. */
export function sameText(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}

export class Sessions {
  readonly #token: string
  readonly #clock: Clock
  /** Differs by token, so that two servers on one host do not sign each other out. */
  readonly #cookieName: string

  constructor(token: string, clock: Clock) {
    this.#token = token
    this.#clock = clock
    this.#cookieName = `holdfast_${this.#sign('name').slice(0, 8)}`
  }

  /** The Set-Cookie header for who shows the right token; undefined for anyone else. */
  open(shown: string, secure: boolean): string | undefined {
    if (!sameText(shown, this.#token)) return undefined
    const until = String(this.#clock.wallNow() + SESSION_MS)
    const attributes = `Path=/; HttpOnly; SameSite=Strict; Max-Age=${SESSION_MS / 1000}${secure ? '; Secure' : ''}`
    return `${this.#cookieName}=${until}.${this.#sign(until)}; ${attributes}`
  }

  isValid(cookies: string | undefined): boolean {
    for (const pair of (cookies ?? '').split(';')) {
      const [name, value = ''] = pair.trim().split('=', 2)
      if (name !== this.#cookieName) continue
      const [until = '', proof = ''] = value.split('.', 2)
      if (sameText(proof, this.#sign(until)) && Number(until) > this.#clock.wallNow()) return true
    }
    return false
  }

  #sign(text: string): string {
    return createHmac('sha256', this.#token).update(`holdfast session ${text}`).digest('hex')
  }
}
