/** The errors of durable work that callers and handlers meet. */
import { HoldfastError, isHoldfastError, showValue } from '../core/errors.ts'

/**
 * A job request was refused before anything was stored. `path` names the field, such as `payload.items[3].name`; `details.index` the
 * job's place in its batch, when it is one of several (see `atIndex`).
 */
export class JobInvalidError extends HoldfastError {
  readonly path: string
  readonly rule: string

  constructor(path: string, rule: string, value: unknown, options: { hint?: string; cause?: unknown } = {}) {
    super(`'${path}' ${rule}: got ${showValue(value)}`, {
      code: 'ERR_JOB_INVALID',
      hint: options.hint,
      cause: options.cause,
      details: { path, rule },
    })
    this.path = path
    this.rule = rule
  }
}
JobInvalidError.prototype.name = 'JobInvalidError'

/** Nobody here knows how to do a job of this kind. */
export class UnknownKindError extends HoldfastError {
  constructor(kind: unknown, known: readonly string[], near: string | undefined) {
    super(`'kind' is not known here: got ${showValue(kind)}`, {
      code: 'ERR_JOB_UNKNOWN_KIND',
      hint: near === undefined ? `Known kinds: ${known.join(', ') || 'none'}.` : `Did you mean '${near}'?`,
      details: { path: 'kind', rule: 'must be a known kind' },
    })
  }
}
UnknownKindError.prototype.name = 'UnknownKindError'

/** Adds to a refusal, in place, which job of a batch it is about. Other errors are left as they are. */
export function atIndex(error: unknown, index: number): unknown {
  if (!isHoldfastError(error)) return error
  return Object.assign(error, { message: `job ${index}: ${error.message}`, details: { ...error.details, index } })
}

/** Why a running job is told to stop: somebody cancelled it, its lease went to another worker, or this worker shuts down. */
export type AbortCause = 'cancelled' | 'lease-lost' | 'shutdown'

const ABORTS = {
  cancelled: { code: 'ERR_JOB_STATE', message: 'the job was cancelled' },
  'lease-lost': { code: 'ERR_LEASE_LOST', message: 'the lease is lost: another worker may run this job, its result is dropped' },
  shutdown: { code: 'ERR_SHUT_DOWN', message: 'the worker shuts down: the job is handed back' },
} as const

/** The reason on a handler's signal when its job is taken away from it. */
export class JobAbortedError extends HoldfastError {
  readonly by: AbortCause

  constructor(by: AbortCause, target: string) {
    super(ABORTS[by].message, { code: ABORTS[by].code, target })
    this.by = by
  }
}
JobAbortedError.prototype.name = 'JobAbortedError'
