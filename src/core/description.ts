/**
 * What a policy is and how it stands, as plain data: what `inspect`, `lint` and `explain` are made from. Never on the path of a
 * call.
 */

/** What JSON can carry; `undefined` stands for "not set" and "no bound". */
export type Plain = string | number | boolean | null | undefined | readonly Plain[] | { readonly [name: string]: Plain }

export type PlainRecord = Readonly<Record<string, Plain>>

export interface PolicyDescription {
  /** What it was called; by default the same as `type`. */
  readonly name: string
  /** Which kind of policy: `retry`, `circuit-breaker` …; `custom` for one that a user made. */
  readonly type: string
  /** The options that matter, with their defaults. Durations in ms; what is absent is not set, or has no bound. */
  readonly options: PlainRecord
  /** How it stands now. */
  readonly state: PlainRecord
  /** The policies inside, outermost first. */
  readonly parts?: readonly PolicyDescription[]
  /** The policies inside of which a call takes one, by what chooses it. */
  readonly choices?: Readonly<Record<string, PolicyDescription>>
}

interface Describing {
  describe(key?: string): PolicyDescription
}

/**
 * Describes any policy, also one of another library's making, of which nothing but its name is known.
 *
 * @param key whose state is meant, in a keyed policy
 */
export function describePolicy(policy: { readonly name: string } & Partial<Describing>, key?: string): PolicyDescription {
  if (typeof policy.describe === 'function') return policy.describe(key)
  return { name: policy.name, type: 'custom', options: {}, state: {} }
}

/** A number as data: no bound is left out, since JSON has no infinity. */
export function bounded(value: number): number | undefined {
  return value === Number.POSITIVE_INFINITY ? undefined : value
}
