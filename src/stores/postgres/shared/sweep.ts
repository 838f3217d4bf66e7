/**
 * Removes what has ended, a little at a time, in the background of the operations that come anyway: far more than they add, and
 * never what others are at.
 */
import type { Database } from '../database.ts'
import { CLOCK } from '../session.ts'

const EVERY = 200
const MOST = 1000
const TABLES = [
  ['leases', 'name'],
  ['buckets', 'name'],
  ['grants', 'id'],
  ['once', 'name'],
] as const
const TEXTS = TABLES.map(
  ([table, key]) => `
  WITH ${CLOCK}
  DELETE FROM @${table} WHERE ${key} = ANY (ARRAY(
    SELECT ${key} FROM @${table} WHERE until <= (SELECT now FROM clock) LIMIT ${MOST} FOR UPDATE SKIP LOCKED))`,
)

export class Sweep {
  readonly #database: Database
  #noted = 0
  #running: Promise<void> | undefined

  constructor(database: Database) {
    this.#database = database
  }

  /** One more operation. */
  note(): void {
    if (++this.#noted < EVERY || this.#running !== undefined) return
    this.#noted = 0
    // When it fails, the next time does the rest.
    this.#running = this.#database
      .run(async (session) => {
        for (const text of TEXTS) await session.rows(text, [session.told])
      })
      .catch(() => {})
      .finally(() => {
        this.#running = undefined
      })
  }

  /** Waits for what is under way. */
  async stop(): Promise<void> {
    await this.#running
  }
}
