/**
 * Bounds how long an operation may take. Inside `retry` it bounds each attempt, outside of it the whole call.
 *
 * The caller is released when the time is up, even if the operation ignores its signal; the permits of policies further in
 * (a bulkhead's slot) stay taken until the work has really ended, and until then it counts as `abandoned`. What they learn
 * from such a call is nothing: a breaker that is to open on timeouts stands outside.
 *
 * Not for synchronous operations: nothing can interrupt them.
 */
import { type Clock, systemClock } from '../../core/clock.ts'
import type { Duration } from '../../core/duration.ts'
import { TimeoutError } from '../../core/errors.ts'
import type { LiveExecution } from '../../core/execution.ts'
import type { Execution } from '../../core/operation.ts'
import { BasePolicy, STAGES } from '../../core/policy.ts'
import type { Stage, TimeoutStage } from '../../core/stage.ts'
import { checkDuration, checkKnown, checkName } from '../../core/validate.ts'

export interface TimeoutOptions {
  /** How long, or a function that says so for each call. At least 1 ms. */
  readonly limit: Duration | ((execution: Execution) => Duration)
  /** Default `'timeout'`. */
  readonly name?: string
  readonly clock?: Clock
}

export class Timeout extends BasePolicy implements TimeoutStage {
  readonly #limit: number | ((execution: Execution) => Duration)
  #abandoned = 0

  constructor(options: TimeoutOptions) {
    checkKnown(options, ['limit', 'name', 'clock'], 'timeout')
    super(checkName(options.name ?? 'timeout', 'timeout.name'), options.clock ?? systemClock)
    this.#limit = typeof options.limit === 'function' ? options.limit : checkDuration(options.limit, 'timeout.limit', 1)
  }

  get [STAGES](): readonly Stage[] {
    return [{ type: 'timeout', timeout: this }]
  }

  /** Work that goes on although its time is up. */
  get abandonedCount(): number {
    return this.#abandoned
  }

  /** @internal */
  limitMs(execution: LiveExecution): number {
    return typeof this.#limit === 'number' ? this.#limit : checkDuration(this.#limit(execution), 'timeout.limit', 1)
  }

  /** @internal */
  expired(limitMs: number, execution: LiveExecution): Error {
    if (this.events.active) this.events.emit({ ...this.about(execution), type: 'timeout.expired', limitMs })
    return new TimeoutError(limitMs, { policy: this.name })
  }

  /** @internal */
  abandoned(execution: LiveExecution, limitMs: number): void {
    this.#abandoned++
    if (this.events.active)
      this.events.emit({ ...this.about(execution), type: 'timeout.abandoned', limitMs, running: this.#abandoned })
  }

  /** @internal */
  settled(): void {
    this.#abandoned--
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
