/**
 * Time, injected. Intervals use the monotonic `now`; only what is stored or shown uses `wallNow`.
 */

/** Stops a timer; calling it twice, or after the timer fired, does nothing. */
export type Cancel = () => void

export interface Clock {
  /** Monotonic milliseconds, from an arbitrary start. Never goes back. */
  now(): number
  /** Milliseconds since the Unix epoch. May step. Only for what is stored or shown. */
  wallNow(): number
  /**
   * Calls `wake` once, `ms` from now, however long that is.
   * A pending timer keeps the process alive unless `idle` is true.
   */
  setTimer(ms: number, wake: () => void, idle?: boolean): Cancel
  /** How coarse shared timeouts may be: `'exact'` for virtual clocks. Default `'coarse'`. */
  readonly precision?: 'exact' | 'coarse'
}

/** The longest wait that platforms take in one timer: 2³¹−1 ms. A longer one would fire at once. */
export const LONGEST_TIMER_MS = 2_147_483_647

/** Held once: the global is a getter, and asking it at every reading can be measured. */
const stopwatch = performance

/** The clock of the runtime: `performance.now`, `Date.now` and timers that re-arm beyond 24.8 days. */
export const systemClock: Clock = {
  now() {
    return stopwatch.now()
  },
  wallNow() {
    return Date.now()
  },
  setTimer(ms, wake, idle = false) {
    let handle: unknown
    const arm = (rest: number): void => {
      const step = Math.min(Math.max(rest, 0), LONGEST_TIMER_MS)
      handle = setTimeout(() => (rest > step ? arm(rest - step) : wake()), step)
      if (idle) (handle as { unref?: () => void }).unref?.()
    }
    arm(ms)
    return () => clearTimeout(handle as number)
  },
}

/** Waits `ms`, or rejects with the signal's reason as soon as it aborts. Leaves no listener and no timer. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(signal!.reason as Error)
    if (signal?.aborted) leave()
    else wakeAfter(clock, ms, signal, resolve, leave)
  })
}

/** Wakes after `ms`, or leaves as soon as the signal aborts, which it has not yet. Leaves no listener and no timer. */
export function wakeAfter(clock: Clock, ms: number, signal: AbortSignal | undefined, wake: () => void, leave: () => void): void {
  const onAbort = (): void => {
    cancel()
    leave()
  }
  const cancel = clock.setTimer(ms, () => {
    signal?.removeEventListener('abort', onAbort)
    wake()
  })
  signal?.addEventListener('abort', onAbort, { once: true })
}
