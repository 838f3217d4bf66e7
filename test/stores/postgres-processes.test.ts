import { join } from 'node:path'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { MIGRATIONS } from '../../src/stores/postgres/migrations/index.ts'
import type { PostgresStore } from '../../src/stores/postgres/postgres-store.ts'
import { postgresStore } from '../../src/stores/postgres/postgres-store.ts'
import { missing } from '../servers/available.ts'
import type { PostgresServer } from '../servers/postgres.ts'
import { startPostgres } from '../servers/postgres.ts'
import { ask, dropSchema, freshSchema } from './postgres-schema.ts'
import { killAll, start } from './processes.ts'
import { jobOf } from './store-process.ts'

const SCRIPT = join(import.meta.dirname, 'postgres-process.ts')
let server: PostgresServer
let schema: string
const stores: PostgresStore[] = []

async function opened(): Promise<PostgresStore> {
  const store = postgresStore({ url: server.url, schema })
  stores.push(store)
  await store.open()
  return store
}

beforeAll(async () => {
  if (!missing('postgres')) server = await startPostgres()
}, 60_000)
afterAll(() => server?.stop())

describe.skipIf(missing('postgres'))('a PostgreSQL store shared by processes', () => {
  beforeEach(() => {
    schema = freshSchema()
  })
  afterEach(async () => {
    killAll()
    for (const store of stores.splice(0)) await store.close()
    await dropSchema(server.url, schema)
  })

  // W: 1
  it('gives each of 5,000 jobs to one of two processes', { timeout: 30_000 }, async () => {
    const store = await opened()
    const ids = Array.from({ length: 5000 }, (_, n) => `job-${String(n).padStart(5, '0')}`)
    await store.enqueue(ids.map((id, n) => ({ ...jobOf(id), target: n % 2 ? 'a' : 'b' })))
    const workers = ['one', 'two'].map((name) => start(SCRIPT, server.url, schema, 'claim', name))
    expect(await Promise.all(workers.map(({ ended }) => ended))).toEqual([0, 0])
    expect(workers.flatMap(({ lines }) => lines).sort()).toEqual(ids)
    expect(workers.every(({ lines }) => lines.length > 0)).toBe(true)
    const counts = (await store.counts()).map(({ target, state, count }) => `${target} ${state} ${count}`).sort()
    expect(counts).toEqual(['a succeeded 2500', 'b succeeded 2500'])
  })

  it('is brought to its shape once, though several processes open it at the same time', { timeout: 30_000 }, async () => {
    const openers = Array.from({ length: 4 }, () => start(SCRIPT, server.url, schema, 'open'))
    const stores = Array.from({ length: 4 }, () => opened())
    expect(await Promise.all(openers.map(({ ended }) => ended))).toEqual([0, 0, 0, 0])
    await Promise.all(stores)
    expect(await ask(server.url, `SELECT version FROM "${schema}".migrations`)).toEqual(
      MIGRATIONS.map(({ version }) => ({ version })),
    )
  })

  it('tells the other processes of new work', { timeout: 20_000 }, async () => {
    const store = await opened()
    const other = start(SCRIPT, server.url, schema, 'listen')
    await other.said(1)
    const at = performance.now()
    await store.enqueue([jobOf('a')])
    await other.said(2)
    expect(performance.now() - at).toBeLessThan(1000)
    expect(await other.ended).toBe(0)
  })

  it('stores one job for a key, though many ask at the same moment', async () => {
    const [one, two] = [await opened(), await opened()]
    const asked = Array.from({ length: 40 }, (_, n) =>
      (n % 2 ? one : two).enqueue([{ ...jobOf(`j${n}`), idempotencyKey: 'k', fingerprint: 'f', idempotencyWindowMs: 60_000 }]),
    )
    const answers = (await Promise.all(asked)).flat()
    expect(answers.filter(({ duplicate }) => !duplicate)).toHaveLength(1)
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1)
    expect(answers.every(({ state }) => state === 'available')).toBe(true)
    expect((await one.list({})).items).toHaveLength(1)
  })

  // W: 18
  it('redrives each dead letter once, though several ask, and settles under the fence of one', async () => {
    const [one, two] = [await opened(), await opened()]
    await one.enqueue(Array.from({ length: 30 }, (_, n) => jobOf(`j${String(n).padStart(2, '0')}`)))
    const jobs = await one.claim({ worker: 'w', leaseMs: 60_000, lanes: [{ kind: 'k', target: 't', limit: 30 }] })
    const dead = { type: 'dead', cause: 'attempts', error: { name: 'E', message: 'm' }, targetDown: true } as const
    const settlements = jobs.map(({ id, token }) => ({ id, token, ...dead }))
    const refused = await Promise.all([one.settle(settlements), two.settle([...settlements].reverse())])
    expect(refused.map(({ length }) => length).sort((a, b) => a - b)).toEqual([0, 30])
    const redriven = await Promise.all([one, two, one, two].map((store) => store.redrive({ by: 'breaker', limit: 20 })))
    expect(new Set(redriven.flat()).size).toBe(redriven.flat().length)
    await one.redrive({ by: 'person' })
    expect((await two.counts()).map(({ state, count }) => [state, count])).toEqual([['available', 30]])
    expect((await two.deadLetterCounts()).map(({ status, count }) => [status, count])).toEqual([['retrying', 30]])
  })

  it('keeps its counts right while several processes change them and they are added up', { timeout: 20_000 }, async () => {
    const pair = [await opened(), await opened()]
    const loop = async (store: PostgresStore, name: string): Promise<void> => {
      for (let n = 0; n < 90; n++) {
        await store.enqueue([jobOf(`${name}-${n}-a`), jobOf(`${name}-${n}-b`)])
        const [job] = await store.claim({ worker: name, leaseMs: 60_000, lanes: [{ kind: 'k', target: 't', limit: 1 }] })
        if (job !== undefined) await store.settle([{ id: job.id, token: job.token, type: 'succeeded' }])
      }
    }
    await Promise.all(pair.flatMap((store, n) => [loop(store, `x${n}`), loop(store, `y${n}`)]))
    const counts = (await (pair[0] as PostgresStore).counts()).map(({ state, count }) => `${state} ${count}`).sort()
    const [seen] = await ask<{ available: number; succeeded: number }>(
      server.url,
      `SELECT count(*) FILTER (WHERE state = 'available')::int AS available,
         count(*) FILTER (WHERE state = 'succeeded')::int AS succeeded FROM "${schema}".jobs`,
    )
    expect(counts).toEqual([`available ${seen?.available}`, `succeeded ${seen?.succeeded}`])
    const [summed] = await ask<{ n: number }>(server.url, `SELECT count(*)::int AS n FROM "${schema}".counts`)
    expect(summed?.n).toBeGreaterThan(0)
  })
})

