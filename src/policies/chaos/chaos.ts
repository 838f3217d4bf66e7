/**
 * Disturbs some calls on purpose, with faults, delays or false results, to see that what stands around them holds.
 *
 * Nothing happens unless `enabled` says so for the very call, so it can stay in the code and be switched on by a header, a
 * tenant or a flag. It belongs innermost, where the real trouble would come from. Not for load tests, and not a mock: the calls
 * that it spares are real.
 */

import { type Clock, sleep } from '../../core/clock.ts'
import type { PolicyDescription } from '../../core/description.ts'
import type { Duration } from '../../core/duration.ts'
import { OptionError } from '../../core/errors.ts'
import type { LiveExecution } from '../../core/execution.ts'
import type { Execution, Operation } from '../../core/operation.ts'
import { BasePolicy, STAGES } from '../../core/policy.ts'
import { type Random, seededRandom, systemRandom } from '../../core/random.ts'
import type { Stage } from '../../core/stage.ts'
import { isThenable } from '../../core/thenable.ts'
import { userRule } from '../../core/user-rule.ts'
import {
  checkClock,
  checkDuration,
  checkFunction,
  checkInteger,
  checkKnown,
  checkName,
  checkNumber,
} from '../../core/validate.ts'
import { type ChaosCounts, ChaosMachine } from './machine.ts'

export interface ChaosOptions {
  /** Asked for every call; only true disturbs it. Required, so that nothing is disturbed by accident. */
  readonly enabled: (execution: Execution) => boolean
  /** The part of the enabled calls that is disturbed, 0 to 1, or a function that says so for each call. Default 0.01. */
  readonly rate?: number | ((execution: Execution) => number)
  /** Makes the error with which a disturbed call fails, instead of running. */
  readonly fault?: (execution: Execution) => unknown
  /** Makes the value that a disturbed call returns, instead of running. Not together with `fault`. */
  readonly result?: (execution: Execution) => unknown
  /** Does something of your own before a disturbed call, such as closing a connection; what it throws fails the call. */
  readonly behavior?: (execution: Execution) => unknown
  /** Delays a disturbed call before anything else. Not for `executeSync`. */
  readonly latency?: Duration | ((execution: Execution) => Duration)
  /** Stops for good after so many disturbed calls. Default: no bound. */
  readonly maxInjected?: number
  /**
   * Asked before each call is disturbed; true stops the chaos for good, until `resume`. Give it the guard of your service: an
   * error rate, a latency, an open breaker. What it throws stops too.
   */
  readonly stopWhen?: (counts: ChaosCounts) => boolean
  /** The same disturbances in every run. Not together with `random`. */
  readonly seed?: number
  readonly random?: Random
  /** Default `'chaos'`. */
  readonly name?: string
  readonly clock?: Clock
}

const KNOWN = [
  ...['enabled', 'rate', 'fault', 'result', 'behavior', 'latency', 'maxInjected', 'stopWhen', 'seed', 'random', 'name', 'clock'],
] as const satisfies readonly (keyof ChaosOptions)[]

export interface ChaosStatus extends ChaosCounts {
  /** Why it stopped; undefined while it runs. */
  readonly stopped: string | undefined
}

export class Chaos extends BasePolicy {
  readonly #machine: ChaosMachine
  readonly #enabled: (execution: Execution) => boolean
  readonly #maxInjected: number | undefined
  readonly #rate: number | ((execution: Execution) => number)
  readonly #fault: ((execution: Execution) => unknown) | undefined
  readonly #result: ((execution: Execution) => unknown) | undefined
  readonly #behavior: ((execution: Execution) => unknown) | undefined
  readonly #latency: number | ((execution: Execution) => number) | undefined
  readonly #stopWhen: ((counts: ChaosCounts) => boolean | 'failed') | undefined

