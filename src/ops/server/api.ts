/**
 * The HTTP API: every route of the table in docs/http.md, behind one door that checks who calls and answers JSON always.
 */
import { randomUUID } from 'node:crypto'
import { Hono } from 'hono'
import type { Clock } from '../../core/clock.ts'
import { dashboardRoutes } from '../dashboard/routes.ts'
import type { MetricsText } from '../metrics/metrics.ts'
import { createMetrics } from '../metrics/metrics.ts'
import type { OpsSource } from '../source.ts'
import type { AccessOptions } from './access.ts'
import { checkAccess, checkHost, isTrusted } from './access.ts'
import { ApiError, answerError, asApiError } from './api-error.ts'
import { batchRoutes } from './batch-routes.ts'
import { deadLetterRoutes } from './dead-letter-routes.ts'
import type { ApiContext, ApiEnv, Route } from './env.ts'
import { jobRoutes } from './job-routes.ts'
import { scheduleRoutes } from './schedule-routes.ts'
import { securityHeaders } from './security-headers.ts'
import { Sessions } from './sessions.ts'
import { targetRoutes } from './target-routes.ts'
import { windowRoutes } from './window-routes.ts'

export interface ApiOptions {
  readonly source: OpsSource
  readonly clock: Clock
  readonly version: string
  /** When set, all but health and the login wants it. Without, only this machine may call. */
  readonly token?: string | undefined
  /** Default 1 MiB. */
  readonly maxBodyBytes?: number
  /** Jobs in one batch. Default 10,000. */
  readonly maxBatch?: number
  /** Host names, without port, that requests may be addressed to besides loopback. With a token and none given: any. */
  readonly allowedHosts?: readonly string[]
  /** Listeners of `/v1/events` at once. Default 100. */
  readonly maxStreams?: number
  /** Default: a registry of its own, fed by the source. */
  readonly metrics?: MetricsText
  /** Told of every answer 500, with the request's id. Default: `console.error`. */
  readonly onError?: (error: unknown, requestId: string) => void
}

export type Api = Hono<ApiEnv>

const REQUEST_ID = /^[\w.:/+=-]{1,128}$/

export function createApi(options: ApiOptions): Api {
  const { source, clock, version, token, maxBodyBytes = 1_048_576, maxBatch = 10_000, maxStreams = 100 } = options
  const sessions = token === undefined ? undefined : new Sessions(token, clock)
  const allowedHosts = (options.allowedHosts ?? []).map((host) => host.toLowerCase())
  const access: AccessOptions = { token, sessions, allowedHosts }
  const metrics = options.metrics ?? createMetrics({ source })
  const limits = { maxBodyBytes, maxBatch }
  const trusts = (c: ApiContext): boolean => isTrusted(c, access)

  const app: Api = new Hono<ApiEnv>()
  app.use(securityHeaders)
  app.use(async (c, next) => {
    const sent = c.req.header('x-request-id')
    c.set('requestId', sent !== undefined && REQUEST_ID.test(sent) ? sent : randomUUID())
    await next()
    c.res.headers.set('x-request-id', c.get('requestId'))
  })
  app.use(async (c, next) => {
    checkHost(c, access)
    await next()
  })
  addRoutes(app, access, [
    ...jobRoutes(source, limits),
    ...batchRoutes(source),
    ...deadLetterRoutes(source, limits),
    ...targetRoutes(source, clock, limits),
    ...scheduleRoutes(source, limits),
    ...windowRoutes({ source, clock, version, metrics, maxStreams, isTrusted: trusts }),
    ...dashboardRoutes({ source, clock, version, sessions, isTrusted: trusts }),
  ])
  app.notFound((c) => answerError(c, new ApiError(404, 'ERR_NOT_FOUND', 'There is nothing here.')))
  app.onError((error, c) => {
    const answer = asApiError(error)
    if (answer.status === 500) (options.onError ?? reportError)(error, c.get('requestId'))
    return answerError(c, answer)
  })
  return app
}

function addRoutes(app: Api, access: AccessOptions, routes: readonly Route[]): void {
  const methods = new Map<string, string[]>()
  for (const { method, path, access: level, answer } of routes) {
    methods.set(path, [...(methods.get(path) ?? []), method])
    app.on(method, path, (c) => {
      checkAccess(c, level, access)
      return answer(c)
    })
  }
  // After all of them, so that it only sees what no route took.
  for (const [path, known] of methods) {
    const allow = known.includes('GET') ? [...known, 'HEAD'].join(', ') : known.join(', ')
    app.all(path, (c) => {
      const headers = { allow }
      return answerError(c, new ApiError(405, 'ERR_METHOD_NOT_ALLOWED', `${c.req.method} is not for this path.`, { headers }))
    })
  }
}

function reportError(error: unknown, requestId: string): void {
  console.error(`holdfast: request ${requestId} failed:`, error)
}
