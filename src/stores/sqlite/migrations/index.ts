import { jobs } from './0001-jobs.ts'
import { keysAndBatches } from './0002-keys-and-batches.ts'
import { sharedState } from './0003-shared-state.ts'
import { retentionByKind } from './0004-retention-by-kind.ts'

/** In order; a released one never changes, a new shape is a new file. */
export const MIGRATIONS: readonly { readonly version: number; readonly name: string; readonly sql: string }[] = [
  jobs,
  keysAndBatches,
  sharedState,
  retentionByKind,
]
