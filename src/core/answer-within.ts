/**
 * The answer of something outside of this process, such as a store: always awaited, and never for longer than a limit.
 */
import type { Clock } from './clock.ts'
import { TimeoutError } from './errors.ts'
import { WheelEntry, wheelOf } from './timer-wheel.ts'

/** What is answered, or a rejection when that fails or takes longer than `limitMs`. Leaves no timer. */
export function answerWithin<T>(clock: Clock, limitMs: number, ask: () => PromiseLike<T> | T): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = new WheelEntry(() => reject(new TimeoutError(limitMs)))
    wheelOf(clock).add(timer, limitMs, clock.now())
    // Not `resolve(ask())`: a promise that is locked in to the answer could not be rejected by the timer any more.
    new Promise<T>((begin) => begin(ask())).finally(() => timer.cancel()).then(resolve, reject)
  })
}
