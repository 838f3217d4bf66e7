/** The store that the configuration names. */

import type { StoreSettings } from '../config/config.ts'
import type { Clock } from '../core/clock.ts'
import { memoryStore } from '../stores/memory/memory-store.ts'
import { postgresStore } from '../stores/postgres/postgres-store.ts'
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
