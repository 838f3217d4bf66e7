/** The contract of every store on a real PostgreSQL. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { postgresStore } from '../../src/stores/postgres/postgres-store.ts'
import { storeContract } from '../../src/testing/store-contract.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { missing } from '../servers/available.ts'
import type { PostgresServer } from '../servers/postgres.ts'
import { startPostgres } from '../servers/postgres.ts'
import { dropSchema, emptySchema, freshSchema } from './postgres-schema.ts'

const schema = freshSchema()
let server: PostgresServer

describe.skipIf(missing('postgres'))('a PostgreSQL store', () => {
  beforeAll(async () => {
    server = await startPostgres()
  }, 60_000)
  afterAll(async () => {
    await dropSchema(server.url, schema)
    await server.stop()
  })

  async function open() {
    const clock = new VirtualClock()
    const make = async () => {
      const store = postgresStore({ url: server.url, schema, notify: false, serverNow: () => clock.wallNow() })
      await store.open()
      return store
    }
    let store = await make()
    return {
      store,
      clock,
      async reopen() {
        await store.close()
        store = await make()
        return store
      },
      async close() {
        await store.close()
        await emptySchema(server.url, schema)
      },
    }
  }

  // W: 1, 6, 8, 18, 22
  it.each(storeContract({ open }))('$name', ({ run }) => run())

  // W: 4
  it("goes by the server's clock", async () => {
    const store = postgresStore({ url: server.url, schema })
    await store.open()
    try {
      expect(Math.abs((await store.now()) - Date.now())).toBeLessThan(5000)
    } finally {
      await store.close()
    }
  })
})
