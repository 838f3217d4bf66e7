/**
 * One call in the queue of a bulkhead: until it is granted a place, gives up, is pushed out, or has waited long enough.
 * Whichever comes first ends it; no timer and no listener remains.
 */
import type { LiveExecution } from '../../core/execution.ts'
import { WheelEntry, wheelOf } from '../../core/timer-wheel.ts'
import type { BulkheadMachine } from './machine.ts'
import type { Waiter } from './waiting-line.ts'

/**
 * @param refused makes the error for whom waiting came to nothing
 * @returns `joined` is false where the caller had cancelled already; `waiting` resolves with the place taken
 */
export function waitForPlace(
  machine: BulkheadMachine,
  execution: LiveExecution,
  priority: number,
  maxWaitMs: number,
  refused: (why: 'dropped' | 'max-wait') => Error,
): { readonly waiting: Promise<void>; readonly joined: boolean } {
  const signal = execution.cancellable ? execution.signal : undefined
  if (signal?.aborted) return { waiting: Promise.reject(signal.reason), joined: false }
  const waiting = new Promise<void>((resolve, reject) => {
    const unlink = (): void => {
      timer?.cancel()
      signal?.removeEventListener('abort', cancelled)
    }
    // Nothing to unlink: the signal has let go of the listener, and looking for it among thousands would cost.
    const cancelled = (): void => {
      timer?.cancel()
      machine.leave(waiter)
      reject(signal!.reason)
    }
    const waiter: Waiter = {
      priority,
      grant: () => {
        unlink()
        resolve()
      },
      drop: () => {
        unlink()
        reject(refused('dropped'))
      },
    }
    const expired = (): void => {
      unlink()
      machine.leave(waiter)
      reject(refused('max-wait'))
    }
    const timer = maxWaitMs === Number.POSITIVE_INFINITY ? undefined : new WheelEntry(expired)
    if (timer !== undefined) wheelOf(execution.clock).add(timer, maxWaitMs, execution.now())
    signal?.addEventListener('abort', cancelled, { once: true })
    machine.wait(waiter)
  })
  return { waiting, joined: true }
}
