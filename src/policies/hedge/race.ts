/**
 * One call under a hedge: the first call, its hedges, and who answers.
 *
 * Invariants: the caller's promise settles once, at the first acceptable result; every call that has begun is observed until it
 * ends; after the caller was answered no timer and no listener of the race remains, and what still runs has been aborted.
 */
import type { Budget } from '../../core/budget-port.ts'
import { isRejected } from '../../core/errors.ts'
import type { LiveExecution } from '../../core/execution.ts'
import type { Operation } from '../../core/operation.ts'
import { isThenable } from '../../core/thenable.ts'
import { WheelEntry, wheelOf } from '../../core/timer-wheel.ts'
import type { DelayRule } from './delay.ts'
import { type HedgeFailure, rememberFailures } from './history.ts'
import { fits, HedgeMachine, type HedgeOutcome, type HedgeVerdict } from './machine.ts'
import { numberHedge } from './number.ts'

/** The reason with which the signal of a call aborts when another one has answered. */
export class HedgeLostError extends Error {
  constructor() {
    super('another call of this hedge has answered')
  }
}
HedgeLostError.prototype.name = 'AbortError'

/** What a race asks its policy, and tells it. */
export interface RaceRules {
  readonly maxHedges: number
  readonly delay: DelayRule
  readonly budget: Budget | undefined
  classify(failure: { readonly error: unknown } | { readonly value: unknown }): HedgeOutcome
  started(call: LiveExecution, hedge: number, elapsedMs: number, reason: 'delay' | 'failure'): void
  denied(call: LiveExecution, hedge: number, reason: 'budget' | 'deadline'): void
  won(call: LiveExecution, hedge: number, elapsedMs: number, started: number): void
  cancelled(call: LiveExecution, hedge: number): void
  abandoned(call: LiveExecution, hedge: number): void
  abandonedSettled(): void
}

interface Run {
  readonly number: number
  readonly execution: LiveExecution
  abandoned: boolean
}

export class Race {
  readonly #rules: RaceRules
  readonly #next: Operation<unknown>
  readonly #call: LiveExecution
  readonly #machine: HedgeMachine
  readonly #resolve: (value: unknown) => void
  readonly #reject: (error: unknown) => void
  readonly #running = new Set<Run>()
  readonly #failures: HedgeFailure[] = []
  #timer: WheelEntry | undefined
  #signal: AbortSignal | undefined
  #startedAt = 0
  /** The caller has been answered. */
  #over = false

  constructor(
    rules: RaceRules,
    next: Operation<unknown>,
    call: LiveExecution,
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
  ) {
    this.#rules = rules
    this.#next = next
    this.#call = call
    this.#machine = new HedgeMachine(rules.maxHedges)
    this.#resolve = resolve
    this.#reject = reject
  }

  begin(): void {
    if (this.#call.aborted) return this.#reject(this.#call.abortReason)
    // Stryker disable next-line ConditionalExpression: where nobody can abort it this spares making a signal that never aborts
    if (this.#call.cancellable) {
      this.#signal = this.#call.signal
      this.#signal.addEventListener('abort', this.#cancel, { once: true })
    }
    this.#startedAt = this.#call.clock.now()
    this.#launch(this.#startedAt)
  }

  /** Begins the first call or a hedge, then sees to the next. */
  #launch(now: number): void {
    const number = this.#machine.start()
    const execution = this.#call.child(this.#call.attempt, true)
    if (number > 0) numberHedge(execution, number)
    const run: Run = { number, execution, abandoned: false }
    this.#running.add(run)
    try {
      const result = this.#next(execution)
      if (!isThenable(result)) return this.#ended(run, { value: result })
      Promise.resolve(result).then(
        (value) => this.#ended(run, { value }),
        (error) => this.#ended(run, { error }),
      )
    } catch (error) {
      return this.#ended(run, { error })
    }
    this.#await(now)
  }

