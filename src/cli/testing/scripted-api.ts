/** A small HTTP server that answers as it is told and remembers what it was asked. */
import type { Server } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Asked {
  readonly call: string
  readonly body: unknown
  readonly token: string | undefined
}

/** What to answer, by `METHOD /path?query`. */
export type Answers = Readonly<
  Record<string, { readonly status?: number; readonly json?: unknown; readonly text?: string } | 'hang'>
>

export class ScriptedApi {
  readonly asked: Asked[] = []
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(answers: Answers): Promise<ScriptedApi> {
    const server = createServer((request, response) => {
      let body = ''
      request.on('data', (part) => (body += String(part)))
      request.on('end', () => {
        const call = `${request.method} ${request.url}`
        api.asked.push({ call, body: body === '' ? undefined : JSON.parse(body), token: request.headers.authorization })
        const answer = answers[call] ?? {
          status: 404,
          json: { error: { code: 'ERR_NOT_FOUND', message: `no answer for ${call}` } },
        }
        if (answer === 'hang') return
        response.writeHead(answer.status ?? 200, { 'content-type': 'application/json', connection: 'close' })
        response.end(answer.text ?? JSON.stringify(answer.json ?? {}))
      })
    })
    const api = new ScriptedApi(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return api
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  close(): Promise<void> {
    this.#server.closeAllConnections()
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }
}
