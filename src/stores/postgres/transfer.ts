/** The door through which everything of a PostgreSQL store is moved. */
import { type Clock, systemClock } from '../../core/clock.ts'
import { systemRandom } from '../../core/random.ts'
import { type Cell, MOVE, type Portion, portionOf, type Row, type TransferDoor, type TransferTable } from '../rules/transfer.ts'
import { Database } from './database.ts'
import { checkOptions } from './options.ts'
import { makePool } from './pool.ts'
import { CLOCK } from './session.ts'
import { Statements } from './statement.ts'

export interface PostgresTransferOptions {
  readonly url: string
  readonly schema?: string | undefined
  readonly clock?: Clock
}

/** @throws OptionError */
export function postgresTransfer({ url, schema, clock = systemClock }: PostgresTransferOptions): TransferDoor {
  const options = checkOptions(
    { url, poolSize: 2, notify: false, statementTimeout: '10m', ...(schema === undefined ? {} : { schema }) },
    clock,
    systemRandom,
  )
  const database = new Database({
    ...options,
    statements: new Statements(options.schema, false),
    makePool: () => makePool(options),
    ownsPool: true,
  })
  const all = <R = Row>(text: string, values: readonly unknown[] = []): Promise<R[]> =>
    database.run((session) => session.rows<R>(text, values))
  const typesOf = new Map<string, readonly { readonly name: string; readonly type: string }[]>()
  const typed = async ({ name }: TransferTable): Promise<readonly { readonly name: string; readonly type: string }[]> => {
    const known = typesOf.get(name) ?? (await all(COLUMNS, [`"${options.schema}".${name}`]))
    typesOf.set(name, known)
    return known
  }
  /** Booleans as numbers, which is what the other stores have. */
  const selected = async (table: TransferTable): Promise<string> =>
    (await typed(table)).map(({ name, type }) => (type === 'boolean' ? `${name}::int AS ${name}` : name)).join(', ')
  return {
    description: database.description,
    open: () => database.open(),
    close: () => database.close(),
    async liveWorkers(withinMs) {
      const text = `WITH ${CLOCK} SELECT id FROM @workers WHERE seen_at >= (SELECT now FROM clock) - $2::bigint`
      return (await all<{ id: string }>(text, [null, withinMs])).map(({ id }) => id)
    },
    columns: async (table) => (await typed(table)).map(({ name }) => name),
    async count(table) {
      const [found] = await all<{ n: number }>(`SELECT count(*) AS n FROM @${table.name}${isMoved(table)}`)
      return found?.n ?? 0
    },
    async read(table, beyond, limit): Promise<Portion> {
      const order = table.order.join(', ')
      const where = beyond === undefined ? '' : `WHERE (${order}) > (${table.order.map((_, i) => `$${i + 2}`).join(', ')})`
      const text = `SELECT ${await selected(table)} FROM @${table.name} ${where} ORDER BY ${order} LIMIT $1`
      return portionOf(table, await all(text, [limit, ...(beyond ?? [])]))
    },
    async find(table, last) {
      if (!table.numbered) return table.order.map((name) => last[name] as Cell)
      const [found] = await all(`SELECT ${table.order.join(', ')} FROM @${table.name} WHERE id = $1`, [last.id])
      return found && table.order.map((name) => found[name] as Cell)
    },
    async last(table) {
      const order = table.order.map((name) => `${name} DESC`).join(', ')
      return (await all(`SELECT ${await selected(table)} FROM @${table.name}${isMoved(table)} ORDER BY ${order} LIMIT 1`))[0]
    },
    async write(table, rows) {
      const names = Object.keys(rows[0] ?? {})
      const booleans = (await typed(table)).filter(({ type }) => type === 'boolean').map(({ name }) => name)
      const records = rows.map((row) => ({ ...row, ...Object.fromEntries(booleans.map((name) => [name, row[name] === 1])) }))
      const list = names.join(', ')
      const text = `INSERT INTO @${table.name} (${list}) SELECT ${list}
        FROM json_populate_recordset(NULL::@${table.name}, $1::json) ON CONFLICT DO NOTHING`
      await database.transaction((session) => session.rows(text, [JSON.stringify(records)]))
    },
    recount: () =>
      database.transaction(async (session) => {
        await session.rows('DELETE FROM @count_changes', [])
        await session.rows('DELETE FROM @counts', [])
        await session.rows(RECOUNT, [])
      }),
    async readMove() {
      const [found] = await all<{ value: string }>('SELECT value FROM @states WHERE name = $1', [MOVE])
      return found && (JSON.parse(found.value) as unknown)
    },
    async writeMove(value) {
      await all(
        `WITH ${CLOCK} INSERT INTO @states (name, value, updated_at) SELECT $2, $3, now FROM clock
        ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at`,
        [null, MOVE, JSON.stringify(value)],
      )
    },
  }
}

const COLUMNS = `SELECT attname AS name, format_type(atttypid, NULL) AS type FROM pg_attribute
  WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum`

const RECOUNT = `INSERT INTO @counts (subject, kind, target, state, n)
  SELECT 'job', kind, target, state, count(*) FROM @jobs GROUP BY kind, target, state
  UNION ALL SELECT 'letter', kind, target, status, count(*) FROM @dead_letters GROUP BY kind, target, status
  UNION ALL SELECT 'given-up', j.kind, j.target, 'dead', count(*) FROM @jobs AS j JOIN @dead_letters AS l ON l.id = j.id
    WHERE j.state = 'dead' AND l.status = 'discarded' GROUP BY j.kind, j.target`

function isMoved({ name }: TransferTable): string {
  return name === 'states' ? ` WHERE name <> '${MOVE}'` : ''
}
