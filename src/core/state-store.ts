/**
 * The port through which a target's state (a breaker's snapshot, a pause) survives a restart or reaches other processes.
 *
 * Values are small versioned JSON. Losing the store never fails a call: callers keep their local state and say so in health.
 */

export interface StoredState {
  readonly name: string
  /** JSON; who wrote it owns its version field. */
  readonly value: unknown
  /** Epoch ms by the store's clock. */
  readonly updatedAt: number
}

export interface StateStore {
  /** All states whose name starts with `prefix`. */
  readStates(prefix: string): Promise<readonly StoredState[]>
  writeState(name: string, value: unknown): Promise<void>
  deleteState(name: string): Promise<void>
}
