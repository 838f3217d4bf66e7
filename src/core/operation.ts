/**
 * The words that everything is built from: an operation, and a layer over an operation.
 */

/** One call in flight, as its operation and its policies see it. Read-only. */
export interface Execution {
  /**
   * Aborts when the caller cancels, or when a policy such as a timeout gives the attempt up. Made when first read; a caller's
   * own signal is lent untouched where no policy can abort.
   */
  readonly signal: AbortSignal
  /** Counts from 1. */
  readonly attempt: number
  /** Monotonic ms on the policy's clock by which the whole call must be done; `Infinity` when there is no bound. */
  readonly deadline: number
  /** What the call is for, in a keyed policy: a user, an IP, a peer. */
  readonly key: string | undefined
  /** The operation's name for events and metrics, such as `goto`. */
  readonly operation: string | undefined
  /** The same for all attempts of a call. */
  readonly id: string
  readonly attributes: Readonly<Record<string, unknown>>
  /** Ms until the deadline, never negative; `Infinity` when there is none. */
  remaining(): number
}

/** What is called: it may be sync or async, and may ignore the execution. */
export type Operation<T> = (execution: Execution) => PromiseLike<T> | T

/** Wraps an operation in a behaviour. Applied once, when policies are composed; it must pass the execution on. */
export type Layer = <T>(next: Operation<T>) => Operation<T>

export interface ExecuteOptions {
  /** Cancels the call: it rejects at once with the signal's own reason. */
  readonly signal?: AbortSignal | undefined
  /**
   * The whole call must be done within this long, attempts and waits included; a duration. `Infinity` is no bound; with 0, as an
   * outer call's `remaining()` may be, the operation does not begin. Default: no bound.
   */
  readonly within?: number | string | undefined
  readonly key?: string | undefined
  readonly operation?: string | undefined
  readonly id?: string | undefined
  readonly attributes?: Readonly<Record<string, unknown>> | undefined
}
