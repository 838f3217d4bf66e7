/** Jobs in PostgreSQL, through `pg`. */
export type { PgClient, PgPool, PgPoolClient, PgQuery } from './pg-types.ts'
export { type PostgresStore, type PostgresStoreOptions, postgresStore } from './postgres-store.ts'
