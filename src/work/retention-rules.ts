/**
 * By which rules finished jobs are pruned, kind by kind. A process that prunes may not know a kind that another one defines, and
 * must not take for it the rule of all others: so the rules are told to all processes, in the store.
 */
import type { StateStore } from '../core/state-store.ts'
import type { Kind } from './kind.ts'
import type { PruneRule } from './store.ts'

const PREFIX = 'retention:'

/** The rules of all kinds that have one: of those that this process knows its own, of others what was told last. */
export class RetentionRules {
  readonly #store: StateStore
  readonly #kinds: ReadonlyMap<string, PruneRule | undefined>
  #isTold = false

  /** @param others what a kind leaves out */
  constructor(store: StateStore, kinds: Iterable<Kind>, others: PruneRule) {
    this.#store = store
    this.#kinds = new Map(
      Array.from(kinds, ({ name, retention }) => [name, retention && Object.freeze({ ...others, ...retention })]),
    )
  }

  /** Rejects with the store's error. */
  async read(): Promise<ReadonlyMap<string, PruneRule>> {
    const states = await this.#store.readStates(PREFIX)
    const told = new Map(states.map(({ name, value }) => [name.slice(PREFIX.length), ruleIn(value)]))
    await this.#tell(told)
    const rules = new Map([...told, ...this.#kinds])
    return new Map([...rules].flatMap(([kind, rule]) => (rule === undefined ? [] : [[kind, rule]])))
  }

  /** Once: a process of another release, that says otherwise, is not contradicted for ever. */
  async #tell(told: ReadonlyMap<string, PruneRule | undefined>): Promise<void> {
    if (this.#isTold) return
    for (const [kind, rule] of this.#kinds) {
      if (rule !== undefined) await this.#store.writeState(PREFIX + kind, { version: 1, ...rule })
      else if (told.has(kind)) await this.#store.deleteState(PREFIX + kind)
    }
    this.#isTold = true
  }
}

/** Undefined for what another release wrote. */
function ruleIn(value: unknown): PruneRule | undefined {
  const { version, olderThanMs, keep } = Object(value) as Record<string, unknown>
  if (version !== 1 || typeof olderThanMs !== 'number' || typeof keep !== 'number') return undefined
  return { olderThanMs, keep }
}
