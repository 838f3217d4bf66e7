/**
 * A call that its caller may cancel, or that must be done within a time: the caller is released at once, whatever the work
 * inside does, and the work sees its signal abort.
 */
import { parseDuration } from './duration.ts'
import { RejectedError, TimeoutError } from './errors.ts'
import type { LiveExecution } from './execution.ts'
import type { ExecuteOptions, Operation } from './operation.ts'
import { WheelEntry, wheelOf } from './timer-wheel.ts'

export function guarded(linked: Operation<unknown>, execution: LiveExecution, options: ExecuteOptions): Promise<unknown> {
  const { signal, within } = options
  if (signal?.aborted) return Promise.reject(signal.reason)
  return new Promise((resolve, reject) => {
    const cancelled = (): void => {
      timer?.cancel()
      reject(signal!.reason)
    }
    const ms = boundBy(execution, within)
    const timer = ms === Number.POSITIVE_INFINITY ? undefined : armDeadline(execution, ms, expired)
    function expired(error: Error): void {
      signal?.removeEventListener('abort', cancelled)
      reject(error)
    }
    const settled = (): void => {
      timer?.cancel()
      signal?.removeEventListener('abort', cancelled)
      execution.close()
    }
    signal?.addEventListener('abort', cancelled, { once: true })
    let result: unknown
    try {
      result = linked(execution)
    } catch (error) {
      settled()
      return reject(error)
    }
    Promise.resolve(result).then(
      (value) => {
        settled()
        resolve(value)
      },
      (error) => {
        settled()
        reject(error)
      },
    )
  })
}

/**
 * Gives the execution the deadline that its caller's `within` makes, and answers the ms until then. `Infinity` is no bound, so
 * that an outer call's `remaining()` can be passed on as it is.
 *
 * @throws RejectedError when no time is left: the operation must not begin any more
 */
export function boundBy(execution: LiveExecution, within: ExecuteOptions['within'] = Number.POSITIVE_INFINITY): number {
  if (within === Number.POSITIVE_INFINITY) return within
  const ms = parseDuration(within, 'within')
  if (ms === 0)
    throw new RejectedError('no time is left for this call', {
      code: 'ERR_DEADLINE_EXCEEDED',
      policy: 'within',
      hint: 'Nothing was sent. Give the call more time, or call less.',
    })
  execution.deadline = execution.now() + ms
  return ms
}

function armDeadline(execution: LiveExecution, ms: number, expired: (error: Error) => void): WheelEntry {
  execution.makeAbortable()
  const entry = new WheelEntry(() => {
    const error = new TimeoutError(ms, { policy: 'within', hint: 'The whole call, attempts and waits included, took too long.' })
    execution.abort(error)
    expired(error)
  })
  wheelOf(execution.clock).add(entry, ms, execution.now())
  return entry
}
