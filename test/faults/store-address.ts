/** Where a store is, in words that travel to another process. */
import type { Clock } from '../../src/core/clock.ts'
import { postgresStore } from '../../src/stores/postgres/postgres-store.ts'
import { sqliteStore } from '../../src/stores/sqlite/sqlite-store.ts'
import type { JobStore } from '../../src/work/store.ts'

export type StoreAddress =
  | { readonly kind: 'sqlite'; readonly path: string; readonly durability: 'full' | 'normal' }
  | { readonly kind: 'postgres'; readonly url: string; readonly schema: string }

export function storeAt(address: StoreAddress, clock: Clock): JobStore {
  if (address.kind === 'sqlite') return sqliteStore({ path: address.path, durability: address.durability, clock })
  const { url, schema } = address
  // Short limits: a way to the server that swallows everything must show within the length of a trial.
  return postgresStore({ url, schema, poolSize: 4, connectTimeout: '2s', statementTimeout: '5s', clock })
}
