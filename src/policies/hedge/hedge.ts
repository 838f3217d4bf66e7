/**
 * Calls a second time when the first call takes unusually long, and takes the answer that comes first: a few more calls for a
 * much shorter tail.
 *
 * Only for operations that may happen twice, and only where latency varies by chance; a target that is slow because it has too
 * much to do gets more to do. Give it a `budget`, so that an outage does not double the load.
 *
 * The first acceptable result answers the caller at once. The others are aborted by their own signals, which the policies
 * further in count as neutral; what goes on all the same is counted as abandoned. A failure is the answer only when all failed.
 */

import { type Budget, checkBudget } from '../../core/budget-port.ts'
import type { Clock } from '../../core/clock.ts'
import { bounded, type PolicyDescription } from '../../core/description.ts'
import { OptionError } from '../../core/errors.ts'
import type { LiveExecution } from '../../core/execution.ts'
import type { Execution, Operation } from '../../core/operation.ts'
import { BasePolicy, STAGES } from '../../core/policy.ts'
import { isRetryable } from '../../core/retryable.ts'
import type { Stage } from '../../core/stage.ts'
import { userRule } from '../../core/user-rule.ts'
import { checkClock, checkInteger, checkKnown, checkName } from '../../core/validate.ts'
import { type DelayRule, delayRule, type HedgeDelay } from './delay.ts'
import { LATENCY_BUCKETS } from './latency.ts'
import type { HedgeOutcome } from './machine.ts'
import { Race, type RaceRules } from './race.ts'

export interface HedgeOptions {
  /**
   * How long to wait for an answer before each hedge: a duration; a function of the execution and the hedge's number; or a
   * quantile of how long calls took lately. `0` starts all at once, `Infinity` only after failures.
   * Default `{ quantile: 0.95 }`.
   */
  readonly delay?: HedgeDelay
  /** How many calls besides the first; 0 to 100. 0 switches hedging off. Default 1. */
  readonly maxHedges?: number
  /** Which results may win; others count as failures, and the last of them is returned when there is nothing better. Default: all. */
  readonly isAcceptable?: (value: unknown) => boolean
  /** Which errors start the next hedge at once; after any other no more are started. Default `isRetryable`. */
  readonly hedgeIf?: (error: unknown) => boolean
  /** Which errors are the answer at once, although others still run and could succeed. Default: none. */
  readonly isFatal?: (error: unknown) => boolean
  /** Asked for every hedge when it starts; refused, the call goes on without. Compose the budget too, or it counts no calls. */
  readonly budget?: Budget
  /** Default `'hedge'`. */
  readonly name?: string
  readonly clock?: Clock
}

const KNOWN = ['delay', 'maxHedges', 'isAcceptable', 'hedgeIf', 'isFatal', 'budget', 'name', 'clock'] as const

export interface HedgeStatus {
  /** What is waited now before the first hedge, in ms; undefined when a function decides. */
  readonly delayMs: number | undefined
  /** Latencies that the delay was learnt from. */
  readonly samples: number
  /** Calls that lost or were cancelled, and go on although their signal aborted. */
  readonly abandoned: number
}

/** What was learnt, as plain data that outlives the process; see `hydrate`. */
export interface HedgeStored {
  readonly version: 1
  /** Latency bucket and count; empty when nothing is learnt. */
  readonly samples: readonly (readonly [bucket: number, count: number])[]
}

/** More than this of one bucket says no more, and may be a slip. */
const MOST_RESTORED = 1_000_000

export class Hedge extends BasePolicy implements RaceRules {
  readonly maxHedges: number
  /** @internal */
  readonly delay: DelayRule
  /** @internal */
  readonly budget: Budget | undefined
  readonly #asked: boolean
  readonly #isAcceptable: (value: unknown) => boolean
  readonly #hedgeIf: (error: unknown) => boolean
  readonly #isFatal: (error: unknown) => boolean
  #abandoned = 0

  constructor(options: HedgeOptions = {}) {
    checkKnown(options, KNOWN, 'hedge')
    super(checkName(options.name ?? 'hedge', 'hedge.name'), checkClock(options.clock, 'hedge.clock'))
    this.maxHedges = checkInteger(options.maxHedges ?? 1, 'hedge.maxHedges', 0, 100)
    this.delay = delayRule(options.delay ?? {}, 'hedge.delay')
    this.#asked = typeof options.delay === 'function'
    this.budget = options.budget === undefined ? undefined : checkBudget(options.budget, 'hedge.budget')
    this.#isAcceptable = userRule(options.isAcceptable ?? (() => true), 'hedge.isAcceptable', true)
    this.#hedgeIf = userRule(options.hedgeIf ?? isRetryable, 'hedge.hedgeIf', false)
    this.#isFatal = userRule(options.isFatal ?? (() => false), 'hedge.isFatal', false)
  }

