/** What goes wrong between a store and its server, on a real one. */
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { PostgresStoreOptions } from '../../src/stores/postgres/options.ts'
import type { PostgresStore } from '../../src/stores/postgres/postgres-store.ts'
import { postgresStore } from '../../src/stores/postgres/postgres-store.ts'
import type { WorkerRow } from '../../src/work/store.ts'
import { missing, ownServer } from '../servers/available.ts'
import type { PostgresServer } from '../servers/postgres.ts'
import { startPostgres } from '../servers/postgres.ts'
import { ask, dropSchema, freshSchema } from './postgres-schema.ts'
import { jobOf } from './store-process.ts'

let server: PostgresServer
let schema: string
const stores: PostgresStore[] = []
const clients: pg.Client[] = []

function made(options: Partial<PostgresStoreOptions> = {}): PostgresStore {
  const store = postgresStore({ url: server.url, schema, ...options } as PostgresStoreOptions)
  stores.push(store)
  return store
}

async function opened(options: Partial<PostgresStoreOptions> = {}): Promise<PostgresStore> {
  const store = made(options)
  await store.open()
  return store
}

/** Somebody else's session. */
async function session(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: server.url })
  client.on('error', () => {})
  clients.push(client)
  await client.connect()
  return client
}

const unavailable = (reason: string) => ({ code: 'ERR_STORE_UNAVAILABLE', details: { reason }, hint: expect.any(String) })
const withParameter = (options: string) => `${server.url}?options=${encodeURIComponent(options)}`
const worker: WorkerRow = { id: 'w', host: 'h', pid: 1, bootId: 'b', startedAt: 0, seenAt: 0 }

