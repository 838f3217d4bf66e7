/** A target on a real socket that answers as it is told, can go away and come back, and remembers who called. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

/** `hang` keeps the connection open without an answer; `reset` breaks it. */
export type Reply =
  | 'hang'
  | 'reset'
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly afterMs?: number }

export interface Call {
  /** Epoch ms. */
  readonly at: number
  readonly path: string
  readonly key: string
}

export class ScriptedTarget {
  /** Every request, in order. */
  readonly calls: Call[] = []
  connections = 0
  /** What it answers; replace it at any time. */
  reply: (call: Call) => Reply
  readonly #host: string
  #server: Server
  #port = 0

  private constructor(reply: Reply | ((call: Call) => Reply), host: string) {
    this.reply = typeof reply === 'function' ? reply : () => reply
    this.#host = host
    this.#server = this.#make()
  }

  /** One that listens, until the test ends. */
  static async up(reply: Reply | ((call: Call) => Reply) = { status: 200 }, host = '127.0.0.1'): Promise<ScriptedTarget> {
    const target = new ScriptedTarget(reply, host)
    await target.up()
    onTestFinished(() => target.down())
    return target
  }

  get port(): number {
    return this.#port
  }

  get origin(): string {
    return `http://${this.#host}:${this.#port}`
  }

  /** The path of this target in the API, such as `/v1/targets/http%3A%2F%2F…`. */
  get apiPath(): string {
    return `/v1/targets/${encodeURIComponent(this.origin)}`
  }

  /** How often each key was called. */
  get byKey(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>()
    for (const { key } of this.calls) counts.set(key, (counts.get(key) ?? 0) + 1)
    return counts
  }

  async up(): Promise<void> {
    if (this.#server.listening) return
    this.#server = this.#make()
    await new Promise<void>((resolve) => this.#server.listen(this.#port, this.#host, resolve))
    this.#port = (this.#server.address() as AddressInfo).port
  }

  /** Connections break, new ones are refused. */
  async down(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
  }

  #make(): Server {
    const server = createServer((request, response) => this.#answer(request, response))
    server.on('connection', () => this.connections++)
    return server
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    request.resume()
    const call = { at: Date.now(), path: request.url ?? '', key: String(request.headers['idempotency-key'] ?? '') }
    this.calls.push(call)
    const reply = this.reply(call)
    if (reply === 'hang') return
    if (reply === 'reset') return void request.socket.destroy()
    const send = (): void => {
      if (!response.destroyed) response.writeHead(reply.status, { ...reply.headers }).end()
    }
    if (reply.afterMs === undefined) send()
    else setTimeout(send, reply.afterMs)
  }
}
