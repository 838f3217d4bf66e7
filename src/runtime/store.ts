/** The store that the configuration names, and where processes share what is not a job. */

import type { StateSettings, StoreSettings } from '../config/config.ts'
import type { Clock } from '../core/clock.ts'
import type { SharedState } from '../core/shared-state.ts'
import { memoryStore } from '../stores/memory/memory-store.ts'
import { postgresStore } from '../stores/postgres/postgres-store.ts'
import { redisSharedState } from '../stores/redis/redis-shared-state.ts'
import { sqliteStore } from '../stores/sqlite/sqlite-store.ts'
import type { JobStore } from '../work/store.ts'

export function storeOf(settings: StoreSettings, clock: Clock): JobStore {
  switch (settings.kind) {
    case 'memory':
      return memoryStore({ clock })
    case 'sqlite':
      return sqliteStore({ path: settings.path, durability: settings.durability, clock })
    case 'postgres':
      return postgresStore({
        url: settings.connection(),
        ...(settings.schema === undefined ? {} : { schema: settings.schema }),
        ...(settings.poolSize === undefined ? {} : { poolSize: settings.poolSize }),
        clock,
      })
  }
}

/** What the runtime is told of shared state; nothing where it is to take the store's own. */
export function stateOf(settings: StateSettings, clock: Clock): { readonly shared?: SharedState | false } {
  switch (settings.kind) {
    case 'store':
      return {}
    case 'local':
      return { shared: false }
    case 'redis':
      return { shared: redisSharedState({ url: settings.connection(), clock }) }
  }
}
