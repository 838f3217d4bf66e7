/**
 * One request and its answer on a connection of undici's: no redirects, no opinion about statuses.
 *
 * The status line decides. Once it is there the exchange cannot fail any more: a body that breaks off, trickles or has no end is
 * cut and said to be incomplete, because sending an acknowledged request again would be worse than half of its answer.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import type { HttpRequest } from './http-payload.ts'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** False when the body was longer than the limit, broke off, or was still coming when time ran out. */
  readonly complete: boolean
}

export interface ExchangeOptions {
  readonly dispatcher: Dispatcher
  readonly signal: AbortSignal
  /** At most so many bytes of the body are read; then the connection is closed. */
  readonly maxBodyBytes: number
}

/**
 * Sends and waits for the answer.
 *
 * @throws the signal's reason, at once, even while the name is still being resolved; or the error of the network
 */
export function exchange(request: HttpRequest, { dispatcher, signal, maxBodyBytes }: ExchangeOptions): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const receiver = new Receiver(signal, maxBodyBytes, resolve, reject)
    if (signal.aborted) return reject(signal.reason as Error)
    receiver.listen()
    try {
      dispatcher.dispatch(
        {
          origin: request.url.origin,
          path: `${request.url.pathname}${request.url.search}`,
          method: request.method as Dispatcher.HttpMethod,
          headers: request.headers,
          body: request.body ?? null,
        },
        receiver,
      )
    } catch (error) {
      receiver.onResponseError(undefined, error as Error)
    }
  })
}

class Receiver implements Dispatcher.DispatchHandler {
  readonly #signal: AbortSignal
  readonly #maxBodyBytes: number
  readonly #resolve: (answer: Answer) => void
  readonly #reject: (error: Error) => void
  readonly #chunks: Buffer[] = []
  #controller: Dispatcher.DispatchController | undefined
  #head: Pick<Answer, 'status' | 'headers'> | undefined
  #size = 0
  #settled = false

  constructor(signal: AbortSignal, maxBodyBytes: number, resolve: (answer: Answer) => void, reject: (error: Error) => void) {
    this.#signal = signal
    this.#maxBodyBytes = maxBodyBytes
    this.#resolve = resolve
    this.#reject = reject
  }

  listen(): void {
    this.#signal.addEventListener('abort', this.#onAbort, { once: true })
  }

  readonly #onAbort = (): void => {
    const reason = asError(this.#signal.reason)
    this.#settle(reason)
    this.#controller?.abort(reason)
  }

  // A request that was given up while it waited for its connection is stopped here, before a byte of it is written.
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#settled) controller.abort(asError(this.#signal.reason))
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status >= 200) this.#head = { status, headers }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#settled) return
    const room = this.#maxBodyBytes - this.#size
    this.#chunks.push(chunk.length > room ? Buffer.from(chunk.subarray(0, room)) : chunk)
    this.#size += Math.min(chunk.length, room)
    if (chunk.length <= room) return
    this.#settle()
    controller.abort(new Error('the rest of the body is not wanted'))
  }

  onResponseEnd(): void {
    this.#settle(undefined, true)
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    this.#settle(error)
  }

  #settle(error?: Error, complete = false): void {
    if (this.#settled) return
    this.#settled = true
    this.#signal.removeEventListener('abort', this.#onAbort)
    if (this.#head !== undefined) this.#resolve({ ...this.#head, body: Buffer.concat(this.#chunks), complete })
    else this.#reject(this.#signal.aborted ? (this.#signal.reason as Error) : (error ?? new Error('no answer')))
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason })
}
