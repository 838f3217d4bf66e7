/** Jobs and shared state in PostgreSQL, through `pg`. */
export type { PostgresStoreOptions } from './options.ts'
export type { PgClient, PgPool, PgPoolClient, PgQuery } from './pg-types.ts'
export { postgresSharedState } from './postgres-shared-state.ts'
export { type PostgresStore, postgresStore } from './postgres-store.ts'
