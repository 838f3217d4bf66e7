/**
 * Every refusal of the API, as JSON: `{ error: { code, message, field?, rule?, hint?, index? } }`.
 * What went wrong inside is told by its code; stack traces and unknown messages stay in the process.
 */
import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { HoldfastError } from '../../core/errors.ts'
import { isHoldfastError } from '../../core/errors.ts'
import { redactText } from '../redact.ts'
import { hintFor } from './field-hints.ts'

export interface ApiErrorDetails {
  readonly field?: string | undefined
  readonly rule?: string | undefined
  readonly hint?: string | undefined
  /** Position in a batch, from 0. */
  readonly index?: number | undefined
  readonly headers?: Readonly<Record<string, string>>
}

/** A refusal that the caller can do something about. Where it names a field it has a hint: its own, or one for the field. */
export class ApiError extends Error {
  readonly status: ContentfulStatusCode
  readonly code: string
  readonly details: ApiErrorDetails

  constructor(status: ContentfulStatusCode, code: string, message: string, details: ApiErrorDetails = {}) {
    super(message)
    this.status = status
    this.code = code
    this.details = details
  }
}

/** A field of a body or query that breaks a rule. */
export function badField(field: string, rule: string, details: ApiErrorDetails & { readonly code?: string } = {}): ApiError {
  return new ApiError(400, details.code ?? 'ERR_JOB_INVALID', `'${field}' ${rule}`, { ...details, field, rule })
}

const STATUS_OF: Readonly<Record<string, ContentfulStatusCode>> = {
  ERR_JOB_INVALID: 400,
  ERR_JOB_UNKNOWN_KIND: 400,
  ERR_OPTION: 400,
  ERR_ADDRESS_FORBIDDEN: 400,
  ERR_IDEMPOTENCY_MISMATCH: 422,
  ERR_JOB_NOT_FOUND: 404,
  ERR_JOB_STATE: 409,
  ERR_RATE_LIMITED: 429,
  ERR_STORE_UNAVAILABLE: 503,
  ERR_SHUT_DOWN: 503,
}

/** Seconds to wait when nobody knows better. */
const DEFAULT_RETRY_AFTER_S = 2

export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error
  const status = isHoldfastError(error) ? STATUS_OF[error.code] : undefined
  if (!isHoldfastError(error) || status === undefined)
    return new ApiError(500, 'ERR_INTERNAL', 'Something failed inside; the log has the details under this request id.')
  return new ApiError(status, error.code, redactText(error.message), {
    ...whereOf(error),
    hint: error.hint,
    headers: status === 503 || status === 429 ? { 'retry-after': retryAfter(error) } : {},
  })
}

function whereOf(error: HoldfastError): ApiErrorDetails {
  const { field, path, rule, index } = error.details ?? {}
  const { path: ownPath, option, rule: ownRule } = error as { path?: unknown; option?: unknown; rule?: unknown }
  return {
    field: text(field) ?? text(path) ?? text(ownPath) ?? text(option),
    rule: text(rule) ?? text(ownRule),
    index: typeof index === 'number' ? index : undefined,
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function retryAfter(error: HoldfastError): string {
  const ms = error.retryAfterMs
  return String(ms === undefined ? DEFAULT_RETRY_AFTER_S : Math.max(1, Math.ceil(ms / 1000)))
}

export function errorBody({ code, message, details }: ApiError): { error: Record<string, unknown> } {
  const { field, rule, index } = details
  const hint = details.hint ?? (field === undefined ? undefined : hintFor(field))
  return {
    error: {
      code,
      message,
      ...(field === undefined ? {} : { field }),
      ...(rule === undefined ? {} : { rule }),
      ...(hint === undefined ? {} : { hint }),
      ...(index === undefined ? {} : { index }),
    },
  }
}

export function answerError(c: Context, error: ApiError): Response {
  return c.json(errorBody(error), error.status, error.details.headers)
}
