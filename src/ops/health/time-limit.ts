/** Waits for an answer no longer than a limit. */
import type { Clock } from '../../core/clock.ts'
import { TimeoutError } from '../../core/errors.ts'

/**
 * The answer of `ask`, or a rejection with TimeoutError after `ms`. What was asked goes on in the background; its late
 * result or error is dropped.
 */
export function withTimeLimit<T>(clock: Clock, ms: number, ask: () => PromiseLike<T> | T): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const cancel = clock.setTimer(ms, () => reject(new TimeoutError(ms)), true)
    const settle = <V>(then: (value: V) => void): ((value: V) => void) => {
      return (value) => {
        cancel()
        then(value)
      }
    }
    new Promise<T>((answer) => answer(ask())).then(settle(resolve), settle(reject))
  })
}
