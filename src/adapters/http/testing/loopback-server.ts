/** A real server on a free port of loopback, that counts who connects and what arrives. For tests. */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Arrived {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export type Respond = (response: ServerResponse, arrived: Arrived, request: IncomingMessage) => void

export class LoopbackServer implements AsyncDisposable {
  readonly port: number
  readonly arrived: Arrived[] = []
  /** Connections made, whether or not a request came over them. */
  connections = 0
  readonly #close: () => Promise<void>

  static async listen(respond: Respond = (response) => response.end('ok'), host = '127.0.0.1'): Promise<LoopbackServer> {
    const http = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const { method = '', url = '', headers } = request
        const one = { method, url, headers, body: Buffer.concat(chunks).toString('utf8') }
        server.arrived.push(one)
        respond(response, one, request)
      })
    })
    await new Promise<void>((resolve) => http.listen(0, host, resolve))
    const server = new LoopbackServer((http.address() as AddressInfo).port, async () => {
      http.closeAllConnections()
      await new Promise((resolve) => http.close(resolve))
    })
    http.on('connection', () => server.connections++)
    return server
  }

  private constructor(port: number, close: () => Promise<void>) {
    this.port = port
    this.#close = close
  }

  url(path = '/', host = '127.0.0.1'): string {
    return `http://${host}:${this.port}${path}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close()
  }
}