describe.skipIf(missing('postgres'))("jobs in a caller's own transaction", () => {
  let client: pg.Client
  let store: PostgresStore
  beforeEach(async () => {
    schema = freshSchema()
    store = await opened()
    client = new pg.Client({ connectionString: server.url })
    await client.connect()
    await client.query(`CREATE TABLE "${schema}".orders (id text PRIMARY KEY)`)
    await client.query('BEGIN')
    await client.query(`INSERT INTO "${schema}".orders VALUES ('o1')`)
  })
  afterEach(async () => {
    await client.end()
    for (const one of stores.splice(0)) await one.close()
    await dropSchema(server.url, schema)
  })

  const orders = () => ask(server.url, `SELECT id FROM "${schema}".orders`)

  it('are there when it commits, with what it wrote, and workers hear of them then', async () => {
    let told = 0
    store.onWork(() => void told++)
    expect(await store.enqueueWith(client, [jobOf('a')])).toEqual([{ id: 'a', state: 'available', duplicate: false }])
    expect([await store.get('a'), told]).toEqual([undefined, 0])
    await client.query('COMMIT')
    expect((await store.get('a'))?.state).toBe('available')
    expect(await orders()).toHaveLength(1)
    await expect.poll(() => told).toBe(1)
    expect((await store.counts())[0]?.count).toBe(1)
  })

  it('never were when it rolls back', async () => {
    await store.enqueueWith(client, [{ ...jobOf('a'), idempotencyKey: 'k', idempotencyWindowMs: 60_000 }])
    await client.query('ROLLBACK')
    expect([await store.get('a'), await orders(), await store.counts()]).toEqual([undefined, [], []])
    expect((await store.enqueue([{ ...jobOf('b'), idempotencyKey: 'k', idempotencyWindowMs: 60_000 }]))[0]?.duplicate).toBe(false)
  })

  it('abort it when their key is that of other work', async () => {
    await store.enqueue([{ ...jobOf('first'), idempotencyKey: 'k', fingerprint: 'f', idempotencyWindowMs: 60_000 }])
    const again = { ...jobOf('other'), idempotencyKey: 'k', fingerprint: 'g', idempotencyWindowMs: 60_000 }
    await expect(store.enqueueWith(client, [again])).rejects.toMatchObject({ code: 'ERR_IDEMPOTENCY_MISMATCH' })
    await client.query('COMMIT')
    expect([await store.get('other'), await orders()]).toEqual([undefined, []])
  })

  it('are refused once the store is closed', async () => {
    await store.close()
    await expect(store.enqueueWith(client, [jobOf('a')])).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
  })
})
