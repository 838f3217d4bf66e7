/**
 * The same frame for a synchronous operation. Waiting blocks the thread with `Atomics.wait`; nothing can time out, because
 * nothing can interrupt a synchronous call, so a timeout in the frame is refused.
 */
import { isRejected, OptionError } from './errors.ts'
import type { LiveExecution } from './execution.ts'
import type { Frame } from './frame.ts'
import type { RetryFailure, RetrySession } from './stage.ts'

export function runSync(frame: Frame, call: LiveExecution): unknown {
  if (frame.timeout !== undefined)
    throw new OptionError('executeSync', 'cannot run under a timeout, which cannot interrupt a synchronous operation', 'timeout')
  call.refresh()
  const startedAt = frame.retry?.timed ? call.now() : undefined
  let session: RetrySession | undefined
  for (let attempt = 1; ; attempt++) {
    const execution = attempt === 1 ? call : call.child(attempt, false)
    const failure = attemptSync(frame, execution)
    if (frame.retry === undefined || ('value' in failure && !frame.retry.rejectsResult?.(failure.value))) return conclude(failure)
    session ??= frame.retry.begin(call, startedAt)
    const delayMs = session.next(attempt, failure, call)
    if (delayMs < 0) return conclude(session.conclude(attempt, failure))
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
    for (const gate of gates) permits.push(gate.enter(execution))
    value = frame.next(execution)
    if (value instanceof Promise) value.catch(() => {})
    if (value instanceof Promise)
      throw new OptionError('executeSync', 'needs an operation that returns a value, not a promise; use execute', value)
  } catch (error) {
    const neutral = permits.length < gates.length || isRejected(error)
    for (let index = permits.length - 1; index >= 0; index--) {
      if (neutral) gates[index]!.cancelled(permits[index], execution)
      else gates[index]!.failed(permits[index], error, execution)
    }
    return { error }
  }
  for (let index = gates.length - 1; index >= 0; index--) gates[index]!.succeeded(permits[index], value, execution)
  return { value }
}

/** Blocks this thread. Not for an event loop that others share. */
export function blockFor(ms: number): void {
  if (ms > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}
