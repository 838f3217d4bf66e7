/**
 * A call that its caller may cancel, or that must be done within a time: the caller is released at once, whatever the work
 * inside does, and the work sees its signal abort.
 */
import { parseDuration } from './duration.ts'
import { TimeoutError } from './errors.ts'
import type { LiveExecution } from './execution.ts'
import type { ExecuteOptions, Operation } from './operation.ts'
import { WheelEntry, wheelOf } from './timer-wheel.ts'

export function guarded(linked: Operation<unknown>, execution: LiveExecution, options: ExecuteOptions): Promise<unknown> {
  const { signal, within } = options
  if (signal?.aborted) return Promise.reject(signal.reason)
  return new Promise((resolve, reject) => {
    const cancelled = (): void => {
      timer?.cancel()
      reject(signal?.reason)
    }
    const timer = within === undefined ? undefined : armDeadline(execution, parseDuration(within, 'within'), expired)
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

function armDeadline(execution: LiveExecution, ms: number, expired: (error: Error) => void): WheelEntry {
  const now = execution.now()
  execution.deadline = now + ms
  execution.makeAbortable()
  const entry = new WheelEntry(() => {
    const error = new TimeoutError(ms, { policy: 'within', hint: 'The whole call, attempts and waits included, took too long.' })
    execution.abort(error)
    expired(error)
  })
  wheelOf(execution.clock).add(entry, ms, now)
  return entry
}
