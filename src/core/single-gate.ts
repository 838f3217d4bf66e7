/**
 * A frame of one gate and nothing else, as a breaker, a limiter or a bulkhead has when it is used alone: the same as an
 * `Attempt` of that frame, without the object that keeps several permits, a timer and a retry apart.
 *
 * Invariant: a permit that the gate gave at once is given back exactly once, when the work has settled.
 */
import { Attempt } from './attempt.ts'
import { isRejected, RejectedError } from './errors.ts'
import type { LiveExecution } from './execution.ts'
import type { Operation } from './operation.ts'
import { rejectSoon } from './reject-soon.ts'
import type { Frame, Gate } from './stage.ts'
import { pendingOf } from './thenable.ts'

export function runThrough(gate: Gate, frame: Frame, execution: LiveExecution): unknown {
  if (execution.aborted) return rejectSoon(execution.abortReason)
  execution.refresh()
  let permit: unknown
  try {
    permit = gate.enter(execution)
  } catch (error) {
    return rejectSoon(error)
  }
  if (permit instanceof Promise) return new Attempt(frame, execution, 1, undefined).wait(permit)
  if (permit instanceof RejectedError) return rejectSoon(permit)
  return runAdmitted(gate, permit, frame.next, execution)
}

function runAdmitted(gate: Gate, permit: unknown, next: Operation<unknown>, execution: LiveExecution): unknown {
  let result: unknown
  let pending: Promise<unknown> | undefined
  try {
    result = next(execution)
    pending = pendingOf(result)
  } catch (error) {
    release(gate, permit, error, execution)
    return rejectSoon(error)
  }
  if (pending === undefined) return settle(gate, permit, result, execution)
  return pending.then(
    (value) => settle(gate, permit, value, execution),
    (error) => {
      release(gate, permit, error, execution)
      throw error
    },
  )
}

function settle(gate: Gate, permit: unknown, value: unknown, execution: LiveExecution): unknown {
  if (execution.aborted) gate.cancelled(permit, execution)
  else gate.succeeded(permit, value, execution)
  return value
}

function release(gate: Gate, permit: unknown, error: unknown, execution: LiveExecution): void {
  if (execution.aborted || isRejected(error)) gate.cancelled(permit, execution)
  else gate.failed(permit, error, execution)
}
