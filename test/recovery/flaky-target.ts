/**
 * A target that misbehaves like real ones: it refuses, hangs, resets, goes down for a while, and remembers what it has done
 * for which key.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Random, seededRandom } from '../../src/core/random.ts'

export interface Trouble {
  /** Shares of the requests, from 0 to 1. */
  readonly unavailable: number
  readonly hang: number
  readonly reset: number
  /** How long good work takes, in ms. */
  readonly workMs: number
}

export class FlakyTarget {
  /** How often each key was handled to the end and acknowledged. */
  readonly handled = new Map<string, number>()
  requests = 0
  readonly #trouble: Trouble
  readonly #random: Random
  #server: Server
  #port = 0

  constructor(trouble: Trouble, seed: number) {
    this.#trouble = trouble
    this.#random = seededRandom(seed)
    this.#server = this.#make()
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/hook`
  }

  async up(): Promise<void> {
    if (!this.#server.listening) this.#server = this.#make()
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve))
    this.#port = (this.#server.address() as AddressInfo).port
  }

  /** Connections break, and new ones are refused. */
  async down(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
  }

  #make(): Server {
    return createServer((request, response) => this.#answer(request, response))
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.requests++
    request.resume()
    const { unavailable, hang, reset, workMs } = this.#trouble
    const roll = this.#random()
    if (roll < hang) return
    if (roll < hang + reset) return void request.socket.destroy()
    if (roll < hang + reset + unavailable) {
      response.writeHead(503, this.#random() < 0.2 ? { 'retry-after': '1' } : {}).end()
      return
    }
    const key = String(request.headers['idempotency-key'])
    setTimeout(() => {
      if (response.destroyed) return
      this.handled.set(key, (this.handled.get(key) ?? 0) + 1)
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":true}')
    }, workMs)
  }
}
