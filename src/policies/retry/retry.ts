/**
 * Calls again after a failure, with growing, jittered waits, as long as that can still succeed in time.
 *
 * Not for operations that must not happen twice, unless the target recognises repeats by a key; and not without a timeout
 * inside, or a hung attempt is never retried.
 *
 * The last error itself is rethrown; every attempt's error is on `attemptsOf(error)` and in the events.
 */

import type { Clock } from '../../core/clock.ts'
import type { PolicyDescription } from '../../core/description.ts'
import { describeError } from '../../core/errors.ts'
import type { LiveExecution } from '../../core/execution.ts'
import { BasePolicy, STAGES } from '../../core/policy.ts'
import { type Random, systemRandom } from '../../core/random.ts'
import type { RetrySession, RetryStage, Stage } from '../../core/stage.ts'
import { userRule } from '../../core/user-rule.ts'
import { checkClock, checkFunction, checkKnown, checkName } from '../../core/validate.ts'
import type { GiveUpReason } from './machine.ts'
import { describeRules, type RetryRuleOptions, type RetryRules, RULE_OPTIONS, readProfiles, readRules } from './rules.ts'
import { type RetryNews, Session } from './session.ts'

export { attemptsOf, RetriesExhaustedError } from './session.ts'

export interface RetryOptions extends RetryRuleOptions {
  /**
   * Rules for operations by their name (`execute(…, { operation: 'goto' })`). What one does not say is as for all others.
   * Default: none.
   */
  readonly byOperation?: Readonly<Record<string, RetryRuleOptions>>
  /** Which results count as failures and are retried; when attempts run out the last result is returned. Default: none. */
  readonly retryResult?: (value: unknown) => boolean
  /** Default `'retry'`. */
  readonly name?: string
  readonly clock?: Clock
  readonly random?: Random
}

const KNOWN = [...RULE_OPTIONS, 'byOperation', 'retryResult', 'name', 'clock', 'random'] as const

export class Retry extends BasePolicy implements RetryStage, RetryNews {
  readonly maxAttempts: number
  /** @internal */
  readonly rules: RetryRules
  readonly rejectsResult: ((value: unknown) => boolean) | undefined
  readonly #profiles: ReadonlyMap<string, RetryRules> | undefined
  /** Some rule bounds the time, so that of the call's start has to be known. */
  readonly #bounded: boolean

  constructor(options: RetryOptions = {}) {
    checkKnown(options, KNOWN, 'retry')
    super(checkName(options.name ?? 'retry', 'retry.name'), checkClock(options.clock, 'retry.clock'))
    const { byOperation, retryResult, random = systemRandom } = options
    checkFunction(random, 'retry.random')
    this.rules = readRules(options, 'retry', this.clock, random)
    this.maxAttempts = this.rules.maxAttempts
    this.rejectsResult = retryResult === undefined ? undefined : userRule(retryResult, 'retry.retryResult', false)
    this.#profiles =
      byOperation === undefined ? undefined : readProfiles(byOperation, options, 'retry.byOperation', this.clock, random)
    this.#bounded = [this.rules, ...(this.#profiles?.values() ?? [])].some(({ maxElapsed }) => Number.isFinite(maxElapsed))
  }

  override describe(): PolicyDescription {
    const profiles = [...(this.#profiles ?? [])].map(([operation, rules]) => [operation, describeRules(rules)] as const)
    const byOperation = profiles.length === 0 ? {} : { byOperation: Object.fromEntries(profiles) }
    const options = { ...describeRules(this.rules), retriesResults: this.rejectsResult !== undefined, ...byOperation }
    return { name: this.name, type: 'retry', options, state: {} }
  }

  get [STAGES](): readonly Stage[] {
    return [{ type: 'retry', retry: this }]
  }

  /** @internal the rules that a call of this operation goes by */
  rulesFor(operation: string | undefined): RetryRules {
    return (operation === undefined ? undefined : this.#profiles?.get(operation)) ?? this.rules
  }

  /** @internal */
  get timed(): boolean {
    return this.events.active || this.#bounded
  }

  /** @internal */
  begin(execution: LiveExecution, startedAt: number | undefined): RetrySession {
    return new Session(this, this.rulesFor(execution.operation), startedAt ?? execution.clock.now())
  }

  /** @internal */
  scheduled(execution: LiveExecution, attempt: number, elapsedMs: number, delayMs: number, error: unknown): void {
    if (!this.events.active) return
    const story = { attempt, elapsedMs, delayMs, error: describeError(error) }
    this.events.emit({ ...this.about(execution), type: 'retry.scheduled', ...story })
  }

  /** @internal */
  gaveUp(execution: LiveExecution, attempt: number, elapsedMs: number, reason: GiveUpReason, error: unknown): void {
    if (!this.events.active) return
    const story = { attempt, elapsedMs, reason, error: describeError(error) }
    this.events.emit({ ...this.about(execution), type: 'retry.gave-up', ...story })
  }
}

/**
 * @throws OptionError for an unknown option or a value out of bounds
 * @example
 * const policy = retry({ maxAttempts: 5, backoff: { initial: '100ms', max: '5s' } })
 * await policy.execute(({ attempt }) => `attempt ${attempt}`)
 */
export function retry(options: RetryOptions = {}): Retry {
  return new Retry(options)
}
