/**
 * The port of a store for results, so that processes share them or they outlive one. What it answers is always awaited, and never
 * for longer than the policy allows; losing it never fails a call.
 */
import type { Clock } from '../../core/clock.ts'
import { OptionError, TimeoutError } from '../../core/errors.ts'
import { WheelEntry, wheelOf } from '../../core/timer-wheel.ts'

export interface ResultStore {
  /** The value kept under this key, in an object so that undefined can be one; undefined or null when there is none, or no more. */
  get(key: string): unknown
  /** Keeps a value for `ttlMs` by the store's clock. A store that needs JSON refuses what is not. */
  set(key: string, value: unknown, ttlMs: number): unknown
  delete(key: string): unknown
}

/** @throws OptionError for anything that is not a store of results */
export function checkStore(value: ResultStore, option: string): ResultStore {
  const { get, set, delete: remove } = (value ?? {}) as Partial<ResultStore>
  if (![get, set, remove].every((method) => typeof method === 'function'))
    throw new OptionError(option, 'must have the methods get, set and delete', value)
  return value
}

/** What the store answers, or a rejection when it fails or takes longer than `limitMs`. Leaves no timer. */
export async function answerWithin(clock: Clock, limitMs: number, ask: () => unknown): Promise<unknown> {
  let timer: WheelEntry | undefined
  try {
    return await new Promise((resolve, reject) => {
      timer = new WheelEntry(() => reject(new TimeoutError(limitMs)))
      wheelOf(clock).add(timer, limitMs, clock.now())
      resolveWith(ask, resolve, reject)
    })
  } finally {
    timer?.cancel()
  }
}

/** Not `resolve(ask())`: a promise that is locked in to the store's answer could not be rejected by the timer any more. */
function resolveWith(ask: () => unknown, resolve: (value: unknown) => void, reject: (error: unknown) => void): void {
  new Promise((begin) => begin(ask())).then(resolve, reject)
}
