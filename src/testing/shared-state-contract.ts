/**
 * The rules of the port `SharedState`, as cases that any store can be put through. It needs no test runner: a case that fails
 * throws an error that says what was expected.
 */
import { buckets } from './shared-state-contract/buckets.ts'
import { general } from './shared-state-contract/general.ts'
import type { SharedStateHarness } from './shared-state-contract/harness.ts'
import { leases } from './shared-state-contract/leases.ts'
import { once } from './shared-state-contract/once.ts'
import { words } from './shared-state-contract/words.ts'

export type { SharedStateHarness } from './shared-state-contract/harness.ts'

export interface SharedStateCase {
  readonly name: string
  run(): Promise<void>
}

/**
 * The cases, each with a shared state of its own. Time moves by the harness's clock alone: most cases compare times to the ms,
 * so a store on a real clock needs one that it can be told.
 *
 * @example
 * // given open
 * import { it } from 'vitest'
 * it.each(sharedStateContract({ open }))('$name', ({ run }) => run())
 */
export function sharedStateContract(options: { readonly open: () => Promise<SharedStateHarness> }): readonly SharedStateCase[] {
  return [...leases, ...words, ...buckets, ...once, ...general].map(([name, play]) => ({
    name,
    async run() {
      const harness = await options.open()
      try {
        await play(harness)
      } finally {
        await harness.close()
      }
    },
  }))
}