/** Ends every connection of the stores; `what` narrows it down. */
const cut = (what = 'true') =>
  ask(server.url, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holdfast' AND ${what}`)

describe.skipIf(missing('postgres'))('a PostgreSQL store in trouble', () => {
  beforeAll(async () => {
    server = await startPostgres()
  }, 60_000)
  afterAll(() => server?.stop())
  beforeEach(() => {
    schema = freshSchema()
  })
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.end()
    for (const store of stores.splice(0)) await store.close()
    await dropSchema(server.url, schema).catch(() => {})
  })

  // W: 11, 21
  it('loses and doubles nothing while its connections are cut again and again', { timeout: 30_000 }, async () => {
    const store = await opened()
    const acknowledged = new Set<string>()
    const settled = new Map<string, number>()
    const until = performance.now() + 2500
    const patiently = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
      try {
        return await work()
      } catch (error) {
        expect(error).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
        await new Promise((resolve) => setTimeout(resolve, 20))
        return undefined
      }
    }
    const add = async (name: string): Promise<void> => {
      for (let n = 0; performance.now() < until; n++) {
        const batch = [0, 1, 2].map((part) => jobOf(`${name}-${String(n).padStart(5, '0')}-${part}`))
        // The same batch until it is acknowledged, as a caller would.
        while ((await patiently(() => store.enqueue(batch))) === undefined);
        for (const { id } of batch) acknowledged.add(id)
      }
    }
    const work = async (): Promise<void> => {
      for (let idle = 0; performance.now() < until || idle < 3; ) {
        await patiently(() => store.renew(worker, 300, []))
        for (const job of (await patiently(() => store.abandoned([], 100))) ?? [])
          await patiently(() => store.settle([{ id: job.id, token: job.token, type: 'rescued', delayMs: 0, reason: 'lost' }]))
        const lane = { kind: 'k', target: 't', limit: 40 }
        const jobs = (await patiently(() => store.claim({ worker: 'w', leaseMs: 300, lanes: [lane] }))) ?? []
        if (jobs.length === 0) {
          const left = (await patiently(() => store.counts()))?.some(({ state }) => state !== 'succeeded') ?? true
          idle = left ? 0 : idle + 1
          await new Promise((resolve) => setTimeout(resolve, 30))
        }
        const settlements = jobs.map(({ id, token }) => ({ id, token, type: 'succeeded' as const }))
        const refused = await patiently(() => store.settle(settlements))
        if (refused !== undefined)
          for (const { id } of settlements) if (!refused.includes(id)) settled.set(id, (settled.get(id) ?? 0) + 1)
      }
    }
    let cuts = 0
    const trouble = async (): Promise<void> => {
      for (; performance.now() < until; cuts++) {
        await new Promise((resolve) => setTimeout(resolve, 60))
        await cut()
      }
    }
    await Promise.all([add('x'), add('y'), work(), work(), trouble()])
    expect(cuts).toBeGreaterThan(5)
    const [stored] = await ask<{ all: number; done: number }>(
      server.url,
      `SELECT count(*)::int AS all, count(*) FILTER (WHERE state = 'succeeded')::int AS done FROM "${schema}".jobs`,
    )
    expect(stored).toEqual({ all: acknowledged.size, done: acknowledged.size })
    expect([...settled.values()].every((times) => times === 1)).toBe(true)
    expect(await store.counts()).toMatchObject([{ state: 'succeeded', count: acknowledged.size }])
  })

  // W: 11, 21
  it('says so while the server is away, and goes on by itself when it was restarted', { timeout: 30_000 }, async () => {
    if (ownServer('postgres') !== undefined) return
    const store = await opened({ url: withParameter('-c synchronous_commit=on') })
    await store.enqueue([jobOf('before')])
    const failures: unknown[] = []
    let back = false
    const restarted = server.restart().then(() => {
      back = true
    })
    while (!back) await store.check().catch((error: unknown) => failures.push(error))
    await restarted
    for (const failure of failures) expect(failure).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
    await expect.poll(() => store.check().then(() => 'works', String), { timeout: 5000 }).toBe('works')
    await store.enqueue([jobOf('after')])
    expect((await store.list({})).items.map(({ id }) => id)).toEqual(['after', 'before'])
  })

  // W: 11
  it('hears of new work again after its listening connection died', { timeout: 20_000 }, async () => {
    const [store, other] = [await opened(), await opened()]
    let told = 0
    store.onWork(() => void told++)
    await cut("query LIKE 'LISTEN%'")
    await expect.poll(async () => (await listeners()).length, { timeout: 5000 }).toBe(2)
    // What was missed meanwhile is made up for by one word.
    await expect.poll(() => told).toBeGreaterThan(0)
    told = 0
    await other.enqueue([jobOf('a')])
    await expect.poll(() => told).toBeGreaterThan(0)
  })
  const listeners = () =>
    ask(server.url, `SELECT 1 FROM pg_stat_activity WHERE application_name = 'holdfast' AND query LIKE 'LISTEN%'`)

  // W: 11
  it('works without hearing of work at all', async () => {
    const store = await opened({ notify: false })
    await store.enqueue([jobOf('a')])
    expect(await store.readyLanes(['k'], 5)).toHaveLength(1)
    expect(await listeners()).toHaveLength(0)
  })

  // W: 11, 21
  it('says that its pool is exhausted, and goes on when a connection is free', { timeout: 20_000 }, async () => {
    const store = await opened({ poolSize: 1, notify: false, connectTimeout: 150 })
    await store.enqueue([jobOf('a')])
    const other = await session()
    await other.query('BEGIN')
    await other.query(`LOCK TABLE "${schema}".jobs IN ACCESS EXCLUSIVE MODE`)
    const waiting = store.get('a')
    await expect(store.check()).rejects.toMatchObject(unavailable('exhausted'))
    await other.query('COMMIT')
    expect((await waiting)?.id).toBe('a')
    await store.check()
  })

  it('gives a statement up after its time, and nothing of it happened', { timeout: 20_000 }, async () => {
    const store = await opened({ statementTimeout: 300, notify: false })
    const other = await session()
    await other.query('BEGIN')
    await other.query(`LOCK TABLE "${schema}".jobs IN ACCESS EXCLUSIVE MODE`)
    await expect(store.enqueue([jobOf('a')])).rejects.toMatchObject(unavailable('timeout'))
    await other.query('COMMIT')
    expect(await store.get('a')).toBeUndefined()
  })

  // W: 21
  it('refuses writes while the server is read-only, and goes on when it is not', async () => {
    const store = await opened({ url: withParameter('-c default_transaction_read_only=on') }).catch((error: unknown) => error)
    expect(store).toMatchObject(unavailable('read-only'))
    const writable = await opened({ notify: false })
    await writable.enqueue([jobOf('before')])
    const readOnly = await opened({ url: withParameter('-c default_transaction_read_only=on'), notify: false })
    await expect(readOnly.enqueue([jobOf('lost')])).rejects.toMatchObject(unavailable('read-only'))
    await expect(readOnly.check()).rejects.toMatchObject(unavailable('read-only'))
    await expect(readOnly.settle([{ id: 'x', token: 1, type: 'succeeded' }])).rejects.toMatchObject(unavailable('read-only'))
    expect((await readOnly.list({})).items.map(({ id }) => id)).toEqual(['before'])
  })

  it('says who keeps it out: no server, no such database, no right, a newer version', async () => {
    await expect(opened({ url: 'postgres://u:hunter2@127.0.0.1:1/d' })).rejects.toMatchObject(unavailable('refused'))
    const nowhere = server.url.replace(/\/postgres$/, '/nowhere')
    await expect(opened({ url: nowhere })).rejects.toMatchObject(unavailable('gone'))
    const role = `${schema}_guest`
    await ask(server.url, `CREATE ROLE ${role} LOGIN`)
    try {
      const guest = new URL(server.url)
      guest.username = role
      await expect(opened({ url: guest.href })).rejects.toMatchObject(unavailable('forbidden'))
    } finally {
      await ask(server.url, `DROP ROLE ${role}`)
    }
    await (await opened()).close()
    await ask(server.url, `INSERT INTO "${schema}".migrations VALUES (999, 'future', now())`)
    await expect(opened()).rejects.toMatchObject(unavailable('newer'))
  })

  it('opens by itself once the server answers, though opening it failed', async () => {
    const role = `${schema}_late`
    const guest = new URL(server.url)
    guest.username = role
    const store = made({ url: guest.href, notify: false })
    await expect(store.open()).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
    await ask(server.url, `CREATE ROLE ${role} LOGIN SUPERUSER`)
    try {
      expect(await store.enqueue([jobOf('a')])).toHaveLength(1)
    } finally {
      await store.close()
      await dropSchema(server.url, schema)
      await ask(server.url, `DROP ROLE ${role}`)
    }
  })

  // W: 22
  it('refuses text that the server cannot keep, as trouble of who sent it', async () => {
    const store = await opened()
    for (const call of [() => store.get('a\0'), () => store.list({ target: '\0' }), () => store.enqueue([jobOf('a\0')])])
      await expect(call()).rejects.toMatchObject({ code: 'ERR_OPTION', rule: 'must not contain the character NUL' })
    await ask(server.url, `CREATE DATABASE ${schema} ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`)
    const narrow = new URL(server.url)
    narrow.pathname = schema
    await expect(opened({ url: narrow.href })).rejects.toMatchObject({ code: 'ERR_OPTION', rule: 'must name a database in UTF8' })
    await stores.pop()?.close()
    await ask(server.url, `DROP DATABASE ${schema} WITH (FORCE)`)
  })

  it('uses a pool of the application, and leaves it to it', async () => {
    const pool = new pg.Pool({ connectionString: server.url, max: 3 })
    pool.on('error', () => {})
    const store = postgresStore({ pool, schema })
    await store.open()
    await store.enqueue([{ ...jobOf('a'), payload: { big: 2 ** 40 } }])
    const [job] = await store.claim({ worker: 'w', leaseMs: 1000, lanes: [{ kind: 'k', target: 't', limit: 1 }] })
    expect(job).toMatchObject({ id: 'a', payload: { big: 2 ** 40 }, token: 1 })
    await store.close()
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    await pool.end()
  })

  it('never shows a password', async () => {
    const store = made({ url: 'postgres://user:hunter2@127.0.0.1:1/app?password=hunter2' })
    const error = await store.open().catch((reason: unknown) => reason)
    expect(store.description).toBe(`postgres://127.0.0.1:1/app (schema ${schema})`)
    expect(JSON.stringify(error) + String(error)).not.toContain('hunter2')
    expect(() => postgresStore({ url: 'postgres://u:hunter2@h:x/d' })).toThrow(/must be a URL/)
    expect(() => postgresStore({ url: 'postgres://u:hunter2@h:x/d' })).not.toThrow(/hunter2/)
  })

  it.each([
    [{}, "needs either 'url' or 'pool'"],
    [{ url: 'mysql://h' }, 'must be a URL'],
    [{ url: 'postgres://h/d', schema: 'a"; DROP' }, 'must be 1 to 40 of a-z'],
    [{ url: 'postgres://h/d', schema: 'pg_own' }, 'must be 1 to 40 of a-z'],
    [{ url: 'postgres://h/d', poolSize: 0 }, 'must be a whole number from 1 to 1000'],
    [{ url: 'postgres://h/d', size: 3 }, "'postgresStore.size' is not an option"],
    [{ pool: { connect: () => {} }, poolSize: 3 }, "goes with 'url'"],
  ])('refuses options %j', (options, message) => {
    expect(() => postgresStore(options as never)).toThrow(message)
  })
})
