/**
 * What it takes to move everything from one store to another: the tables in the words that stores share, and a door to them.
 * Not for stores at work: nobody else may write to either meanwhile.
 */

/** A column's value: text, a whole number, or nothing. Booleans are 0 and 1. */
export type Cell = string | number | null
export type Row = Readonly<Record<string, Cell>>

export interface TransferTable {
  readonly name: string
  /** Rows are read in this order, from a key to those beyond it, and written in the same one. */
  readonly order: readonly string[]
  /** `order` is a number that the store gives, and every store gives its own: a row is found by its id instead. */
  readonly numbered?: boolean
}

/**
 * All that a restart keeps. Not moved: workers, which end before a move; counts, which are counted anew; leases, words and
 * limits of processes, which end by themselves.
 */
export const TRANSFER_TABLES: readonly TransferTable[] = [
  { name: 'batches', order: ['id'] },
  { name: 'jobs', order: ['seq'], numbered: true },
  { name: 'keys', order: ['kind', 'key'] },
  { name: 'dead_letters', order: ['number'], numbered: true },
  { name: 'states', order: ['name'] },
  { name: 'once', order: ['name'] },
]

/** Under this name the target says, among its states, whose move is under way or done. */
export const MOVE = 'move'

export interface TransferDoor {
  readonly description: string
  /** Opens the store and brings its shape up to date. */
  open(): Promise<void>
  close(): Promise<void>
  /** Ids of workers that were heard of within so many ms, by the store's clock. */
  liveWorkers(withinMs: number): Promise<readonly string[]>
  columns(table: TransferTable): Promise<readonly string[]>
  count(table: TransferTable): Promise<number>
  /** Rows in order, beyond a key (the first ones without); `key` is that of the last of them. */
  read(table: TransferTable, beyond: readonly Cell[] | undefined, limit: number): Promise<Portion>
  /** The key, in this store, of a row that another store calls its last: by its id, or by its key. */
  find(table: TransferTable, last: Row): Promise<readonly Cell[] | undefined>
  /** The last row in order. */
  last(table: TransferTable): Promise<Row | undefined>
  /** All of them, or none. A row that is here already is left. */
  write(table: TransferTable, rows: readonly Row[]): Promise<void>
  /** Counts jobs and dead letters anew. */
  recount(): Promise<void>
  readMove(): Promise<unknown>
  writeMove(value: unknown): Promise<void>
}

export interface Portion {
  /** Without numbers that the store gave. */
  readonly rows: readonly Row[]
  readonly key: readonly Cell[] | undefined
}

/** Rows as they are moved, in the order of their table: the marker of the move itself is none of them. */
export function portionOf(table: TransferTable, found: readonly Row[]): Portion {
  const last = found.at(-1)
  return {
    rows: found.filter((row) => !(table.name === 'states' && row.name === MOVE)).map((row) => withoutNumber(table, row)),
    key: last && table.order.map((name) => last[name] as Cell),
  }
}

export function withoutNumber(table: TransferTable, row: Row): Row {
  if (!table.numbered) return row
  return Object.fromEntries(Object.entries(row).filter(([name]) => !table.order.includes(name)))
}