  constructor(options: ChaosOptions) {
    checkKnown(options, KNOWN, 'chaos')
    super(checkName(options.name ?? 'chaos', 'chaos.name'), checkClock(options.clock, 'chaos.clock'))
    const { fault, result, behavior, latency, stopWhen, rate = 0.01 } = options
    this.#enabled = userRule(options.enabled, 'chaos.enabled', false)
    if (fault === undefined && result === undefined && behavior === undefined && latency === undefined)
      throw new OptionError('chaos', "needs one of 'fault', 'result', 'behavior' and 'latency'", options)
    if (fault !== undefined && result !== undefined)
      throw new OptionError('chaos.result', "cannot be combined with 'fault': a call either fails or returns", result)
    this.#rate = typeof rate === 'function' ? userRule(rate, 'chaos.rate', 0) : checkNumber(rate, 'chaos.rate', 0, 1)
    this.#fault = fault === undefined ? undefined : checkFunction(fault, 'chaos.fault')
    this.#result = result === undefined ? undefined : checkFunction(result, 'chaos.result')
    this.#behavior = behavior === undefined ? undefined : checkFunction(behavior, 'chaos.behavior')
    this.#latency = latency === undefined ? undefined : readLatency(latency)
    this.#stopWhen = stopWhen === undefined ? undefined : userRule(stopWhen, 'chaos.stopWhen', 'failed')
    const most = options.maxInjected
    this.#maxInjected = most
    this.#machine = new ChaosMachine(
      readRandom(options),
      most === undefined ? Number.POSITIVE_INFINITY : checkInteger(most, 'chaos.maxInjected', 1),
    )
  }

  override describe(): PolicyDescription {
    const options = {
      kind: this.#kind,
      rate: typeof this.#rate === 'number' ? this.#rate : 'by call',
      guarded: this.#stopWhen !== undefined || this.#maxInjected !== undefined,
      maxInjected: this.#maxInjected,
    }
    return { name: this.name, type: 'chaos', options, state: { ...this.status() } }
  }

  get [STAGES](): readonly Stage[] {
    return [{ type: 'layer', layer: (next) => this.#around(next) }]
  }

  status(): ChaosStatus {
    return { ...this.#machine.counts, stopped: this.#machine.stopped }
  }

  /** Disturbs nothing any more, until `resume`. */
  stop(reason = 'stopped by hand'): void {
    if (!this.#machine.stop(reason) || !this.events.active) return
    this.events.emit({ ...this.about(), type: 'chaos.stopped', reason, injected: this.#machine.counts.injected })
  }

  /** Goes on after a stop; `maxInjected` counts anew. */
  resume(): void {
    this.#machine.resume()
  }

  #around<T>(next: Operation<T>): Operation<T> {
    return (execution) => {
      if (!this.#applies(execution)) return next(execution)
      const live = execution as LiveExecution
      if (live.sync && this.#latency !== undefined)
        throw new OptionError('executeSync', 'cannot be delayed by chaos: latency needs execute', 'chaos.latency')
      if (this.#decide(execution)) return this.#disturb(next, live)
      return this.#stopWhen === undefined ? next(execution) : this.#watch(next, execution)
    }
  }

  /** A rule that throws enables nothing. */
  #applies(execution: Execution): boolean {
    return this.#machine.stopped === undefined && this.#enabled(execution) === true
  }

  #decide(execution: Execution): boolean {
    if (this.#guarded()) return false
    return this.#machine.decide(typeof this.#rate === 'number' ? this.#rate : this.#rate(execution))
  }

  /** True when the guard stopped it, now. A guard that cannot answer guards nothing, so that stops it too. */
  #guarded(): boolean {
    const answer = this.#stopWhen?.(this.#machine.counts)
    if (!answer) return false
    this.stop(answer === 'failed' ? 'its guard failed' : 'its guard said stop')
    return true
  }

  #disturb<T>(next: Operation<T>, execution: LiveExecution): PromiseLike<T> | T {
    if (this.#latency === undefined) {
      this.#tell(execution)
      return this.#end(next, execution)
    }
    const delayMs = typeof this.#latency === 'number' ? this.#latency : this.#latency(execution)
    this.#tell(execution, delayMs)
    const signal = execution.cancellable ? execution.signal : undefined
    return sleep(this.clock, delayMs, signal).then(() => this.#end(next, execution))
  }

  #end<T>(next: Operation<T>, execution: Execution): PromiseLike<T> | T {
    const done = this.#behavior?.(execution)
    return isThenable(done) ? Promise.resolve(done).then(() => this.#answer(next, execution)) : this.#answer(next, execution)
  }

  #answer<T>(next: Operation<T>, execution: Execution): PromiseLike<T> | T {
    if (this.#fault !== undefined) throw this.#fault(execution)
    return this.#result === undefined ? next(execution) : (this.#result(execution) as T)
  }

  #tell(execution: LiveExecution, delayMs?: number): void {
    if (this.events.active) {
      const delay = delayMs === undefined ? {} : { delayMs }
      const { injected } = this.#machine.counts
      this.events.emit({ ...this.about(execution), type: 'chaos.injected', kind: this.#kind, injected, ...delay })
    }
    if (this.#machine.spent) this.stop('it has disturbed as many calls as it may')
  }

  get #kind(): 'fault' | 'result' | 'behavior' | 'latency' {
    if (this.#fault !== undefined) return 'fault'
    if (this.#result !== undefined) return 'result'
    return this.#behavior === undefined ? 'latency' : 'behavior'
  }

  /** Counts calls that fail undisturbed, for the guard. */
  #watch<T>(next: Operation<T>, execution: Execution): PromiseLike<T> | T {
    const failed = (): void => this.#machine.failed()
    try {
      const result = next(execution)
      if (result instanceof Promise) result.catch(failed)
      return result
    } catch (error) {
      failed()
      throw error
    }
  }
}

function readLatency(latency: Duration | ((execution: Execution) => Duration)): number | ((execution: Execution) => number) {
  const read = (ms: Duration): number => checkDuration(ms, 'chaos.latency')
  return typeof latency === 'function' ? userRule(latency, 'chaos.latency', 0, read) : read(latency)
}

function readRandom({ seed, random }: ChaosOptions): Random {
  if (seed === undefined) return random === undefined ? systemRandom : checkFunction(random, 'chaos.random')
  if (random !== undefined) throw new OptionError('chaos.seed', "cannot be combined with 'random'", seed)
  return seededRandom(checkInteger(seed, 'chaos.seed', 0, 0xffff_ffff))
}

/**
 * @throws OptionError without `enabled`, without anything to disturb with, or for a value out of bounds
 * @example
 * const trouble = chaos({
 *   enabled: ({ attributes }) => attributes.chaos === true,
 *   rate: 0.2,
 *   fault: () => new Error('chaos'),
 * })
 * await trouble.execute(() => 'spared', { attributes: { chaos: false } })
 */
export function chaos(options: ChaosOptions): Chaos {
  return new Chaos(options)
}
