/** What a request carries besides itself. */
import type { IncomingMessage } from 'node:http'
import type { Context } from 'hono'

export interface ApiEnv {
  Bindings: {
    /** Node's own request, for the address of who calls. */
    readonly incoming?: IncomingMessage
    /** Aborts when the server starts to close: streams end then. */
    readonly closing?: AbortSignal
  }
  Variables: { requestId: string }
}

export type ApiContext = Context<ApiEnv>

/** Who may call a route: anyone, who may read, or who may change. */
export type AccessLevel = 'open' | 'read' | 'change'

export interface Route {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly access: AccessLevel
  readonly answer: (c: ApiContext) => Response | Promise<Response>
}
