/**
 * The one error of a store that cannot do its work now. Whatever was asked, nothing of it happened.
 */
import { HoldfastError } from '../../core/errors.ts'

/** Why: what a person has to look at. */
export type UnavailableReason =
  | 'full'
  | 'read-only'
  | 'busy'
  | 'corrupt'
  | 'closed'
  | 'gone'
  | 'newer'
  | 'io'
  // Of stores behind a network:
  | 'refused'
  | 'lost'
  | 'timeout'
  | 'exhausted'
  | 'too-many-connections'
  | 'shut-down'
  | 'forbidden'

/** Code `ERR_STORE_UNAVAILABLE`; `details.reason` is stable. */
export function storeUnavailable(reason: UnavailableReason, message: string, hint: string, cause?: unknown): HoldfastError {
  return new HoldfastError(message, { code: 'ERR_STORE_UNAVAILABLE', hint, cause, details: { reason } })
}

/** For calls before `open` and after `close`. */
export function notOpen(description: string, closed: boolean): HoldfastError {
  return closed
    ? storeUnavailable('closed', `store ${description} is closed`, 'Make a new store; a closed one stays closed.')
    : storeUnavailable('closed', `store ${description} is not open`, 'Await open() before anything else.')
}
