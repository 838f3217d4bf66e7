/**
 * The same frame for a synchronous operation. Waiting blocks the thread with `Atomics.wait`; nothing can time out, because
 * nothing can interrupt a synchronous call, so a timeout in the frame is refused.
 */

import { isRejected, OptionError, RejectedError } from './errors.ts'
import type { LiveExecution } from './execution.ts'
import type { Frame, RetryFailure, RetrySession, RetryStage } from './stage.ts'
import { isThenable } from './thenable.ts'

export function runSync(frame: Frame, call: LiveExecution): unknown {
  if (frame.timeout !== undefined)
    throw new OptionError(MISUSE, 'cannot run under a timeout, which cannot interrupt a synchronous operation', 'timeout')
  call.refresh()
  if (frame.retry !== undefined) return retrySync(frame, frame.retry, call)
  const end = attemptSync(frame, call)
  if (call.aborted) throw call.abortReason
  return conclude(end)
}

function retrySync(frame: Frame, retry: RetryStage, call: LiveExecution): unknown {
  const startedAt = retry.timed ? call.now() : undefined
  let session: RetrySession | undefined
  for (let attempt = 1; ; attempt++) {
    const end = attemptSync(frame, attempt === call.attempt ? call : call.child(attempt, false))
    if (call.aborted) throw call.abortReason
    if ('value' in end && !retry.rejectsResult?.(end.value)) return end.value
    session ??= retry.begin(call, startedAt)
    const delayMs = session.next(attempt, end, call)
    if (delayMs < 0) return conclude(session.conclude(attempt, end))
    // A rule of the user may have cancelled the call while it decided; nothing can while this thread is blocked.
    if (call.aborted) {
      session.cancelled()
      throw call.abortReason
    }
    blockFor(delayMs)
    call.refresh()
  }
}

function conclude(end: RetryFailure): unknown {
  if ('error' in end) throw end.error
  return end.value
}

function attemptSync(frame: Frame, execution: LiveExecution): RetryFailure {
  const permits: unknown[] = []
  const { gates } = frame
  let value: unknown
  try {
    for (const gate of gates) {
      const permit = gate.enter(execution)
      if (permit instanceof RejectedError) throw permit
      permits.push(permit)
    }
    value = frame.next(execution)
    refusePromise(value)
  } catch (error) {
    const misused = error instanceof OptionError && error.option === MISUSE
    const neutral = misused || execution.aborted || permits.length < gates.length || isRejected(error)
    for (let index = permits.length - 1; index >= 0; index--) {
      if (neutral) gates[index]!.cancelled(permits[index], execution)
      else gates[index]!.failed(permits[index], error, execution)
    }
    if (misused) throw error
    return { error }
  }
  for (let index = gates.length - 1; index >= 0; index--) {
    if (execution.aborted) gates[index]!.cancelled(permits[index], execution)
    else gates[index]!.succeeded(permits[index], value, execution)
  }
  return { value }
}

/** What the call did wrong, not what it called: no policy learns from it or tries it again. */
const MISUSE = 'executeSync'

/** @throws OptionError for a promise or a thenable, whose outcome a synchronous call cannot know */
export function refusePromise(value: unknown): void {
  if (!isThenable(value)) return
  if (value instanceof Promise) value.catch(() => {})
  throw new OptionError(MISUSE, 'needs policies and an operation that return a value, not a promise; use execute', value)
}

/** Blocks this thread. Not for an event loop that others share. */
export function blockFor(ms: number): void {
  if (ms > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}
