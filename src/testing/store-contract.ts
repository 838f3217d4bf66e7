/**
 * The rules of the port `JobStore`, as cases that any store can be put through. It needs no test runner: a case that fails
 * throws an error that says what was expected.
 */
import { batches } from './store-contract/batches.ts'
import { byHand } from './store-contract/by-hand.ts'
import { claiming } from './store-contract/claiming.ts'
import { deadLetters } from './store-contract/dead-letters.ts'
import type { StoreHarness } from './store-contract/harness.ts'
import { keys } from './store-contract/keys.ts'
import { looking } from './store-contract/looking.ts'
import { retention } from './store-contract/retention.ts'
import { settling } from './store-contract/settling.ts'
import { takingIn } from './store-contract/taking-in.ts'

export type { StoreHarness } from './store-contract/harness.ts'

export interface StoreCase {
  readonly name: string
  run(): Promise<void>
}

/**
 * The cases, each with a store of its own. Time moves by the harness's clock alone: several cases compare times to the ms,
 * so a store on a real clock needs one that it can be told.
 *
 * @example
 * // given open
 * import { it } from 'vitest'
 * it.each(storeContract({ open }))('$name', ({ run }) => run())
 */
export function storeContract(options: { readonly open: () => Promise<StoreHarness> }): readonly StoreCase[] {
  return [...takingIn, ...claiming, ...keys, ...settling, ...batches, ...byHand, ...deadLetters, ...looking, ...retention].map(
    ([name, play]) => ({
      name,
      async run() {
        const harness = await options.open()
        try {
          await play(harness)
        } finally {
          await harness.close()
        }
      },
    }),
  )
}
