/**
 * Whether an answer sends the request elsewhere, and as what. Pure; whether that place may be called is the allow-list's to say.
 *
 * A request with side effects is never turned into another one: 301, 302 and 303 are followed for GET and HEAD alone, 307 and 308
 * also for other methods as long as they stay on the origin. Anything else is final and says why.
 */
import type { Answer } from './exchange.ts'
import { HttpStatusError } from './http-errors.ts'
import { withoutSecrets } from './http-headers.ts'
import type { HttpRequest } from './http-payload.ts'

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/**
 * The request to send next, or `undefined` when the answer is the last one.
 *
 * @param mayFollow false when as many redirects as allowed were followed
 * @throws HttpStatusError, not retryable, for a redirect that is not followed
 */
export function nextHop(
  request: HttpRequest,
  answer: Pick<Answer, 'status' | 'headers'>,
  mayFollow: boolean,
): HttpRequest | undefined {
  const { status, headers } = answer
  if (!REDIRECTS.has(status) || headers.location === undefined) return undefined
  const url = URL.parse(headers.location, request.url.href)
  const refusal = mayFollow ? refuse(request, status, url) : 'too many redirects'
  if (refusal !== undefined || url === null) {
    throw new HttpStatusError({
      status,
      method: request.method,
      origin: request.url.origin,
      reason: refusal,
      hint: url === null ? undefined : `It points to ${url.origin}. If that is right, use the final address in 'url'.`,
    })
  }
  url.hash = ''
  return url.origin === request.url.origin ? { ...request, url } : { ...request, url, headers: withoutSecrets(request.headers) }
}

function refuse(request: HttpRequest, status: number, url: URL | null): string | undefined {
  const { method } = request
  if (url === null) return 'a redirect to something that is not a URL'
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return `a redirect to the scheme ${url.protocol}`
  if (url.username !== '' || url.password !== '') return 'a redirect to a URL with credentials'
  if (url.protocol === 'http:' && request.url.protocol === 'https:') return 'a redirect from https to http'
  if (method === 'GET' || method === 'HEAD') return undefined
  if (status !== 307 && status !== 308) return `a redirect of ${method} that would become a GET`
  return url.origin === request.url.origin ? undefined : `a redirect of ${method} to another origin`
}