  /** Sets the timer for the next hedge, where there may be one. */
  #await(now: number): void {
    if (this.#over || !this.#machine.mayStart) return
    const { delay } = this.#rules
    const delayMs = delay.delayMs(this.#call, this.#machine.started, now)
    if (delayMs === Number.POSITIVE_INFINITY || this.#over) return
    if (delayMs === 0) return this.#hedge('delay')
    if (!this.#fits(now + delayMs, now)) return
    this.#timer = new WheelEntry(() => this.#hedge('delay'))
    wheelOf(this.#call.clock).add(this.#timer, delayMs, now)
  }

  #hedge(reason: 'delay' | 'failure'): void {
    this.#timer?.cancel()
    const { budget } = this.#rules
    const now = this.#call.clock.now()
    const number = this.#machine.started
    if (!this.#fits(now, now)) return this.#deny(number, 'deadline')
    if (budget?.reserve(now) === false) return this.#deny(number, 'budget')
    this.#rules.started(this.#call, number, now - this.#startedAt, reason)
    // A listener may have cancelled the call.
    if (this.#over) budget?.refund()
    else this.#launch(now)
  }

  #fits(startsAt: number, now: number): boolean {
    const { deadline } = this.#call
    // Stryker disable next-line ConditionalExpression: a short cut, everything fits no deadline; how long calls usually take costs more
    return deadline === Number.POSITIVE_INFINITY || fits(startsAt, this.#rules.delay.usualMs(now), deadline)
  }

  #deny(number: number, reason: 'budget' | 'deadline'): void {
    this.#rules.denied(this.#call, number, reason)
    // Where a listener has cancelled the call this changes nothing: it has been answered.
    this.#obey(this.#machine.stop())
  }

  #ended(run: Run, failure: { readonly error: unknown } | { readonly value: unknown }): void {
    this.#running.delete(run)
    run.execution.close()
    if (run.abandoned) this.#rules.abandonedSettled()
    if (this.#over) return
    const outcome = this.#rules.classify(failure)
    // A policy further in refused it, so the extra call was not made.
    if ('error' in failure && run.number > 0 && isRejected(failure.error)) this.#rules.budget?.refund()
    // A rule of the user may have cancelled the call.
    if (this.#over) return
    if (outcome === 'acceptable') return this.#win(run, (failure as { readonly value: unknown }).value)
    this.#failures.push({ hedge: run.number, ...failure })
    this.#obey(this.#machine.settle(outcome))
  }

  #obey(verdict: HedgeVerdict): void {
    if (verdict === 'start') return this.#hedge('failure')
    if (verdict === 'wait') return this.#timer?.cancel()
    this.#end()
    const last = this.#failures.at(-1)!
    if (!('error' in last)) return this.#resolve(last.value)
    rememberFailures(last.error, this.#failures)
    this.#reject(last.error)
  }

  #win(run: Run, value: unknown): void {
    const { learnt } = this.#rules.delay
    const { started } = this.#machine
    // Learnt from the first call alone, also when it lost: it would have taken longer still. Of hedges only the fast ones are
    // ever seen, and a delay learnt from them would shrink call by call.
    if (learnt !== undefined && !this.#failures.some(({ hedge }) => hedge === 0)) {
      const now = this.#call.clock.now()
      learnt.record(now - this.#startedAt, now)
    }
    if (started > 1) this.#rules.won(this.#call, run.number, this.#call.clock.now() - this.#startedAt, started)
    this.#end()
    this.#resolve(value)
  }

  readonly #cancel = (): void => {
    // It has let go of the listener already, and looking for that among thousands would cost.
    this.#signal = undefined
    this.#end()
    this.#reject(this.#call.abortReason)
  }

  /** The caller is about to be answered. What still runs is aborted, observed, and counted while it goes on. */
  #end(): void {
    this.#over = true
    this.#timer?.cancel()
    this.#signal?.removeEventListener('abort', this.#cancel)
    if (this.#running.size === 0) return
    if (!this.#call.aborted) {
      const reason = new HedgeLostError()
      for (const { number, execution } of this.#running) {
        this.#rules.cancelled(this.#call, number)
        execution.abort(reason)
      }
    }
    // Cooperative work ends within a few turns of the abort; what still runs after that is abandoned.
    this.#call.clock.setTimer(0, this.#countAbandoned, true)
  }

  readonly #countAbandoned = (): void => {
    for (const run of this.#running) {
      run.abandoned = true
      this.#rules.abandoned(this.#call, run.number)
    }
  }
}
