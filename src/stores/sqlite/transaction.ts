import type { StatementSync } from 'node:sqlite'
import type { Tally } from './tally.ts'

/** What one transaction works with. */
export interface Transaction {
  readonly sql: (text: string) => StatementSync
  /** Its rows come as arrays. */
  readonly tuples: (text: string) => StatementSync
  /** Epoch ms, read after the lock was got. */
  readonly now: number
  readonly tally: Tally
}
