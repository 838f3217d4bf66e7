/**
 * What the store's operations run on: one connection for a while, in a transaction or with each statement its own.
 */
import type { PgClient, PgQuery } from './pg-types.ts'
import type { Statements } from './statement.ts'

export interface Session {
  /** Rows of a text written with `@name` for tables. */
  rows<Row>(text: string, values: readonly unknown[]): Promise<Row[]>
  /** What the server's clock is to say, in tests; null lets it say for itself. Always the parameter of `CLOCK`. */
  readonly told: number | null
}

/** A time of the server, in epoch ms, read once for the whole statement: `(SELECT now FROM clock)`. Its parameter is `$1`. */
export const CLOCK = `clock AS MATERIALIZED (
    SELECT coalesce($1::bigint, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) AS now)`

const INT8 = 20
const JSON_OID = 114
const asText = (value: string): string => value
const PARSERS: Readonly<Record<number, (value: string) => unknown>> = {
  // Times, numbers of rows and sums of them: all far below 2⁵³.
  [INT8]: Number,
  [JSON_OID]: JSON.parse,
  16: (value) => value === 't',
  21: Number,
  23: Number,
}
/** The same, whatever parsers the process has set for its own use of `pg`. */
const TYPES: NonNullable<PgQuery['types']> = { getTypeParser: (oid) => PARSERS[oid] ?? asText }

export function sessionOn(client: PgClient, statements: Statements, told: number | null): Session {
  return {
    told,
    async rows<Row>(text: string, values: readonly unknown[]): Promise<Row[]> {
      const result = await client.query({ ...statements.of(text), values: values as unknown[], types: TYPES })
      return result.rows as Row[]
    },
  }
}
