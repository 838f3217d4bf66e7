/**
 * One policy for each key: a breaker for each peer, a bulkhead for each tenant. Made when first needed, forgotten when not
 * needed for a while, and never more than a fixed number.
 *
 * Not for a few names that are known beforehand: that is `byOperation`. A rate limiter knows keys by itself, and cheaper.
 */
import type { Clock } from './clock.ts'
import { describePolicy, type PolicyDescription } from './description.ts'
import type { Duration } from './duration.ts'
import { OptionError } from './errors.ts'
import type { Listener, Unobserve } from './events.ts'
import type { LiveExecution } from './execution.ts'
import { link } from './frame.ts'
import type { Execution, Layer, Operation } from './operation.ts'
import { BasePolicy, type Policy, STAGES, type StageTrace, sharedClock, stagesOf, TRACED, tracedStagesOf } from './policy.ts'
import { RecentKeys } from './recent-keys.ts'
import type { Stage } from './stage.ts'
import { userRule } from './user-rule.ts'
import { checkClock, checkDuration, checkFunction, checkInteger, checkKnown, checkName } from './validate.ts'

export interface KeyedOptions<P extends Policy> {
  /** What a call is chosen by. Calls without a key share the policy of the key `''`. Default: `execution.key`. */
  readonly by?: (execution: Execution) => string | undefined
  /** At most so many; beyond it the least recently used one goes. Default 10,000. */
  readonly maxKeys?: number
  /** One that was not used for so long is forgotten when the next new key comes. Default 1 h. */
  readonly idleAfter?: Duration
  /** True for one that must not be forgotten for being idle, such as a breaker that is not closed. Default: none. */
  readonly keep?: (policy: P, key: string) => boolean
  /** Default `'keyed'`. */
  readonly name?: string
  readonly clock?: Clock
}

export class Keyed<P extends Policy> extends BasePolicy {
  readonly #make: (key: string) => P
  readonly #by: (execution: Execution) => string | undefined
  readonly #options: { readonly maxKeys: number; readonly idleAfterMs: number }
  readonly #policies: RecentKeys<P>
  /** How to stop listening to each policy; only while somebody listens here. */
  readonly #heard = new Map<P, Unobserve>()

  constructor(make: (key: string) => P, options: KeyedOptions<P> = {}) {
    checkKnown(options, ['by', 'maxKeys', 'idleAfter', 'keep', 'name', 'clock'], 'keyed')
    super(checkName(options.name ?? 'keyed', 'keyed.name'), checkClock(options.clock, 'keyed.clock'))
    this.#make = checkFunction(make, 'keyed.make')
    this.#by = checkFunction(options.by ?? ((execution: Execution) => execution.key), 'keyed.by')
    const maxKeys = checkInteger(options.maxKeys ?? 10_000, 'keyed.maxKeys', 1)
    const idleMs = checkDuration(options.idleAfter ?? 3_600_000, 'keyed.idleAfter', 1)
    const keep = options.keep === undefined ? undefined : userRule(options.keep, 'keyed.keep', true)
    this.#options = { maxKeys, idleAfterMs: idleMs }
    this.#policies = new RecentKeys({ maxKeys, idleMs, keep, onDrop: (policy) => this.#forget(policy) })
  }

  get [STAGES](): readonly Stage[] {
    return [this.#stage(stagesOf)]
  }

  override [TRACED](trace: StageTrace): readonly Stage[] {
    return [this.#stage((policy) => tracedStagesOf(policy, trace))]
  }

  /** How many keys it remembers. */
  get size(): number {
    return this.#policies.size
  }

  /** The policy of this key, made if need be. */
  at(key: string): P {
    return this.#at(key, this.clock.now())
  }

  /** The policy of this key, if there is one; it does not count as used. */
  find(key: string): P | undefined {
    return this.#policies.peek(key)
  }

  /** Keys and their policies, the least recently used first. */
  [Symbol.iterator](): Iterator<readonly [key: string, policy: P]> {
    return this.#policies[Symbol.iterator]()
  }

  /** Forgets a key; calls that run under its policy end under it. */
  delete(key: string): boolean {
    return this.#policies.delete(key)
  }

  override describe(key?: string): PolicyDescription {
    const own = this.find(key as string) // Nothing is remembered under no key.
    const choices = own === undefined ? {} : { choices: { default: describePolicy(own, key) } }
    return { name: this.name, type: 'keyed', options: this.#options, state: { keys: this.size }, ...choices }
  }

  /** One bus: what any of them tells is heard with its key, also of those that are made later. */
  override observe(listener: Listener): Unobserve {
    const stop = this.events.observe(listener)
    for (const [key, policy] of this.#policies) this.#hear(key, policy)
    return () => {
      stop()
      if (!this.events.active) for (const policy of [...this.#heard.keys()]) this.#forget(policy)
    }
  }

  /** Each policy is linked with what comes next once, when it is first chosen, and forgotten with it. */
  #stage(stages: (policy: Policy) => readonly Stage[]): Stage {
    const layer: Layer = (next) => {
      const linked = new WeakMap<Policy, Operation<unknown>>()
      const end: Stage = { type: 'layer', layer: () => next as Operation<never> }
      return (execution) => {
        const policy = this.#at(this.#by(execution) ?? '', (execution as LiveExecution).now())
        let operation = linked.get(policy)
        if (operation === undefined) {
          operation = link([...stages(policy), end])
          linked.set(policy, operation)
        }
        return operation(execution) as ReturnType<typeof next>
      }
    }
    return { type: 'layer', layer }
  }

  #at(key: string, now: number): P {
    return this.#policies.use(key, now) ?? this.#add(key, now)
  }

  #add(key: string, now: number): P {
    const policy = this.#make(key)
    if (typeof policy?.layer !== 'function') throw new OptionError('keyed.make', 'must give a policy', policy)
    const clock = sharedClock(policy.parts)
    if (clock !== undefined && clock !== this.clock)
      throw new OptionError('keyed.clock', 'must be the clock of the policies that it makes', 'another one')
    this.#policies.add(key, policy, now)
    this.#hear(key, policy)
    return policy
  }

  #hear(key: string, policy: P): void {
    if (!this.events.active || this.#heard.has(policy)) return
    this.#heard.set(
      policy,
      policy.observe((event) => this.events.emit({ key, ...event })),
    )
  }

  #forget(policy: P): void {
    this.#heard.get(policy)?.()
    this.#heard.delete(policy)
  }
}

/**
 * @param make the policy of a key, on the same clock; asked once for each key, as long as the key is remembered
 * @throws OptionError for an unknown option or a value out of bounds
 * @example
 * const peers = keyed((peer) => circuitBreaker({ name: `peer ${peer}` }), { keep: (breaker) => breaker.state !== 'closed' })
 * await peers.execute(() => 'answer', { key: 'ab12' })
 * peers.at('ab12').state // 'closed'
 */
export function keyed<P extends Policy>(make: (key: string) => P, options: KeyedOptions<P> = {}): Keyed<P> {
  return new Keyed(make, options)
}
