/**
 * Which of a hedge's calls an operation is, for one that asks another replica each time.
 */
import type { LiveExecution } from '../../core/execution.ts'
import type { Execution } from '../../core/operation.ts'

const numbers = new WeakMap<Execution, number>()

/** @internal */
export function numberHedge(execution: LiveExecution, number: number): void {
  numbers.set(execution, number)
}

/**
 * 0 for the first call, and for any call that is not a hedge; from 1 for hedges. Of hedges in a hedge, the innermost that is not a first
 * call tells.
 *
 * @example
 * const replicas = ['https://a.example.com', 'https://b.example.com']
 * await hedge({ delay: '50ms' }).execute((execution) => fetch(replicas[hedgeNumberOf(execution) % 2]!, execution))
 */
export function hedgeNumberOf(execution: Execution): number {
  let at: LiveExecution | undefined = execution as LiveExecution
  for (; at !== undefined; at = at.parent) {
    const number = numbers.get(at)
    if (number !== undefined) return number
  }
  return 0
}
