import { HoldfastError, showValue } from '../../core/errors.ts'

/** A payload that cannot be sent, found when it is enqueued. `path` names the field, such as `payload.headers.host`. */
export class HttpPayloadError extends HoldfastError {
  readonly path: string
  readonly rule: string

  constructor(path: string, rule: string, value: unknown, hint?: string) {
    super(`'${path}' ${rule}: got ${showValue(value)}`, { code: 'ERR_JOB_INVALID', hint, details: { path, rule } })
    this.path = path
    this.rule = rule
  }
}
HttpPayloadError.prototype.name = 'HttpPayloadError'
