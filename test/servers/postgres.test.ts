import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { missing, ownServer } from './available.ts'
import { listens } from './gone.ts'
import { startPostgres } from './postgres.ts'

describe.skipIf(missing('postgres'))('PostgreSQL for tests', () => {
  it('starts, answers, stops, and leaves nothing running', async () => {
    const server = await startPostgres()
    const client = new pg.Client({ connectionString: server.url })
    await client.connect()
    expect((await client.query('select 6 * 7 as answer')).rows).toEqual([{ answer: 42 }])
    await client.end()
    await server.stop()
    if (ownServer('postgres') === undefined) expect(await listens(Number(new URL(server.url).port))).toBe(false)
  })
})
