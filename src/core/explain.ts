/**
 * Runs one call and tells what each policy decided about it, and why.
 *
 * Free when it is not used: an explained call is linked anew with its stages wrapped, and all other calls never hear of it. What
 * it costs the explained call is some microseconds for each policy. The state of the policies is the real one: the call counts,
 * takes permits, opens breakers as any other. Only a layer of your own that keeps state in the closure of its function is applied
 * anew, and so begins with none.
 */
import { systemClock } from './clock.ts'
import { describeError, type ErrorSummary, isHoldfastError, isRejected, TimeoutError } from './errors.ts'
import { LiveExecution } from './execution.ts'
import { link } from './frame.ts'
import { guarded } from './guarded.ts'
import type { ExecuteOptions, Operation } from './operation.ts'
import { callSync, type Policy, sharedClock, tracedStagesOf } from './policy.ts'
import { type Decision, Trace } from './trace.ts'
import { watch } from './traced-layer.ts'
import { tracedStages } from './traced-stages.ts'
import { checkFunction } from './validate.ts'

export interface Explanation<T = unknown> {
  /** The execution's id. */
  readonly id: string
  readonly policy: string
  readonly operation?: string
  readonly key?: string
  readonly outcome: 'succeeded' | 'failed' | 'rejected' | 'timed-out' | 'cancelled'
  /** Present when it succeeded. */
  readonly value?: T
  /** What the caller would have been thrown. */
  readonly error?: unknown
  /** The error as data. */
  readonly summary?: ErrorSummary
  /** What a person can do about it. */
  readonly hint?: string
  /** Ms until another try makes sense. */
  readonly retryAfterMs?: number
  /** Who brought the outcome about: a policy's name, `operation` or `caller`. */
  readonly decidedBy: string
  /** How often the operation was called. */
  readonly calls: number
  readonly durationMs: number
  /** In the order in which they were made. What happens after the caller was answered is not in it. */
  readonly decisions: readonly Decision[]
}

export interface ExplainOptions extends ExecuteOptions {
  /** Hears each decision when it is made. */
  readonly onDecision?: (decision: Decision) => void
}

/**
 * Executes the operation as `policy.execute` would; resolves to the account also when the call fails.
 *
 * Calls that run at the same time are told apart by the execution's id: give them different ones, or none.
 *
 * @throws OptionError when the operation is not a function
 * @example run
 * const breaker = circuitBreaker({ trip: { consecutive: 3 } })
 * breaker.isolate('under repair')
 * const account = await explain(compose(retry(), breaker), () => 'answer')
 * account.outcome // 'rejected'
 * account.decidedBy // 'circuit-breaker'
 * account.hint // 'Somebody took this target out of use; reset the breaker to admit calls again.'
 */
export async function explain<T>(policy: Policy, operation: Operation<T>, options?: ExplainOptions): Promise<Explanation<T>> {
  const call = new ExplainedCall(policy, operation, options, false)
  try {
    const { execution, linked } = call
    const { signal, within } = options ?? {}
    const value = await (signal !== undefined || within !== undefined ? guarded(linked, execution, options!) : linked(execution))
    return call.ended({ value: value as T })
  } catch (error) {
    return call.ended({ error })
  }
}

/**
 * The same for an operation that returns a value, as `policy.executeSync` would run it.
 *
 * @throws OptionError when there is a timeout, when the operation is not a function, or when it or a layer returns a promise
 */
export function explainSync<T>(policy: Policy, operation: Operation<T>, options?: ExplainOptions): Explanation<T> {
  const call = new ExplainedCall(policy, operation, options, true)
  try {
    return call.ended({ value: callSync(call.linked, call.execution, options) as T })
  } catch (error) {
    const account = call.ended({ error })
    if (isHoldfastError(error) && error.code === 'ERR_OPTION') throw error
    return account
  }
}

class ExplainedCall<T> {
  readonly execution: LiveExecution
  readonly linked: Operation<unknown>
  readonly #policy: Policy
  readonly #options: ExplainOptions | undefined
  readonly #trace: Trace
  readonly #running = new Map<object, { readonly attempt: number; readonly since: number }>()

  constructor(policy: Policy, operation: Operation<T>, options: ExplainOptions | undefined, sync: boolean) {
    checkFunction(operation, 'operation')
    const clock = sharedClock(policy.parts) ?? systemClock
    this.#policy = policy
    this.#options = options
    this.#trace = new Trace(clock, () => this.execution.id, options?.onDecision)
    try {
      this.linked = link(tracedStagesOf(policy, (part, stages) => tracedStages(this.#trace, part, stages)))
    } catch (error) {
      this.#trace.end() // A layer failed while it was applied, after others were listened to.
      throw error
    }
    const run: Operation<T> = (execution) => this.#run(operation, execution as LiveExecution)
    this.execution = new LiveExecution(clock, run, options, undefined, 1, false, sync)
  }

  #run(operation: Operation<T>, execution: LiveExecution): PromiseLike<T> | T {
    const trace = this.#trace
    const since = trace.elapsedMs
    const running = {}
    trace.calls++
    this.#running.set(running, { attempt: execution.attempt, since })
    return watch(operation, execution, (end) => {
      this.#running.delete(running)
      trace.from('operation', 'error' in end ? end.error : undefined)
      const numbers = { tookMs: trace.elapsedMs - since }
      if ('error' in end) trace.noteOther('operation', execution.attempt, 'failed', { numbers, error: end.error })
      else trace.noteOther('operation', execution.attempt, 'returned', { numbers })
    })
  }

  ended(end: { readonly value: T } | { readonly error: unknown }): Explanation<T> {
    const trace = this.#trace
    const { id, operation, key, attempt } = this.execution
    const error = 'error' in end ? end.error : undefined
    const outcome = 'value' in end ? 'succeeded' : this.#failure(error)
    const decidedBy = outcome === 'cancelled' ? 'caller' : 'error' in end ? trace.sourceOf(error) : trace.lastSource
    if (outcome === 'cancelled') trace.noteOther('caller', attempt, 'cancelled', { reason: 'the caller cancelled' })
    if (decidedBy === 'within' && error instanceof TimeoutError)
      trace.noteOther('within', attempt, 'expired', {
        numbers: { limitMs: error.limitMs },
        reason: 'the whole call took too long',
      })
    for (const { attempt: number, since } of this.#running.values())
      trace.noteOther('operation', number, 'still-running', { numbers: { forMs: trace.elapsedMs - since } })
    const durationMs = trace.elapsedMs
    trace.end()
    return {
      id,
      policy: this.#policy.name,
      ...(operation === undefined ? {} : { operation }),
      ...(key === undefined ? {} : { key }),
      outcome,
      ...('value' in end ? end : failureOf(error)),
      decidedBy,
      calls: trace.calls,
      durationMs,
      decisions: trace.decisions,
    }
  }

  #failure(error: unknown): Explanation['outcome'] {
    const { signal } = this.#options ?? {}
    if (signal?.aborted && Object.is(error, signal.reason)) return 'cancelled'
    if (isRejected(error)) return 'rejected'
    return isHoldfastError(error) && error.code === 'ERR_TIMEOUT' ? 'timed-out' : 'failed'
  }
}

function failureOf(error: unknown): Pick<Explanation, 'error' | 'summary' | 'hint' | 'retryAfterMs'> {
  const { hint, retryAfterMs } = isHoldfastError(error) ? error : {}
  return {
    error,
    summary: describeError(error),
    ...(hint === undefined ? {} : { hint }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  }
}
