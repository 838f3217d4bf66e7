/**
 * Who may call what.
 *
 * With a token: everything but health, the dashboard's assets and its login wants the token, as a bearer or as the session
 * that the login made. Without one: only requests of this machine, addressed to this machine by a loopback name, which
 * closes DNS rebinding; a proxy's request is not one, since it speaks for others.
 *
 * Changing calls that a browser makes must come from a page of this very origin, whatever they carry: a cookie is sent for
 * every port of a host, so a token's session alone proves nothing (CSRF).
 */
import { ApiError } from './api-error.ts'
import type { AccessLevel, ApiContext } from './env.ts'
import type { Sessions } from './sessions.ts'
import { sameText } from './sessions.ts'

export interface AccessOptions {
  readonly token?: string | undefined
  readonly sessions?: Sessions | undefined
  /** More host names (without port) that requests may be addressed to. */
  readonly allowedHosts: readonly string[]
}

const HOST = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})(?::\d{1,5})?$/i
const LOOPBACK_NAME = /^(localhost|[a-z0-9-]+\.localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/
const LOOPBACK_ADDRESS = /^(::ffff:)?127\.|^::1$/
const PROXY_HEADERS = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via'] as const

/** Refuses a request that is addressed to somebody else. Made for every request, whatever it asks. */
export function checkHost(c: ApiContext, { token, allowedHosts }: AccessOptions): void {
  const name = HOST.exec(c.req.header('host') ?? '')?.[1]?.toLowerCase()
  if (name === undefined) throw forbidden(400, 'ERR_HOST', 'The Host header is missing or malformed.')
  if (allowedHosts.includes(name) || LOOPBACK_NAME.test(name)) return
  if (token !== undefined && allowedHosts.length === 0) return
  throw forbidden(403, 'ERR_HOST', `This server does not answer to the host '${name}'.`, {
    hint: 'Call it by a loopback name, or add the name to the allowed hosts and set a token.',
  })
}

export function checkAccess(c: ApiContext, level: AccessLevel, options: AccessOptions): void {
  if (level === 'open') return
  if (options.token === undefined) demandLoopback(c)
  else demandToken(c, options)
  if (level === 'change') demandSameOrigin(c)
}

/** True when the request proves the token, or needs none. */
export function isTrusted(c: ApiContext, options: AccessOptions): boolean {
  try {
    checkAccess(c, 'read', options)
    return true
  } catch {
    return false
  }
}

function demandToken(c: ApiContext, { token, sessions }: AccessOptions): void {
  const header = c.req.header('authorization')
  const bearer = header === undefined ? undefined : /^Bearer +(\S+)$/i.exec(header)?.[1]
  if (bearer !== undefined && sameText(bearer, token as string)) return
  // A wrong bearer is not saved by a cookie: who sends one means it.
  if (header === undefined && sessions?.isValid(c.req.header('cookie'))) return
  throw forbidden(401, 'ERR_UNAUTHORIZED', header === undefined ? 'A token is needed.' : 'The token is wrong.', {
    hint: 'Send Authorization: Bearer TOKEN, with the value of HOLDFAST_TOKEN.',
    headers: { 'www-authenticate': 'Bearer realm="holdfast"' },
  })
}

function demandLoopback(c: ApiContext): void {
  const address = c.env?.incoming?.socket.remoteAddress ?? ''
  const proxied = PROXY_HEADERS.find((name) => c.req.header(name) !== undefined)
  if (LOOPBACK_ADDRESS.test(address) && proxied === undefined) return
  throw forbidden(403, 'ERR_NOT_LOOPBACK', 'Without a token only this machine may call.', {
    hint: 'Set HOLDFAST_TOKEN, and send it as Authorization: Bearer TOKEN.',
  })
}

/** Refuses what another page made the browser send. Programs send neither header, and pass. */
export function demandSameOrigin(c: ApiContext): void {
  const site = c.req.header('sec-fetch-site')
  const origin = c.req.header('origin')
  const foreignSite = site !== undefined && site !== 'same-origin' && site !== 'none'
  if (!foreignSite && (origin === undefined || isOriginOf(origin, c.req.header('host')))) return
  throw forbidden(403, 'ERR_ORIGIN', 'Changes are taken from pages of this server only.')
}

function isOriginOf(origin: string, host: string | undefined): boolean {
  const lower = origin.toLowerCase()
  return host !== undefined && (lower === `http://${host.toLowerCase()}` || lower === `https://${host.toLowerCase()}`)
}

function forbidden(
  status: 400 | 401 | 403,
  code: string,
  message: string,
  details: { hint?: string; headers?: Record<string, string> } = {},
): ApiError {
  return new ApiError(status, code, message, details)
}
