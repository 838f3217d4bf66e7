/** Jobs taken in and completed in transactions of the caller's own, on a connection of the caller's own. */
import type { Enqueued, NewJob } from '../../work/job.ts'
import { keepResult } from '../../work/result.ts'
import type { Fence } from '../../work/store.ts'
import { leaseLost } from '../rules/lease-lost.ts'
import type { Database } from './database.ts'
import { enqueue } from './enqueue.ts'
import type { PgClient } from './pg-types.ts'
import { toStoreError } from './postgres-errors.ts'
import type { Session } from './session.ts'
import { sessionOn } from './session.ts'
import { settle } from './settle.ts'
import { Statements } from './statement.ts'

export class CallersTransactions {
  readonly #database: Database
  readonly #statements: Statements
  readonly #channel: string

  /** @param channel where workers listen for work */
  constructor(database: Database, schema: string, channel: string) {
    this.#database = database
    // Not prepared: whose connection it is, and what stands between, is not ours to know.
    this.#statements = new Statements(schema, false)
    this.#channel = channel
  }

  enqueue(client: PgClient, jobs: readonly NewJob[]): Promise<readonly Enqueued[]> {
    return this.#within(client, async (session) => {
      const answers = await enqueue(session, jobs)
      await session.rows('SELECT pg_notify($1, $2)', [this.#channel, ''])
      return answers
    })
  }

  async complete(client: PgClient, { id, token }: Fence, result: unknown): Promise<void> {
    const kept = result === undefined ? {} : { result: keepResult(result) }
    return this.#within(client, async (session) => {
      const refused = await settle(session, [{ id, token, type: 'succeeded', ...kept }])
      if (refused.length > 0) throw leaseLost(id)
    })
  }

  async #within<T>(client: PgClient, work: (session: Session) => Promise<T>): Promise<T> {
    this.#database.assertOpen()
    try {
      return await work(sessionOn(client, this.#statements, this.#database.told))
    } catch (error) {
      throw toStoreError(error, this.#database.description)
    }
  }
}
