/**
 * What is used of the `pg` package, as shapes: a pool or client of the caller's own copy of it fits, whatever its version.
 */

export interface PgQuery {
  readonly text: string
  readonly values?: unknown[]
  /** Prepared under this name, once per connection. */
  readonly name?: string
  readonly types?: { getTypeParser(oid: number, format?: string): (value: string) => unknown }
}

/** Anything that runs a query in the caller's session: a `pg` client, or one checked out of a pool. */
export interface PgClient {
  query(query: PgQuery): Promise<{ readonly rows: unknown[] }>
}

// As the package itself says it: each event has arguments of its own.
// biome-ignore lint/suspicious/noExplicitAny: nothing else takes, and is taken by, every listener of an emitter
type Listener = (...args: any[]) => void

export interface PgPoolClient extends PgClient {
  /** With an error, or true: the connection is closed rather than kept. */
  release(destroy?: Error | boolean): void
  on(event: string, listener: Listener): unknown
  removeListener(event: string, listener: Listener): unknown
}

export interface PgPool {
  connect(): Promise<PgPoolClient>
  end(): Promise<void>
  readonly totalCount: number
  readonly options?: { readonly max?: number }
}
