/**
 * Stages that run as one: an optional retry, then gates with at most one timeout among them, then what comes next.
 *
 * `link` cuts a list of stages into as few frames as possible, once, when policies are composed.
 */
import { Attempt } from './attempt.ts'
import type { LiveExecution } from './execution.ts'
import type { Operation } from './operation.ts'
import { runThrough } from './single-gate.ts'
import type { Frame, Gate, RetryStage, Stage, TimeoutStage } from './stage.ts'
import { runSync } from './sync-frame.ts'

/** Runs the operation that the execution carries. The innermost `next` of every composition. */
const terminal: Operation<unknown> = (execution) => (execution as LiveExecution).run(execution)

/**
 * Links stages, outermost first, into one operation.
 *
 * @param whole true when nothing is around them: the first frame then meets every execution first, and once
 */
export function link(stages: readonly Stage[], whole = false): Operation<unknown> {
  let next = terminal
  let end = stages.length
  while (end > 0) {
    const last = stages[end - 1] as Stage
    if (last.type === 'layer') {
      next = last.layer(next)
      end--
    } else {
      const start = frameStart(stages, end)
      next = frameOperation(stages.slice(start, end) as FramedStage[], next, whole && start === 0)
      end = start
    }
  }
  return next
}

/** Where the frame that ends before `end` begins: it takes one timeout at most, and a retry only as its head. */
export function frameStart(stages: readonly Stage[], end: number): number {
  let timeouts = 0
  let start = end
  while (start > 0) {
    const { type } = stages[start - 1] as Stage
    if (type === 'layer' || (type === 'timeout' && ++timeouts > 1)) break
    start--
    if (type === 'retry') break
  }
  return start
}

type FramedStage = Exclude<Stage, { type: 'layer' }>

function frameOperation(stages: readonly FramedStage[], next: Operation<unknown>, outermost: boolean): Operation<unknown> {
  let retry: RetryStage | undefined
  let timeout: TimeoutStage | undefined
  let timeoutAt = -1
  const gates: Gate[] = []
  for (const stage of stages) {
    if (stage.type === 'retry') retry = stage.retry
    else if (stage.type === 'gate') gates.push(stage.gate)
    else {
      timeout = stage.timeout
      timeoutAt = gates.length
    }
  }
  const frame: Frame = { retry, gates, timeout, timeoutAt, outermost, next }
  const [gate] = gates
  // Stryker disable next-line ConditionalExpression: a short cut, which costs less than an attempt and does the same
  if (stages.length === 1 && gate !== undefined)
    return (execution) => {
      const live = execution as LiveExecution
      return live.sync ? runSync(frame, live) : runThrough(gate, frame, live)
    }
  return (execution) => {
    const live = execution as LiveExecution
    if (live.sync) return runSync(frame, live)
    if (timeout === undefined) return new Attempt(frame, live, 1, undefined).start()
    return new Promise((resolve, reject) => new Attempt(frame, live, 1, undefined, resolve, reject).start())
  }
}
