/** Jobs in a SQLite file, through `node:sqlite`. */
export { type SqliteStoreOptions, sqliteStore } from './sqlite-store.ts'
