/** Waits for something, but not for ever. */
import type { Clock } from '../core/clock.ts'

/** Resolves when the promise settles, however it does, or when the time is up. Leaves no timer. */
export function within(clock: Clock, ms: number, promise: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.setTimer(ms, resolve)
    const done = (): void => {
      cancel()
      resolve()
    }
    promise.then(done, done)
  })
}
