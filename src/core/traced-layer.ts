/** A layer that tells a trace whether it passed a call on, repeated it, answered it, or changed what came of it. */

import type { LiveExecution } from './execution.ts'
import type { Operation } from './operation.ts'
import type { Policy } from './policy.ts'
import type { RetryFailure } from './stage.ts'
import { pendingOf } from './thenable.ts'
import type { Trace } from './trace.ts'

/** One call on its way through a layer. */
interface Visit {
  readonly execution: LiveExecution
  calls: number
  last: RetryFailure | undefined
}

/** What a layer does is seen from the outside: how often it calls further in, and whether its outcome is that of the last such call. */
export function tracedLayer<T>(
  trace: Trace,
  part: Policy,
  layer: (next: Operation<T>) => Operation<T>,
  next: Operation<T>,
): Operation<T> {
  const visits: Visit[] = []
  const watched: Operation<T> = (execution) => {
    const visit = visits.findLast((open) => descends(execution as LiveExecution, open.execution)) ?? visits.at(-1)
    if (visit !== undefined) visit.calls++
    return watch(next, execution as LiveExecution, (end) => {
      if (visit !== undefined) visit.last = end
    })
  }
  const through = layer(watched)
  return (execution) => {
    const visit: Visit = { execution: execution as LiveExecution, calls: 0, last: undefined }
    visits.push(visit)
    return watch(through, visit.execution, (end) => {
      visits.splice(visits.indexOf(visit), 1)
      noteEnd(trace, part, visit, end)
    })
  }
}

function noteEnd(trace: Trace, part: Policy, { execution, calls, last }: Visit, end: RetryFailure): void {
  const same =
    last !== undefined &&
    ('error' in last ? 'error' in end && Object.is(last.error, end.error) : 'value' in end && Object.is(last.value, end.value))
  if (!same) trace.from(part.name, 'error' in end ? end.error : undefined)
  const verdict = calls === 0 ? 'answered' : same ? (calls === 1 ? 'passed' : 'repeated') : 'replaced'
  trace.note(part, execution, verdict, { numbers: { calls }, ...('error' in end ? { error: end.error } : {}) })
}

function descends(execution: LiveExecution, from: LiveExecution): boolean {
  for (let one: LiveExecution | undefined = execution; one !== undefined; one = one.parent) if (one === from) return true
  return false
}

/** Runs an operation and sees its end, before whoever called it does. */
export function watch<T>(
  operation: Operation<T>,
  execution: LiveExecution,
  seen: (end: RetryFailure) => void,
): PromiseLike<T> | T {
  let result: PromiseLike<T> | T
  let pending: Promise<unknown> | undefined
  try {
    result = operation(execution)
    // A thenable may be one that runs when it is read: read once, and not at all by a call that cannot wait for it.
    pending = execution.sync ? undefined : pendingOf(result)
  } catch (error) {
    seen({ error })
    throw error
  }
  if (pending === undefined) {
    seen({ value: result })
    return result
  }
  pending.then(
    (value) => seen({ value }),
    (error) => seen({ error }),
  )
  return pending as Promise<T>
}
