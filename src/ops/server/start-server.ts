/**
 * Listens, and stops listening without cutting off what is being answered.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import type { Clock } from '../../core/clock.ts'
import { systemClock } from '../../core/clock.ts'
import type { Api } from './api.ts'
import { ApiError, errorBody } from './api-error.ts'

export interface ServerOptions {
  readonly app: Api
  /** Default `127.0.0.1`. */
  readonly host?: string
  /** 0 picks a free one. */
  readonly port: number
  readonly clock?: Clock
}

export interface RunningServer {
  readonly url: string
  readonly port: number
  /**
   * Takes no new connection, ends event streams, waits for answers under way, and cuts what is left after the deadline.
   * Idempotent.
   */
  close(deadlineMs?: number): Promise<void>
}

const HEADERS_MS = 10_000
const REQUEST_MS = 30_000
const IDLE_MS = 5_000

/** @throws the system's error when the address cannot be bound, such as EADDRINUSE */
export async function startServer({ app, host = '127.0.0.1', port, clock = systemClock }: ServerOptions): Promise<RunningServer> {
  const closing = new AbortController()
  const answer = getRequestListener((request, env) => app.fetch(request, { ...env, closing: closing.signal }), {
    overrideGlobalObjects: false,
    errorHandler: () => Response.json(badRequest, { status: 400 }),
  })
  const listener = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    if (closing.signal.aborted) outgoing.setHeader('connection', 'close')
    outgoing.once('close', () => closing.signal.aborted && server.closeIdleConnections())
    void answer(incoming, outgoing)
  }
  const server = createServer(
    { headersTimeout: HEADERS_MS, requestTimeout: REQUEST_MS, keepAliveTimeout: IDLE_MS, connectionsCheckingInterval: 5000 },
    listener,
  )
  server.on('clientError', answerBrokenRequest)
  await listen(server, host, port)

  const { port: bound } = server.address() as AddressInfo
  let closed: Promise<void> | undefined
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    port: bound,
    close: (deadlineMs = 5000) => {
      closed ??= drain(server, closing, clock, deadlineMs)
      return closed
    },
  }
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

async function drain(server: Server, closing: AbortController, clock: Clock, deadlineMs: number): Promise<void> {
  const ended = new Promise<void>((resolve) => server.close(() => resolve()))
  closing.abort()
  server.closeIdleConnections()
  const cancel = clock.setTimer(deadlineMs, () => server.closeAllConnections())
  await ended
  cancel()
}

const badRequest = errorBody(new ApiError(400, 'ERR_REQUEST_MALFORMED', 'This is not a request that HTTP allows.'))

const BROKEN: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
}

/** What Node's parser refuses never becomes a request; it is answered here, as JSON like everything else. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable) return socket.destroy() as never
  const status = BROKEN[error.code ?? ''] ?? '400 Bad Request'
  const body = JSON.stringify(badRequest)
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}
