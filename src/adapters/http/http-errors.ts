/**
 * How a call over HTTP fails. Both errors say by `retryable` whether trying again can help; errors of the network itself pass
 * through untouched (see `classifyNetworkError`), and time that ran out is the core's `TimeoutError`.
 */
import { HoldfastError } from '../../core/errors.ts'
import { classifyStatus } from '../../core/outcome-class.ts'
import { classifyAddress } from './address-guard.ts'

export interface HttpStatusDetails {
  readonly status: number
  readonly method: string
  /** The origin that answered. The path stays out of messages: webhook paths carry secrets. */
  readonly origin: string
  readonly retryAfterMs?: number | undefined
  /** Why this answer is final although its status alone does not say so. */
  readonly reason?: string | undefined
  readonly hint?: string | undefined
  /** The start of the answer's body. */
  readonly excerpt?: string | undefined
}

/** The target answered, with a status that is not 2xx. `retryable` for 408, 425, 429 and 5xx. */
export class HttpStatusError extends HoldfastError {
  readonly status: number
  readonly retryable: boolean

  constructor({ status, method, origin, retryAfterMs, reason, hint, excerpt }: HttpStatusDetails) {
    super(`${method} ${origin} answered ${status}${reason === undefined ? '' : `: ${reason}`}`, {
      code: 'ERR_HTTP_STATUS',
      target: origin,
      retryAfterMs,
      hint,
      details: { status, method, ...(excerpt ? { excerpt } : {}) },
    })
    this.status = status
    this.retryable = reason === undefined && classifyStatus(status) === 'transient'
  }
}
HttpStatusError.prototype.name = 'HttpStatusError'

export interface ForbiddenAddressDetails {
  /** Host, with the port when the URL has one. */
  readonly host: string
  /** What the host is, or what its name resolved to; empty when the name alone was enough. */
  readonly addresses: readonly string[]
  /** The rules that did not let it through. */
  readonly allow: readonly string[]
  /** The field of the payload that named the host, when it was found there. */
  readonly path?: string | undefined
}

const RULE = 'must be a host that the allow-list lets through'

/** The allow-list does not let a call go there. It was not contacted, and never will be: `retryable` is false. */
export class ForbiddenAddressError extends HoldfastError {
  readonly retryable = false
  /** The field at fault, when it was found in the payload; `undefined` when a name or a redirect led there. */
  readonly path: string | undefined
  readonly rule = RULE

  constructor({ host, addresses, allow, path }: ForbiddenAddressDetails) {
    super(`'${path ?? 'host'}' ${RULE}: got ${describe(host, addresses)}`, {
      code: 'ERR_ADDRESS_FORBIDDEN',
      hint:
        `Allowed: ${allow.map((rule) => `'${rule}'`).join(', ') || 'no hosts'}. ` +
        "If this call is meant, add the host, its block or its scope to 'allow' of the kind http.",
      details: { host, rule: RULE, ...(path === undefined ? {} : { path }) },
    })
    this.path = path
  }
}
ForbiddenAddressError.prototype.name = 'ForbiddenAddressError'

function describe(host: string, addresses: readonly string[]): string {
  if (addresses.length === 0) return host
  const scopes = new Set(addresses.map((address) => classifyAddress(address).name))
  return `${host} (${[...scopes].join(', ')} address)`
}
