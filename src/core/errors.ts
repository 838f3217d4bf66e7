/**
 * Every error that Holdfast itself raises. An operation's own errors pass through untouched.
 *
 * Four families, never swapped: admission *rejects* (`RejectedError`), operations *fail* (their own error, or
 * `RetriesExhaustedError` when asked for), callers *cancel* (their own `signal.reason`), policies *time out* (`TimeoutError`).
 *
 * `code` is stable and documented in docs/errors.md; `family` is the numeric class: network 1xxx, rate limit 2xxx,
 * circuit 3xxx, retry 4xxx, bulkhead 5xxx, options 6xxx, durable work 7xxx.
 */

/** Each stable code with the number of its family. */
export const ERROR_CODES = {
  ERR_NETWORK: 1000,
  ERR_TIMEOUT: 1100,
  ERR_DEADLINE_EXCEEDED: 1101,
  ERR_RATE_LIMITED: 2000,
  ERR_THROTTLED: 2001,
  ERR_CIRCUIT_OPEN: 3000,
  ERR_CIRCUIT_ISOLATED: 3001,
  ERR_RETRIES_EXHAUSTED: 4000,
  ERR_BULKHEAD_FULL: 5000,
  ERR_LIMIT_REACHED: 5001,
  ERR_SHUT_DOWN: 5100,
  ERR_OPTION: 6000,
  ERR_CONFIG: 6100,
  ERR_JOB_INVALID: 7000,
  ERR_JOB_UNKNOWN_KIND: 7001,
  ERR_JOB_NOT_FOUND: 7002,
  ERR_JOB_STATE: 7003,
  ERR_IDEMPOTENCY_MISMATCH: 7004,
  ERR_LEASE_LOST: 7005,
  ERR_IDEMPOTENCY_RUNNING: 7006,
  ERR_IDEMPOTENCY_DONE: 7007,
  ERR_IDEMPOTENCY_UNKNOWN: 7008,
  ERR_IDEMPOTENCY_FAILED: 7009,
  ERR_STORE_UNAVAILABLE: 7100,
  ERR_STORE_BUSY: 7101,
  ERR_STORE_NOT_EMPTY: 7102,
  ERR_STORE_CHANGED: 7103,
  ERR_ADDRESS_FORBIDDEN: 7200,
  ERR_HTTP_STATUS: 7201,
} as const

export type ErrorCode = keyof typeof ERROR_CODES

export interface ErrorDetails {
  readonly code: ErrorCode
  /** The policy that raised it, by name. */
  readonly policy?: string | undefined
  /** The target that the call aimed at. */
  readonly target?: string | undefined
  /** How long to wait before another try makes sense, in ms. */
  readonly retryAfterMs?: number | undefined
  /** What a person can do about it, in one sentence; a function where putting it into words costs more than the refusal. */
  readonly hint?: string | (() => string) | undefined
  readonly cause?: unknown
  /** Whatever else is known, for logs; must be JSON. */
  readonly details?: Readonly<Record<string, unknown>> | undefined
}

const BRAND = Symbol.for('holdfast.error')

/** The base of every error of this library. Two copies of the library recognise each other's by brand, see `isHoldfastError`. */
export class HoldfastError extends Error {
  readonly code: ErrorCode
  readonly policy: string | undefined
  target: string | undefined
  readonly retryAfterMs: number | undefined
  readonly #hint: string | (() => string) | undefined
  readonly details: Readonly<Record<string, unknown>> | undefined

  constructor(message: string, details: ErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = details.code
    this.policy = details.policy
    this.target = details.target
    this.retryAfterMs = details.retryAfterMs
    this.#hint = details.hint
    this.details = details.details
  }

  /** What a person can do about it, in one sentence. */
  get hint(): string | undefined {
    return typeof this.#hint === 'function' ? this.#hint() : this.#hint
  }

  /** The numeric code; its thousands are the family. */
  get family(): number {
    return ERROR_CODES[this.code]
  }

  /** A plain object for logs and wires: no stack, the cause reduced to name, message and code. */
  toJSON(): Record<string, unknown> {
    const plain: Record<string, unknown> = { name: this.name, code: this.code, family: this.family, message: this.message }
    for (const field of ['policy', 'target', 'retryAfterMs', 'hint', 'details'] as const)
      if (this[field] !== undefined) plain[field] = this[field]
    if (this.cause !== undefined) plain.cause = describeError(this.cause)
    return plain
  }
}
Object.defineProperty(HoldfastError.prototype, BRAND, { value: true })
HoldfastError.prototype.name = 'HoldfastError'

