/** A batch as callers send it, and the checks that turn it into what a store takes. Pure. */
import { isHoldfastError } from '../core/errors.ts'
import { nearest } from '../core/validate.ts'
import type { BatchSummary } from './batch.ts'
import type { NewJob } from './job.ts'
import { JobInvalidError } from './job-errors.ts'
import type { JobRequest, RequestLimits } from './job-request.ts'
import { checkRequests } from './job-request.ts'
import type { Kind } from './kind.ts'

/** The job to be enqueued when all jobs of a batch have ended. */
export interface BatchCallback {
  readonly kind: string
  /** An object; the summary of the batch is added to it as `batch`. Default: an empty one. */
  readonly payload?: object | undefined
  readonly priority?: number | undefined
  readonly maxAttempts?: number | undefined
  readonly traceparent?: string | undefined
}

export interface BatchRequest {
  readonly jobs: readonly JobRequest[]
  /** Enqueued once, when every job has succeeded, died or been cancelled. Without it the batch can still be asked after. */
  readonly onComplete?: BatchCallback | undefined
  /** A name of the caller's own: sent again, while the batch is kept, it stores nothing. Default: a new one. */
  readonly id?: string | undefined
}

const FIELDS = ['jobs', 'onComplete', 'id'] as const
const CALLBACK_FIELDS = ['kind', 'payload', 'priority', 'maxAttempts', 'traceparent'] as const

/** @throws JobInvalidError */
export function checkBatchId(id: unknown): string | undefined {
  if (id === undefined) return undefined
  if (typeof id !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(id))
    throw new JobInvalidError('id', 'must be 1 to 255 printable ASCII characters without spaces', id)
  return id
}

/** @throws JobInvalidError */
export function checkBatchFields(request: BatchRequest): void {
  checkNames(request, FIELDS, 'batch')
  if (!Array.isArray(request.jobs)) throw new JobInvalidError('jobs', 'must be an array of jobs', request.jobs)
}

/**
 * Checks the callback as it will be: with a summary.
 *
 * @param now epoch ms
 * @throws JobInvalidError, UnknownKindError
 */
export function checkCallback(
  callback: BatchCallback,
  batch: Pick<BatchSummary, 'id' | 'total'>,
  kinds: ReadonlyMap<string, Kind>,
  now: number,
  limits: RequestLimits,
): Omit<NewJob, 'id'> {
  checkNames(callback, CALLBACK_FIELDS, 'onComplete')
  const { payload = {}, ...rest } = callback
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload))
    throw new JobInvalidError('onComplete.payload', "must be an object: the summary is added to it as 'batch'", payload)
  if ('batch' in payload) throw new JobInvalidError('onComplete.payload.batch', 'is where the summary goes', payload.batch)
  const sample: BatchSummary = { ...batch, succeeded: batch.total, dead: 0, cancelled: 0 }
  try {
    const [checked] = checkRequests([{ ...rest, payload: { ...payload, batch: sample } }], kinds, now, limits)
    return { ...(checked as Omit<NewJob, 'id'>), payload }
  } catch (error) {
    throw ofCallback(error)
  }
}

function checkNames(value: unknown, known: readonly string[], where: string): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new JobInvalidError(where, 'must be an object', value)
  for (const name of Object.keys(value)) {
    if (known.includes(name)) continue
    const near = nearest(name, known)
    throw new JobInvalidError(where === 'batch' ? name : `${where}.${name}`, `is not a field of it`, (value as never)[name], {
      hint: near === undefined ? `Known fields: ${known.join(', ')}.` : `Did you mean '${near}'?`,
    })
  }
}

/** Says, in place, that a refusal is about the callback. Other errors are left as they are. */
function ofCallback(error: unknown): unknown {
  if (!isHoldfastError(error)) return error
  const path = typeof error.details?.path === 'string' ? { path: `onComplete.${error.details.path}` } : {}
  return Object.assign(error, { ...path, message: `onComplete: ${error.message}`, details: { ...error.details, ...path } })
}
