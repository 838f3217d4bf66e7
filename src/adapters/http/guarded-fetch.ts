/**
 * A fetch for requests that come from outside: every hop is checked against the allow-list before it is contacted, connections
 * go only to checked addresses, bodies are bounded, and one time limit covers all hops.
 */
import { Agent, Pool } from 'undici'
import type { Clock } from '../../core/clock.ts'
import { TimeoutError } from '../../core/errors.ts'
import { WheelEntry, wheelOf } from '../../core/timer-wheel.ts'
import type { AllowList } from './allow-list.ts'
import type { Answer } from './exchange.ts'
import { exchange } from './exchange.ts'
import type { Lookup } from './guarded-connector.ts'
import { guardedConnector } from './guarded-connector.ts'
import type { HttpRequest } from './http-payload.ts'
import { nextHop } from './redirect.ts'

export interface GuardedFetchOptions {
  readonly allow: AllowList
  readonly clock: Clock
  readonly lookup: Lookup
  /** Connections kept per origin. */
  readonly connections: number
  readonly connectTimeoutMs: number
  readonly maxRedirects: number
  readonly maxBodyBytes: number
}

export interface FetchLimits {
  /** For everything, in ms. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

/** The last answer, and the request that got it. */
export interface Fetched extends Answer {
  readonly request: HttpRequest
  readonly redirects: number
}

export class GuardedFetch {
  readonly #options: GuardedFetchOptions
  readonly #agent: Agent

  constructor(options: GuardedFetchOptions) {
    this.#options = options
    const { allow, lookup, connections, connectTimeoutMs } = options
    this.#agent = new Agent({
      factory: (origin) =>
        new Pool(origin, {
          connections,
          // One limit covers all: the caller's. undici's own would be a second truth.
          headersTimeout: 0,
          bodyTimeout: 0,
          connect: guardedConnector(new URL(origin), allow, lookup, connectTimeoutMs),
        }),
    })
  }

  /**
   * Sends the request and follows its redirects.
   *
   * @throws ForbiddenAddressError when this or a later hop may not be called; it was not contacted
   * @throws HttpStatusError when a redirect cannot be followed
   * @throws TimeoutError after `timeoutMs`; the signal's reason when the caller aborts
   */
  async send(request: HttpRequest, { timeoutMs, signal }: FetchLimits): Promise<Fetched> {
    signal?.throwIfAborted()
    using limit = limitTime(this.#options.clock, timeoutMs, request.url.origin, signal)
    const { allow, maxBodyBytes, maxRedirects } = this.#options
    for (let current = request, redirects = 0; ; redirects++) {
      allow.checkUrl(current.url)
      const answer = await exchange(current, { dispatcher: this.#agent, signal: limit.signal, maxBodyBytes })
      const next = nextHop(current, answer, redirects < maxRedirects)
      if (next === undefined) return { ...answer, request: current, redirects }
      limit.signal.throwIfAborted()
      current = next
    }
  }

  /** Ends calls in flight and closes all connections. */
  async close(): Promise<void> {
    if (!this.#agent.destroyed) await this.#agent.destroy()
  }
}

/** A signal that aborts when the caller's does, with its reason, or when time is out, with a `TimeoutError`. */
function limitTime(clock: Clock, ms: number, target: string, caller?: AbortSignal): { signal: AbortSignal } & Disposable {
  const controller = new AbortController()
  const entry = new WheelEntry(() => controller.abort(new TimeoutError(ms, { target })))
  const onAbort = (): void => controller.abort(caller?.reason)
  wheelOf(clock).add(entry, ms, clock.now())
  caller?.addEventListener('abort', onAbort, { once: true })
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      entry.cancel()
      caller?.removeEventListener('abort', onAbort)
    },
  }
}
