/**
 * The port of a store for results, so that processes share them or they outlive one. What it answers is always awaited, and never
 * for longer than the policy allows; losing it never fails a call.
 */
import { OptionError } from '../../core/errors.ts'

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
