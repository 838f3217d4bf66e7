/**
 * How scenarios look at calls in flight: what has settled, how, and how work runs that is let go by hand.
 */
import type { ConformanceTime, Work } from './adapter.ts'

/** Throws when `condition` is false. `problem` says what was seen. */
export function expect(condition: boolean, problem: string): void {
  if (!condition) throw new Error(problem)
}

export interface Watched {
  readonly state: 'pending' | 'resolved' | 'rejected'
  readonly value: unknown
  readonly error: unknown
}

/** Follows a call without waiting for it, and without leaving its rejection unhandled. */
export function watch(call: () => Promise<unknown>): Watched {
  const seen: { state: Watched['state']; value: unknown; error: unknown } = {
    state: 'pending',
    value: undefined,
    error: undefined,
  }
  let promise: Promise<unknown>
  try {
    promise = call()
  } catch (error) {
    // Some libraries throw where others reject; both are an answer.
    return Object.assign(seen, { state: 'rejected' as const, error })
  }
  promise.then(
    (value) => Object.assign(seen, { state: 'resolved', value }),
    (error) => Object.assign(seen, { state: 'rejected', error }),
  )
  return seen
}

/** Follows a call until promises have settled. */
export async function settled(time: ConformanceTime, call: () => Promise<unknown>): Promise<Watched> {
  const seen = watch(call)
  await time.advance(0)
  return seen
}

/** Work that ends when it is told to; it ignores its signal. */
export interface Held {
  readonly work: Work
  /** How often it was begun. */
  readonly begun: number
  /** How many runs have begun and not ended. */
  readonly running: number
  readonly mostRunning: number
  /** The signals that it was given, in the order of its runs. */
  readonly signals: readonly (AbortSignal | undefined)[]
  /** Ends the oldest run that still runs. */
  succeed(value?: unknown): void
  fail(error: unknown): void
}

export function held(): Held {
  const open: { resolve: (value: unknown) => void; reject: (error: unknown) => void }[] = []
  const signals: (AbortSignal | undefined)[] = []
  let running = 0
  let mostRunning = 0
  const end = (how: (one: (typeof open)[number]) => void): void => {
    const oldest = open.shift()
    if (oldest === undefined) throw new Error('the scenario ends work that does not run')
    running--
    how(oldest)
  }
  return {
    work({ signal }) {
      signals.push(signal)
      mostRunning = Math.max(mostRunning, ++running)
      return new Promise((resolve, reject) => open.push({ resolve, reject }))
    },
    get begun() {
      return signals.length
    },
    get running() {
      return running
    },
    get mostRunning() {
      return mostRunning
    },
    signals,
    succeed: (value) => end((one) => one.resolve(value)),
    fail: (error) => end((one) => one.reject(error)),
  }
}

/** Work that ends by its signal alone, as `fetch` does. */
export const cooperative: Work = ({ signal }) =>
  new Promise((_, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
  })

/** Work that counts its runs and fails each time. */
export function failing(error: unknown = new Error('the target is down')): Work & { readonly runs: () => number } {
  let runs = 0
  const work = (): Promise<never> => {
    runs++
    return Promise.reject(error)
  }
  return Object.assign(work, { runs: () => runs })
}

export const DAY = 86_400_000
/** Longer than one timer of a platform can be: 2³¹−1 ms are 24.8 days. */
export const MONTH = 30 * DAY
