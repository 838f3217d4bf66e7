/**
 * Small writes that come in together are committed together: with `durability: 'full'` a commit waits for the disk, and a
 * hundred that wait for it one after the other take a hundred times as long. Each write is still kept whole or not at all, by a
 * savepoint of its own, and is answered only when the commit that it shares is on disk.
 */
import { setImmediate } from 'node:timers'
import type { Database } from './database.ts'
import { reasonOf } from './sqlite-errors.ts'
import { Tally } from './tally.ts'
import type { Transaction } from './transaction.ts'

type Work = (tx: Transaction) => unknown
type Outcome = { readonly value: unknown } | { readonly error: unknown }

interface Waiting {
  readonly work: Work
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

/** In one transaction, so that none holds the lock, and this process, for long. */
const MOST = 250

export class SharedCommit {
  readonly #database: Database
  readonly #waiting: Waiting[] = []

  constructor(database: Database) {
    this.#database = database
  }

  /** Like `Database.write`. What `work` throws undoes it alone; trouble with the database rejects all that share the commit. */
  write<T>(work: (tx: Transaction) => T): Promise<T> {
    return new Promise<unknown>((resolve, reject) => {
      this.#waiting.push({ work, resolve, reject })
      if (this.#waiting.length === 1) this.#soon()
    }) as Promise<T>
  }

  /** After everything that has come in by now, from every connection, had its turn. */
  #soon(): void {
    setImmediate(() => void this.#commit())
  }

  async #commit(): Promise<void> {
    const group = this.#waiting.splice(0, MOST)
    if (this.#waiting.length > 0) this.#soon()
    try {
      const outcomes = await this.#database.write((tx) => group.map(({ work }) => apart(tx, work)))
      for (const [index, { resolve, reject }] of group.entries()) {
        const outcome = outcomes[index] as Outcome
        if ('error' in outcome) reject(outcome.error)
        else resolve(outcome.value)
      }
    } catch (error) {
      for (const { reject } of group) reject(error)
    }
  }
}

/** Kept or undone by itself. */
function apart(tx: Transaction, work: Work): Outcome {
  const tally = new Tally()
  tx.sql('SAVEPOINT apart').run()
  try {
    const value = work({ ...tx, tally })
    tally.write(tx.sql)
    tx.sql('RELEASE apart').run()
    return { value }
  } catch (error) {
    if (reasonOf(error) !== undefined) throw error
    tx.sql('ROLLBACK TO apart').run()
    tx.sql('RELEASE apart').run()
    return { error }
  }
}
