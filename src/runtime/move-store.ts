/**
 * Moves everything of a store to another one: batches, jobs, keys, dead letters, states. Both must rest. A move that was
 * broken off goes on where it was, since rows are written in the order in which they are read; at the end all of it is read
 * again on both sides and compared.
 */
import { createHash } from 'node:crypto'
import type { StoreSettings } from '../config/config.ts'
import { HoldfastError, OptionError } from '../core/errors.ts'
import { postgresTransfer } from '../stores/postgres/transfer.ts'
import { TRANSFER_TABLES, type TransferDoor, type TransferTable } from '../stores/rules/transfer.ts'
import { sqliteTransfer } from '../stores/sqlite/transfer.ts'

export interface MoveOptions {
  readonly from: StoreSettings
  readonly to: StoreSettings
  /** Rows at once. Default 1000. */
  readonly portion?: number
  /** Told after each portion; `total` is all that is to be read, copying and comparing. */
  readonly onProgress?: (progress: MoveProgress) => void
}

export interface MoveProgress {
  readonly phase: 'copying' | 'comparing'
  readonly table: string
  readonly done: number
  readonly total: number
}

export interface MovedTable {
  readonly table: string
  readonly rows: number
  /** Of them, those that an earlier run had moved. */
  readonly before: number
  /** SHA-256 over all rows, the same on both sides. */
  readonly checksum: string
}

export interface MoveReport {
  readonly from: string
  readonly to: string
  readonly resumed: boolean
  readonly tables: readonly MovedTable[]
}

/** A worker that was heard of within so long may still run. */
const LIVELY_MS = 60_000

interface Marker {
  readonly from: string
  readonly done: boolean
}

/**
 * @throws OptionError for a store that cannot be moved; HoldfastError with `ERR_STORE_BUSY` when somebody works on either,
 *   `ERR_STORE_NOT_EMPTY` when the target holds other work, `ERR_STORE_CHANGED` when both differ in the end,
 *   `ERR_STORE_UNAVAILABLE`
 */
export async function moveStore({ from, to, portion = 1000, onProgress = () => {} }: MoveOptions): Promise<MoveReport> {
  const [source, target] = [doorOf(from, 'from'), doorOf(to, 'to')]
  if (source.description === target.description) throw new OptionError('to', 'must be another store than --from', to.url)
  try {
    await source.open()
    await target.open()
    await assertRest(source)
    await assertRest(target)
    await assertSameShape(source, target)
    const resumed = await begin(source, target)
    const counts = await Promise.all(TRANSFER_TABLES.map((table) => source.count(table)))
    const total = 3 * counts.reduce((sum, count) => sum + count, 0)
    let done = 0
    const tell = (phase: MoveProgress['phase'], table: string, rows: number): void => {
      done += rows
      onProgress({ phase, table, done: Math.min(done, total), total })
    }
    const before = new Map<string, number>()
    for (const table of TRANSFER_TABLES) {
      before.set(table.name, await target.count(table))
      tell('copying', table.name, before.get(table.name) ?? 0)
      await copy(table, source, target, portion, (rows) => tell('copying', table.name, rows))
    }
    await target.recount()
    const tables: MovedTable[] = []
    for (const table of TRANSFER_TABLES) {
      const ours = await digest(table, source, portion, (rows) => tell('comparing', table.name, rows))
      const theirs = await digest(table, target, portion, (rows) => tell('comparing', table.name, rows))
      if (ours.rows !== theirs.rows || ours.checksum !== theirs.checksum) throw changed(table, source, target)
      tables.push({ table: table.name, rows: ours.rows, before: before.get(table.name) ?? 0, checksum: ours.checksum })
    }
    await target.writeMove({ from: source.description, done: true } satisfies Marker)
    return { from: source.description, to: target.description, resumed, tables }
  } finally {
    await Promise.all([source.close(), target.close()])
  }
}

function doorOf(store: StoreSettings, option: string): TransferDoor {
  if (store.kind === 'memory') throw new OptionError(option, 'must be a store that lasts: sqlite:PATH or postgres://…', store.url)
  if (store.kind === 'sqlite') return sqliteTransfer({ path: store.path })
  return postgresTransfer({ url: store.connection(), schema: store.schema })
}

async function assertRest(door: TransferDoor): Promise<void> {
  const workers = await door.liveWorkers(LIVELY_MS)
  if (workers.length === 0) return
  throw new HoldfastError(`${door.description} is in use by ${workers.join(', ')}`, {
    code: 'ERR_STORE_BUSY',
    hint: `Stop every Holdfast on it, and wait a minute if one was killed.`,
  })
}

async function assertSameShape(source: TransferDoor, target: TransferDoor): Promise<void> {
  for (const table of TRANSFER_TABLES) {
    const [ours, theirs] = [await source.columns(table), await target.columns(table)].map((names) => names.toSorted().join(', '))
    if (ours !== theirs) throw new Error(`the table '${table.name}' differs: ${ours} here, ${theirs} there`)
  }
}

/** Answers whether it goes on with a move that was broken off. */
async function begin(source: TransferDoor, target: TransferDoor): Promise<boolean> {
  const marker = (await target.readMove()) as Marker | undefined
  if (marker?.from === source.description && !marker.done) return true
  for (const table of TRANSFER_TABLES) {
    const count = await target.count(table)
    if (count === 0) continue
    throw new HoldfastError(`${target.description} is not empty: it has ${count} rows of ${table.name}`, {
      code: 'ERR_STORE_NOT_EMPTY',
      hint: marker?.done
        ? `A move from ${marker.from} was completed before.`
        : 'Give an empty one: another file, database or schema.',
    })
  }
  await target.writeMove({ from: source.description, done: false } satisfies Marker)
  return false
}

async function copy(
  table: TransferTable,
  source: TransferDoor,
  target: TransferDoor,
  portion: number,
  tell: (rows: number) => void,
): Promise<void> {
  const last = await target.last(table)
  let key = last && (await source.find(table, last))
  for (;;) {
    const read = await source.read(table, key, portion)
    if (read.key === undefined) return
    if (read.rows.length > 0) await target.write(table, read.rows)
    key = read.key
    tell(read.rows.length)
  }
}

async function digest(
  table: TransferTable,
  door: TransferDoor,
  portion: number,
  tell: (rows: number) => void,
): Promise<{ readonly rows: number; readonly checksum: string }> {
  const hash = createHash('sha256')
  const names = (await door.columns(table)).filter((name) => !(table.numbered && table.order.includes(name))).toSorted()
  let rows = 0
  for (let key: Awaited<ReturnType<TransferDoor['read']>>['key']; ; ) {
    const read = await door.read(table, key, portion)
    if (read.key === undefined) return { rows, checksum: hash.digest('hex') }
    for (const row of read.rows) hash.update(JSON.stringify(names.map((name) => row[name])))
    rows += read.rows.length
    key = read.key
    tell(read.rows.length)
  }
}

function changed(table: TransferTable, source: TransferDoor, target: TransferDoor): HoldfastError {
  return new HoldfastError(`${table.name} of ${source.description} and ${target.description} differ after the move`, {
    code: 'ERR_STORE_CHANGED',
    hint: 'Something wrote to one of them meanwhile: stop it, and move once more to an empty store.',
  })
}
