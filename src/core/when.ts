/**
 * Switches a policy on and off: at once for good, or call by call.
 *
 * Not a circuit breaker and not a feature flag service: it asks, it does not remember.
 */
import { describePolicy, type PolicyDescription } from './description.ts'
import { OptionError } from './errors.ts'
import type { Execution } from './operation.ts'
import { type Policy, STAGES, type StageTrace, stagesOf, TRACED, tracedStagesOf } from './policy.ts'
import type { Stage } from './stage.ts'
import { Switching } from './switching.ts'
import { userRule } from './user-rule.ts'

class When extends Switching {
  readonly #enabled: boolean | ((execution: Execution) => boolean)
  readonly #inner: Policy

  constructor(enabled: boolean | ((execution: Execution) => boolean), inner: Policy) {
    super(`when(${inner.name})`, [inner])
    // A rule that fails leaves the policy on: protection is not lost by a slip.
    this.#enabled = typeof enabled === 'boolean' ? enabled : userRule(enabled, this.name, true)
    this.#inner = inner
  }

  /** Asked only where a rule decides. */
  protected choose(execution: Execution): Policy | undefined {
    return (this.#enabled as (execution: Execution) => boolean)(execution) ? this.#inner : undefined
  }

  /** Decided for good, it costs nothing: its stages are those of the policy, or none. */
  override get [STAGES](): readonly Stage[] {
    if (typeof this.#enabled !== 'boolean') return super[STAGES]
    return this.#enabled ? this.#inner.parts.flatMap(stagesOf) : []
  }

  override [TRACED](trace: StageTrace): readonly Stage[] {
    if (typeof this.#enabled !== 'boolean') return super[TRACED](trace)
    return this.#enabled ? tracedStagesOf(this.#inner, trace) : []
  }

  override describe(key?: string): PolicyDescription {
    const enabled = typeof this.#enabled === 'boolean' ? this.#enabled : 'by call'
    return { name: this.name, type: 'when', options: { enabled }, state: {}, parts: [describePolicy(this.#inner, key)] }
  }
}

/**
 * The policy where `enabled`, and nothing where not. Being off is not being absent: what the policy has learnt stays.
 *
 * @param enabled a constant, which makes the switch free; or a rule, asked for each call (inside of a retry for each attempt).
 *   A rule that throws is reported, and the policy stays on.
 * @throws OptionError for anything else, and when `policy` is none
 * @example run
 * const settings = { breaker: true }
 * const policy = compose(retry(), when(() => settings.breaker, circuitBreaker()))
 * settings.breaker = false // from now on calls pass the breaker by
 * await policy.execute(() => 'answer')
 */
export function when(enabled: boolean | ((execution: Execution) => boolean), policy: Policy): Policy {
  if (typeof enabled !== 'boolean' && typeof enabled !== 'function')
    throw new OptionError('enabled', 'must be true, false, or a function of the execution', enabled)
  if (typeof policy?.layer !== 'function') throw new OptionError('policy', 'must be a policy', policy)
  return new When(enabled, policy)
}