/** True for an error of this library, whichever copy of it made the error. */
export function isHoldfastError(error: unknown): error is HoldfastError {
  try {
    // Stryker disable next-line OptionalChaining: of nothing it would throw, which is caught below, and costs more
    return (error as Record<symbol, unknown> | undefined)?.[BRAND] === true
  } catch {
    return false // What was thrown cannot even be looked at, such as a revoked proxy.
  }
}

/**
 * Admission said no: the operation was not run. Retrying at once is pointless; `retryAfterMs` says when it is not.
 * Rejections carry no stack trace: they are answers, not faults, and a trace would cost ten times the refusal.
 */
export class RejectedError extends HoldfastError {
  constructor(message: string, details: ErrorDetails) {
    const limit = Error.stackTraceLimit
    limitStack(0)
    super(message, details)
    limitStack(limit)
  }
}
RejectedError.prototype.name = 'RejectedError'

/** The refusal of a rate limiter; `retryAfterMs` says when the next turn is. */
export class RateLimitError extends RejectedError {}
RateLimitError.prototype.name = 'RateLimitError'

/** The refusal of a circuit breaker, open, half-open or isolated; its `cause` is what opened it. */
export class CircuitOpenError extends RejectedError {}
CircuitOpenError.prototype.name = 'CircuitOpenError'

/** Where intrinsics are frozen the limit cannot be written; a rejection then has a trace, and is one all the same. */
function limitStack(limit: number): void {
  try {
    Error.stackTraceLimit = limit
  } catch {}
}

/** True when a policy refused the call before the operation ran. */
export function isRejected(error: unknown): error is RejectedError {
  return isHoldfastError(error) && REJECTIONS.has(error.code)
}
const REJECTIONS: ReadonlySet<string> = new Set<ErrorCode>([
  'ERR_RATE_LIMITED',
  'ERR_CIRCUIT_OPEN',
  'ERR_CIRCUIT_ISOLATED',
  'ERR_BULKHEAD_FULL',
  'ERR_LIMIT_REACHED',
  'ERR_THROTTLED',
  'ERR_SHUT_DOWN',
  'ERR_DEADLINE_EXCEEDED',
  'ERR_IDEMPOTENCY_RUNNING',
  'ERR_IDEMPOTENCY_DONE',
  'ERR_IDEMPOTENCY_UNKNOWN',
])

/** A connection was not made, or was lost. For adapters and operations of your own: policies never raise it, and retry it. */
export class NetworkError extends HoldfastError {
  constructor(message: string, details: Omit<ErrorDetails, 'code'> = {}) {
    super(message, { ...details, code: 'ERR_NETWORK' })
  }
}
NetworkError.prototype.name = 'NetworkError'

/** A policy's own time ran out. `limitMs` is the limit that was exceeded. */
export class TimeoutError extends HoldfastError {
  readonly limitMs: number

  constructor(limitMs: number, details: Omit<ErrorDetails, 'code'> = {}) {
    super(`timed out after ${limitMs} ms`, { ...details, code: 'ERR_TIMEOUT' })
    this.limitMs = limitMs
  }
}
TimeoutError.prototype.name = 'TimeoutError'

/** An option has a wrong value. Thrown when a policy, target or runtime is made, never during a call. */
export class OptionError extends HoldfastError {
  readonly option: string
  readonly rule: string

  constructor(option: string, rule: string, value: unknown, hint?: string) {
    super(`'${option}' ${rule}: got ${showValue(value)}`, { code: 'ERR_OPTION', hint })
    this.option = option
    this.rule = rule
  }
}
OptionError.prototype.name = 'OptionError'

/** A value for an error message: short, and never a whole object. */
export function showValue(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 77)}...` : value)
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'function') return `function ${value.name || '(anonymous)'}`
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === 'object' && value !== null) return `an object (${Object.keys(value).slice(0, 5).join(', ')})`
  return String(value)
}

/** What a log or a job's history keeps of an error that anyone may have thrown. */
export interface ErrorSummary {
  readonly name: string
  readonly message: string
  readonly code?: string
  readonly status?: number
}

/** Reads name, message, code and HTTP status off whatever was thrown. Never throws itself. */
export function describeError(error: unknown): ErrorSummary {
  if (typeof error !== 'object' || error === null) return { name: 'Error', message: String(error) }
  try {
    return readError(error)
  } catch {
    return { name: 'Error', message: 'an error that cannot be read' }
  }
}

function readError(error: object): ErrorSummary {
  const { name, message, code, status } = error as Record<string, unknown>
  return {
    name: typeof name === 'string' ? name : 'Error',
    message: typeof message === 'string' ? message : showValue(error),
    ...(typeof code === 'string' || typeof code === 'number' ? { code: String(code) } : {}),
    ...(typeof status === 'number' ? { status } : {}),
  }
}
