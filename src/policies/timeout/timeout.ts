/**
 * Bounds how long an operation may take. Inside `retry` it bounds each attempt, outside of it the whole call.
 *
 * The caller is released when the time is up, even if the operation ignores its signal; the permits of policies further in
 * (a bulkhead's slot) stay taken until the work has really ended, and until then it counts as `abandoned`. What they learn
 * from such a call is nothing: a breaker that is to open on timeouts stands outside.
 *
 * Not for synchronous operations: nothing can interrupt them.
 */

import type { Clock } from '../../core/clock.ts'
import type { PlainRecord, PolicyDescription } from '../../core/description.ts'
import type { Duration } from '../../core/duration.ts'
import { TimeoutError } from '../../core/errors.ts'
import type { LiveExecution } from '../../core/execution.ts'
import type { Execution } from '../../core/operation.ts'
import { BasePolicy, STAGES } from '../../core/policy.ts'
import type { Stage, TimeoutStage } from '../../core/stage.ts'
import { checkClock, checkDuration, checkKnown, checkName, checkOneOf } from '../../core/validate.ts'
import { describeLimits, type LimitRule, limitRule } from './limit.ts'

export interface TimeoutOptions {
  /** How long, or a function that says so for each call. At least 1 ms; `Infinity` is no limit. */
  readonly limit: Duration | ((execution: Execution) => Duration)
  /** How long for operations by their name (`execute(…, { operation: 'goto' })`); `limit` is for all others. Default: none. */
  readonly byOperation?: Readonly<Record<string, Duration>>
  /**
   * So long the caller waits on, after the signal has told the work to stop, for the work to end; the call fails with the
   * timeout all the same. For work that must be over before anything else begins. Default 0: it does not wait.
   */
  readonly grace?: Duration
  /**
   * When the permits of policies further in go back: `'settled'` when the work has really ended, so that a bulkhead counts what
   * runs; `'at-once'` when the caller is released, for work that is known to hang for ever. Default `'settled'`.
   */
  readonly release?: 'settled' | 'at-once'
  /** Default `'timeout'`. */
  readonly name?: string
  readonly clock?: Clock
}

export interface TimeoutStatus {
  /** Calls whose time ran out. */
  readonly expired: number
  /** Work that goes on although its time is up: now, and ever. */
  readonly abandoned: number
  readonly abandonedTotal: number
}

export class Timeout extends BasePolicy implements TimeoutStage {
  /** @internal */
  readonly graceMs: number
  /** @internal */
  readonly releasesAtOnce: boolean
  readonly #limit: LimitRule
  readonly #options: PlainRecord
  #expired = 0
  #abandoned = 0
  #abandonedTotal = 0

  constructor(options: TimeoutOptions) {
    checkKnown(options, ['limit', 'byOperation', 'grace', 'release', 'name', 'clock'], 'timeout')
    super(checkName(options.name ?? 'timeout', 'timeout.name'), checkClock(options.clock, 'timeout.clock'))
    this.#limit = limitRule(options.limit, options.byOperation)
    this.graceMs = checkDuration(options.grace ?? 0, 'timeout.grace')
    this.releasesAtOnce = checkOneOf(options.release ?? 'settled', 'timeout.release', ['settled', 'at-once']) === 'at-once'
    this.#options = { ...describeLimits(options.limit, options.byOperation), graceMs: this.graceMs, release: options.release }
  }

  override describe(): PolicyDescription {
    return { name: this.name, type: 'timeout', options: this.#options, state: { ...this.status() } }
  }

  get [STAGES](): readonly Stage[] {
    return [{ type: 'timeout', timeout: this }]
  }

  /** Work that goes on although its time is up. */
  get abandonedCount(): number {
    return this.#abandoned
  }

  status(): TimeoutStatus {
    return { expired: this.#expired, abandoned: this.#abandoned, abandonedTotal: this.#abandonedTotal }
  }

  /** @internal */
  limitMs(execution: LiveExecution): number {
    return typeof this.#limit === 'number' ? this.#limit : this.#limit(execution)
  }

  /** @internal */
  expired(limitMs: number, execution: LiveExecution): Error {
    this.#expired++
    if (this.events.active) this.events.emit({ ...this.about(execution), type: 'timeout.expired', limitMs })
    return new TimeoutError(limitMs, { policy: this.name })
  }

  /** @internal */
  abandoned(execution: LiveExecution, limitMs: number): void {
    this.#abandonedTotal++
    this.#abandoned++
    if (this.events.active)
      this.events.emit({ ...this.about(execution), type: 'timeout.abandoned', limitMs, running: this.#abandoned })
  }

  /** @internal */
  settled(execution: LiveExecution, limitMs: number): void {
    this.#abandoned--
    if (this.events.active)
      this.events.emit({ ...this.about(execution), type: 'timeout.settled', limitMs, running: this.#abandoned })
  }
}

/**
 * @param options a duration, or options
 * @throws OptionError for a limit under 1 ms or an unknown option
 * @example
 * await timeout('3s').execute(({ signal }) => fetch('https://example.com', { signal }))
 */
export function timeout(options: Duration | TimeoutOptions): Timeout {
  return new Timeout(typeof options === 'object' ? options : { limit: options })
}
