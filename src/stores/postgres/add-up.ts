/** Keeps the appended changes of counts few: now and then, in the background, they are added up. */
import type { Database } from './database.ts'
import { addUp } from './tally.ts'

/** Statements that append changes, between two times. */
const EVERY = 500

export class AddUpSometimes {
  readonly #database: Database
  #noted = 0
  #running: Promise<void> | undefined

  constructor(database: Database) {
    this.#database = database
  }

  /** Something was appended. */
  note(): void {
    if (++this.#noted < EVERY || this.#running !== undefined) return
    this.#noted = 0
    // When it fails, the sums are right all the same, and the next time does the rest.
    this.#running = this.#database
      .transaction(addUp)
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