  override describe(): PolicyDescription {
    const { delayMs, ...state } = this.status()
    const options = { maxHedges: this.maxHedges, budget: this.budget !== undefined }
    return { name: this.name, type: 'hedge', options, state: { ...state, delayMs: bounded(delayMs ?? Number.POSITIVE_INFINITY) } }
  }

  get [STAGES](): readonly Stage[] {
    return [
      { type: 'layer', layer: (next) => ((execution: Execution) => this.#run(next, execution as LiveExecution)) as typeof next },
    ]
  }

  status(): HedgeStatus {
    const now = this.clock.now()
    return {
      delayMs: this.#asked ? undefined : this.delay.delayMs(undefined as never, 1, now),
      samples: this.delay.learnt?.count(now) ?? 0,
      abandoned: this.#abandoned,
    }
  }

  snapshot(): HedgeStored {
    return { version: 1, samples: this.delay.learnt?.samples(this.clock.now()) ?? [] }
  }

  /**
   * Goes on with what another process, or this one before its restart, had learnt, as if it were learnt now. Without effect
   * where the delay is not learnt.
   *
   * @throws OptionError when it is not a snapshot of a version that this release knows
   */
  hydrate(stored: unknown): void {
    const { version, samples } = (stored ?? {}) as Partial<HedgeStored>
    if (version !== 1 || !Array.isArray(samples) || !samples.every(isSample))
      throw new OptionError('snapshot', 'must be a hedge snapshot of version 1', stored)
    const clamped = samples.map(([bucket, count]) => [bucket, Math.min(count, MOST_RESTORED)] as const)
    this.delay.learnt?.restore(clamped, this.clock.now())
  }

  #run(next: Operation<unknown>, call: LiveExecution): unknown {
    if (this.maxHedges === 0) return next(call)
    if (call.sync)
      throw new OptionError('executeSync', 'cannot run under a hedge, which needs calls that run side by side', this.name)
    return new Promise((resolve, reject) => new Race(this, next, call, resolve, reject).begin())
  }

  /** @internal */
  classify(failure: { readonly error: unknown } | { readonly value: unknown }): HedgeOutcome {
    if ('value' in failure) return this.#isAcceptable(failure.value) ? 'acceptable' : 'failed'
    if (this.#isFatal(failure.error)) return 'fatal'
    return this.#hedgeIf(failure.error) ? 'failed' : 'hopeless'
  }

  /** @internal */
  started(call: LiveExecution, hedge: number, elapsedMs: number, reason: 'delay' | 'failure'): void {
    if (this.events.active) this.events.emit({ ...this.about(call), type: 'hedge.started', hedge, elapsedMs, reason })
  }

  /** @internal */
  denied(call: LiveExecution, hedge: number, reason: 'budget' | 'deadline'): void {
    if (this.events.active) this.events.emit({ ...this.about(call), type: 'hedge.denied', hedge, reason })
  }

  /** @internal */
  won(call: LiveExecution, hedge: number, elapsedMs: number, started: number): void {
    if (this.events.active) this.events.emit({ ...this.about(call), type: 'hedge.won', hedge, elapsedMs, started })
  }

  /** @internal */
  cancelled(call: LiveExecution, hedge: number): void {
    if (this.events.active) this.events.emit({ ...this.about(call), type: 'hedge.cancelled', hedge })
  }

  /** @internal */
  abandoned(call: LiveExecution, hedge: number): void {
    this.#abandoned++
    if (this.events.active) this.events.emit({ ...this.about(call), type: 'hedge.abandoned', hedge, running: this.#abandoned })
  }

  /** @internal */
  abandonedSettled(): void {
    this.#abandoned--
  }
}

function isSample(sample: unknown): sample is readonly [number, number] {
  if (!Array.isArray(sample)) return false
  const [bucket, count] = sample as unknown[]
  return (
    Number.isInteger(bucket) &&
    Number.isInteger(count) &&
    (bucket as number) >= 0 &&
    (bucket as number) < LATENCY_BUCKETS &&
    (count as number) > 0
  )
}

/**
 * @throws OptionError for an unknown option or a value out of bounds
 * @example
 * const search = hedge({ delay: { quantile: 0.9, initial: '200ms' }, maxHedges: 1 })
 * await search.execute(({ signal }) => fetch('https://search.example.com?q=kelp', { signal }))
 */
export function hedge(options: HedgeOptions = {}): Hedge {
  return new Hedge(options)
}
