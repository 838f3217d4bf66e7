/**
 * What servers say of their limits, taken over from their responses, and told again to whoever asks.
 */
import type { Clock } from '../../core/clock.ts'
import type { HeaderSource } from '../../core/retry-after.ts'
import type { Key, Limits } from './limits.ts'
import type { ResponseLike } from './options.ts'
import { readRateLimits } from './rate-limit-headers.ts'

/** What a server says is left, see `learn`. */
export interface ServerQuota {
  readonly name: string
  readonly limit: number | undefined
  readonly remaining: number
  /** Epoch ms. */
  readonly resetAt: number
}

export class ServerWords {
  readonly #limits: Limits
  readonly #clock: Clock
  readonly #block: (ms: number, key: Key) => void

  /** @param block keeps everything back for so long */
  constructor(limits: Limits, clock: Clock, block: (ms: number, key: Key) => void) {
    this.#limits = limits
    this.#clock = clock
    this.#block = block
  }

  /** `sent`: what had been counted when the request was sent. A 429 that says nothing leaves nothing. */
  learnFrom({ status, statusCode = status, headers = {} }: ResponseLike, key: Key, sent?: number): void {
    const refused = statusCode === 429 || statusCode === 503
    const told = this.learn(headers, key, sent, refused)
    if (statusCode === 429 && !told) this.#limits.change(key, (machine, now) => machine.drain(now))
  }

  /** @returns whether the server said when to come again, or that nothing is left */
  learn(headers: HeaderSource, key: Key, sent?: number, obeyed = true): boolean {
    const { quotas, retryAfterMs } = readRateLimits(headers, this.#clock.wallNow())
    if (quotas.length > 0)
      this.#limits.changeView(key, (view, now) => {
        for (const quota of quotas) view.learn(now, quota, sent)
      })
    if (obeyed && retryAfterMs !== undefined) this.#block(retryAfterMs, key)
    // That nothing is left, and not until when, keeps nothing back.
    const known = quotas.some(({ remaining, resetMs, windowMs }) => remaining === 0 && (resetMs ?? windowMs) !== undefined)
    return retryAfterMs !== undefined || known
  }

  /** What is known to be left; empty when nothing is known that still holds. */
  quotas(key: Key): readonly ServerQuota[] {
    const now = this.#clock.now()
    const known = this.#limits.view(key)?.quotas(now) ?? []
    return known.map(({ name, limit, remaining, resetAt }) => ({
      name,
      limit,
      remaining: Math.max(0, remaining),
      resetAt: Math.ceil(this.#clock.wallNow() + resetAt - now),
    }))
  }
}
