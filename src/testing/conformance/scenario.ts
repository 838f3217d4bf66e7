/**
 * A scenario plays one trap against whatever adapter it is given, and throws when the library steps into it.
 */
import type { Adapter, AdapterFactory, Equipped, PartName } from './adapter.ts'

export interface Scenario {
  /** The number of the trap, from 1 to 33. */
  readonly trap: number
  /** What is right, as a sentence. */
  readonly name: string
  /** Parts that the adapter must have; without them the scenario does not apply. */
  readonly needs: readonly PartName[]
  /** `'real'` when it measures what work costs, which no virtual clock shows. */
  readonly clock: 'any' | 'real'
  /** @throws Error that says what went wrong, when the library steps into the trap */
  run(adapter: Adapter): Promise<void>
}

/** Writes a scenario whose `play` is given the parts it needs. */
export function scenario<Name extends PartName>(
  trap: number,
  name: string,
  needs: readonly Name[],
  play: (adapter: Equipped<Name>) => Promise<void>,
  clock: 'any' | 'real' = 'any',
): Scenario {
  return {
    trap,
    name,
    needs,
    clock,
    async run(adapter) {
      if (!applies({ needs }, adapter))
        throw new Error(`${adapter.name} does not have what this scenario needs: ${needs.join(', ')}`)
      await play(adapter as Equipped<Name>)
    },
  }
}

/** True when the adapter has all parts that the scenario needs. */
export function applies({ needs }: Pick<Scenario, 'needs'>, adapter: Adapter): boolean {
  return needs.every((part) => adapter[part] !== undefined)
}

/**
 * What an adapter throws when the library itself refuses the options of a scenario: it says so instead of stepping into the
 * trap, which is right too.
 */
export class RefusedOptions extends Error {}
RefusedOptions.prototype.name = 'RefusedOptions'

export interface Verdict {
  readonly scenario: Scenario
  readonly verdict: 'passes' | 'fails' | 'does not apply'
  /** What went wrong. */
  readonly reason?: string
  /** What has to be said beside a pass. */
  readonly note?: string
}

/** Plays one scenario on a fresh adapter. Never rejects because of what the library does; a run without an end is the caller's to bound. */
export async function judge(scenario: Scenario, makeAdapter: AdapterFactory): Promise<Verdict> {
  const adapter = await makeAdapter(scenario.clock)
  if (!applies(scenario, adapter)) return { scenario, verdict: 'does not apply' }
  try {
    await scenario.run(adapter)
    return { scenario, verdict: 'passes' }
  } catch (error) {
    if (error instanceof RefusedOptions) return { scenario, verdict: 'passes', note: `refuses it: ${error.message}` }
    return { scenario, verdict: 'fails', reason: error instanceof Error ? error.message : String(error) }
  }
}
