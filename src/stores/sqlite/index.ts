/** Jobs in a SQLite file, through `node:sqlite`. */
export { type SqliteStore, type SqliteStoreOptions, sqliteStore } from './sqlite-store.ts'
