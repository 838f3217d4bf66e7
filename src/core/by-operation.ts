/**
 * A policy for each kind of call: the operation's name chooses.
 */
import { describePolicy, type PolicyDescription } from './description.ts'
import { OptionError } from './errors.ts'
import type { Execution } from './operation.ts'
import type { Policy } from './policy.ts'
import { Switching } from './switching.ts'

class ByOperation extends Switching {
  readonly #policies: ReadonlyMap<string, Policy>
  readonly #otherwise: Policy | undefined

  constructor(policies: ReadonlyMap<string, Policy>) {
    super('by-operation', [...policies.values()])
    this.#policies = policies
    this.#otherwise = policies.get('default')
  }

  protected choose({ operation }: Execution): Policy | undefined {
    return this.#policies.get(operation as string) ?? this.#otherwise
  }

  override describe(key?: string): PolicyDescription {
    const choices = Object.fromEntries([...this.#policies].map(([operation, policy]) => [operation, describePolicy(policy, key)]))
    return { name: this.name, type: 'by-operation', options: {}, state: {}, choices }
  }
}

/**
 * Each call runs under the policy of its operation's name (`ExecuteOptions.operation`), or under `default`; without a
 * `default`, calls of other names run as they are.
 *
 * Not for other numbers of one retry alone: give the same breaker to several entries, or compose it outside, and it is shared.
 *
 * @throws OptionError when there is no entry, or one that is no policy
 * @example run
 * const browser = byOperation({ goto: retry({ maxAttempts: 3 }), click: retry({ maxAttempts: 2 }), default: noop })
 * await browser.execute(() => 'loaded', { operation: 'goto' })
 */
export function byOperation(policies: Readonly<Record<string, Policy>>): Policy {
  const entries = Object.entries(policies ?? {})
  if (entries.length === 0) throw new OptionError('policies', 'must hold a policy for at least one operation', policies)
  for (const [operation, policy] of entries)
    if (typeof policy?.layer !== 'function') throw new OptionError(`policies.${operation}`, 'must be a policy', policy)
  return new ByOperation(new Map(entries))
}
