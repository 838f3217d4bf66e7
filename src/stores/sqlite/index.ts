/** Jobs and shared state in a SQLite file, through `node:sqlite`. */
export type { SqliteStoreOptions } from './options.ts'
export { sqliteSharedState } from './sqlite-shared-state.ts'
export { type SqliteStore, sqliteStore } from './sqlite-store.ts'
