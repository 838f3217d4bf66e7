/** The door through which everything of a SQLite store is moved. */
import { type Clock, systemClock } from '../../core/clock.ts'
import { systemRandom } from '../../core/random.ts'
import { type Cell, MOVE, type Portion, portionOf, type Row, type TransferDoor, type TransferTable } from '../rules/transfer.ts'
import { Database } from './database.ts'

export interface SqliteTransferOptions {
  readonly path: string
  readonly clock?: Clock
}

export function sqliteTransfer({ path, clock = systemClock }: SqliteTransferOptions): TransferDoor {
  const database = new Database({
    path,
    durability: 'full',
    busyTimeoutMs: 50,
    busyRetryMs: 5000,
    clock,
    random: systemRandom,
  })
  const all = (text: string, values: readonly Cell[] = []): Promise<Row[]> =>
    database.read(({ sql }) => sql(text).all(...values) as Row[])
  const columns = async (table: TransferTable): Promise<string[]> =>
    (await all(`SELECT name FROM pragma_table_info('${nameOf(table)}')`)).map(({ name }) => String(name))
  return {
    description: database.description,
    open: () => database.open(),
    close: async () => database.close(),
    async liveWorkers(withinMs) {
      const since = database.now() - withinMs
      return (await all('SELECT id FROM holdfast_workers WHERE seen_at >= ?', [since])).map(({ id }) => String(id))
    },
    columns,
    async count(table) {
      const [found] = await all(`SELECT count(*) AS n FROM ${nameOf(table)}${isMoved(table)}`)
      return Number(found?.n)
    },
    async read(table, beyond, limit): Promise<Portion> {
      const order = table.order.join(', ')
      const where = beyond === undefined ? '' : `WHERE (${order}) > (${table.order.map(() => '?').join(', ')})`
      const text = `SELECT * FROM ${nameOf(table)} ${where} ORDER BY ${order} LIMIT ?`
      return portionOf(table, await all(text, [...(beyond ?? []), limit]))
    },
    async find(table, last) {
      if (!table.numbered) return table.order.map((name) => last[name] as Cell)
      const [found] = await all(`SELECT ${table.order.join(', ')} FROM ${nameOf(table)} WHERE id = ?`, [last.id as Cell])
      return found && table.order.map((name) => found[name] as Cell)
    },
    async last(table) {
      const order = table.order.map((name) => `${name} DESC`).join(', ')
      return (await all(`SELECT * FROM ${nameOf(table)}${isMoved(table)} ORDER BY ${order} LIMIT 1`))[0]
    },
    async write(table, rows) {
      const names = Object.keys(rows[0] ?? {})
      const places = names.map(() => '?').join(', ')
      await database.write(({ sql }) => {
        const insert = sql(`INSERT INTO ${nameOf(table)} (${names.join(', ')}) VALUES (${places}) ON CONFLICT DO NOTHING`)
        for (const row of rows) insert.run(...names.map((name) => row[name] as Cell))
      })
    },
    recount: () =>
      database.write(({ sql }) => {
        sql('DELETE FROM holdfast_counts').run()
        sql(`INSERT INTO holdfast_counts (subject, kind, target, state, n)
          SELECT 'job', kind, target, state, count(*) FROM holdfast_jobs GROUP BY kind, target, state
          UNION ALL SELECT 'letter', kind, target, status, count(*) FROM holdfast_dead_letters GROUP BY kind, target, status
          UNION ALL SELECT 'given-up', j.kind, j.target, 'dead', count(*) FROM holdfast_jobs AS j JOIN holdfast_dead_letters AS l
            ON l.id = j.id WHERE j.state = 'dead' AND l.status = 'discarded' GROUP BY j.kind, j.target`).run()
      }),
    async readMove() {
      const [found] = await all('SELECT value FROM holdfast_states WHERE name = ?', [MOVE])
      return found && (JSON.parse(String(found.value)) as unknown)
    },
    writeMove: (value) =>
      database.write(({ sql, now }) => {
        sql('INSERT OR REPLACE INTO holdfast_states (name, value, updated_at) VALUES (?, ?, ?)').run(
          MOVE,
          JSON.stringify(value),
          now,
        )
      }),
  }
}

function nameOf({ name }: TransferTable): string {
  return `holdfast_${name}`
}

function isMoved({ name }: TransferTable): string {
  return name === 'states' ? ` WHERE name <> '${MOVE}'` : ''
}
