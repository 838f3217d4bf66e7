/**
 * What a policy brings to a frame. Gates, a timeout and a retry run together in one async frame (see frame.ts), because a
 * layer of its own costs more than most of them do; anything else is a plain layer between frames.
 */
import type { LiveExecution } from './execution.ts'
import type { Layer, Operation } from './operation.ts'

/**
 * Admits and learns. A permit is whatever the gate needs to recognise the call; it is given back exactly once, by one of the
 * three verdicts, which must not throw: what a user gave is asked through `userRule`.
 */
export interface Gate {
  /**
   * Admits now, or later by a promise, or answers with a `RejectedError`: returned, which is cheap, or thrown. A promised permit must be refused as soon as the
   * execution's signal aborts. Must not promise when `execution.sync` is true.
   */
  enter(execution: LiveExecution): unknown
  succeeded(permit: unknown, value: unknown, execution: LiveExecution): void
  failed(permit: unknown, error: unknown, execution: LiveExecution): void
  /** The call was cancelled, or rejected further in: nothing is learnt. */
  cancelled(permit: unknown, execution: LiveExecution): void
  /** The work of this permit goes on past its timeout; `cancelled` follows when it ends. */
  abandoned?(permit: unknown, execution: LiveExecution): void
}

export interface TimeoutStage {
  /** The limit for this attempt, in ms; `Infinity` for none. */
  limitMs(execution: LiveExecution): number
  /** The error that the attempt fails with; may emit. */
  expired(limitMs: number, execution: LiveExecution): Error
  /** The work goes on after its time, and (with `settled`) has now ended. */
  abandoned(execution: LiveExecution, limitMs: number): void
  settled(execution: LiveExecution, limitMs: number): void
  /** How long work that was told to stop is waited for, in ms; 0 to answer the caller at once. */
  readonly graceMs: number
  /** Permits further in go back when the caller is answered, not when the work ends. */
  readonly releasesAtOnce: boolean
}

/** Decides about further attempts of one call. Made at the first failure, so that a success costs nothing. */
export interface RetrySession {
  /**
   * Ms to wait before the next attempt, or -1 to give up.
   * `failure` holds the error, or, for an unacceptable result, its value.
   */
  next(attempt: number, failure: RetryFailure, execution: LiveExecution): number
  /** What the call fails with after -1; for an unacceptable result the value may be returned instead. */
  conclude(attempt: number, failure: RetryFailure): { readonly value: unknown } | { readonly error: unknown }
  /** The caller cancelled while waiting: what was reserved for the next attempt goes back. */
  cancelled(): void
}

export type RetryFailure = { readonly error: unknown } | { readonly value: unknown }

export interface RetryStage {
  /** `startedAt` is when the call began, known when `timed` asked for it. */
  begin(execution: LiveExecution, startedAt: number | undefined): RetrySession
  /** True when the clock is to be read before the first attempt. */
  readonly timed: boolean
  /** When present, asked about every result; true asks for another attempt. Must not throw. */
  readonly rejectsResult?: ((value: unknown) => boolean) | undefined
}

export type Stage =
  | { readonly type: 'gate'; readonly gate: Gate }
  | { readonly type: 'timeout'; readonly timeout: TimeoutStage }
  | { readonly type: 'retry'; readonly retry: RetryStage }
  | { readonly type: 'layer'; readonly layer: Layer }

/** Stages that run as one, see frame.ts. */
export interface Frame {
  readonly retry: RetryStage | undefined
  readonly gates: readonly Gate[]
  readonly timeout: TimeoutStage | undefined
  /** The timeout stands before the gate of this index; -1 without one. Gates from here on are inside it. */
  readonly timeoutAt: number
  /** Nothing is around this frame: nobody but it knows the execution that it is given. */
  readonly outermost: boolean
  readonly next: Operation<unknown>
}
