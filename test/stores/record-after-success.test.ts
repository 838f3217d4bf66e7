/**
 * What a handler achieved is recorded only after it succeeded, on both durable stores: in the transaction that completes its
 * job, or by an insert that may be repeated. A failed attempt leaves no row.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import { EventBus } from '../../src/core/events.ts'
import { seededRandom } from '../../src/core/random.ts'
import { postgresStore } from '../../src/stores/postgres/postgres-store.ts'
import { sqliteStore } from '../../src/stores/sqlite/sqlite-store.ts'
import { admitAll } from '../../src/work/admission.ts'
import type { Handler } from '../../src/work/kind.ts'
import { defineKind, kindTable } from '../../src/work/kind.ts'
import { JobQueue } from '../../src/work/queue.ts'
import { runPlainly } from '../../src/work/runner.ts'
import type { Fence, JobStore } from '../../src/work/store.ts'
import { Worker } from '../../src/work/worker.ts'
import { missing } from '../servers/available.ts'
import type { PostgresServer } from '../servers/postgres.ts'
import { startPostgres } from '../servers/postgres.ts'
import { dropSchema, freshSchema } from './postgres-schema.ts'

/** A store, and the application's own table beside it. */
interface Place {
  readonly store: JobStore
  /** Records an upload and completes its job, in one transaction; `fails` lets it fail before the commit. */
  record(name: string, fence: Fence, fails: boolean): Promise<void>
  /** Records an upload, whenever it is called; again makes no second row. */
  recordOnce(name: string, key: string): Promise<void>
  uploads(): Promise<readonly string[]>
}

const closers: (() => Promise<void>)[] = []
let server: PostgresServer | undefined
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})
afterAll(() => server?.stop())

async function onSqlite(): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-record-'))
  const store = sqliteStore({ path: join(folder, 'app.db'), durability: 'normal' })
  await store.open()
  const db = new DatabaseSync(join(folder, 'app.db'), { timeout: 1000 })
  db.exec('CREATE TABLE uploads (key TEXT PRIMARY KEY, name TEXT NOT NULL)')
  closers.push(async () => {
    db.close()
    await store.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const insert = db.prepare('INSERT INTO uploads (key, name) VALUES (?, ?) ON CONFLICT (key) DO NOTHING')
  return {
    store,
    async record(name, fence, fails) {
      db.exec('BEGIN IMMEDIATE')
      try {
        insert.run(fence.id, name)
        store.completeWith(db, fence, { name })
        if (fails) throw new Error('the connection broke before the commit')
        db.exec('COMMIT')
      } catch (error) {
        db.exec('ROLLBACK')
        throw error
      }
    },
    recordOnce: async (name, key) => void insert.run(key, name),
    uploads: async () =>
      (db.prepare('SELECT name FROM uploads ORDER BY name').all() as { name: string }[]).map(({ name }) => name),
  }
}

async function onPostgres(): Promise<Place> {
  server ??= await startPostgres()
  const { url } = server
  const schema = freshSchema()
  const store = postgresStore({ url, schema })
  await store.open()
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(`CREATE TABLE "${schema}".uploads (key text PRIMARY KEY, name text NOT NULL)`)
  closers.push(async () => {
    await client.end()
    await store.close()
    await dropSchema(url, schema)
  })
  const insert = `INSERT INTO "${schema}".uploads (key, name) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING`
  return {
    store,
    async record(name, fence, fails) {
      await client.query('BEGIN')
      try {
        await client.query(insert, [fence.id, name])
        await store.completeWith(client, fence, { name })
        if (fails) throw new Error('the connection broke before the commit')
        await client.query('COMMIT')
      } catch (error) {
        await client.query('ROLLBACK')
        throw error
      }
    },
    recordOnce: async (name, key) => void (await client.query(insert, [key, name])),
    uploads: async () =>
      (await client.query<{ name: string }>(`SELECT name FROM "${schema}".uploads ORDER BY name`)).rows.map(({ name }) => name),
  }
}

function work(place: Place, handler: Handler) {
  const { store } = place
  const events = new EventBus()
  const told: string[] = []
  events.observe(({ type }) => void (type.startsWith('job.') && told.push(type)))
  const kinds = kindTable([
    defineKind({ name: 'upload', target: 'farm', handler, maxAttempts: 3, backoff: { initial: 1, jitter: 'none' } }),
  ])
  const queue = new JobQueue({ store, kinds, clock: systemClock, events })
  const worker = new Worker({
    store,
    kinds,
    events,
    clock: systemClock,
    random: seededRandom(1),
    identity: { host: 'here', pid: 1, bootId: 'b' },
    admission: admitAll,
    run: runPlainly,
    isTargetDown: () => false,
    pollMax: 50,
  })
  worker.start()
  closers.push(() => worker.drain(1000))
  return { queue, told }
}

const places: readonly (readonly [string, () => Promise<Place>, boolean])[] = [
  ['SQLite', onSqlite, false],
  ['PostgreSQL', onPostgres, missing('postgres')],
]

describe.each(places)('an upload is recorded on %s', (_name, make, isMissing) => {
  // R: U4
  it.skipIf(isMissing)(
    'in the transaction that completes its job, so a failed attempt leaves no row',
    { timeout: 60_000 },
    async () => {
      const place = await make()
      const seen: (readonly string[])[] = []
      const { queue, told } = work(place, async (payload, { attempt, fence }) => {
        const { name } = payload as { name: string }
        seen.push(await place.uploads())
        if (attempt === 1) throw new Error('the provider answered 503')
        await place.record(name, fence, attempt === 2)
      })
      const [job] = await queue.enqueue([{ kind: 'upload', payload: { name: 'film' } }])
      await expect.poll(() => told.at(-1), { timeout: 10_000 }).toBe('job.succeeded')
      expect(seen).toEqual([[], [], []])
      expect(await place.uploads()).toEqual(['film'])
      expect(await place.store.get(job!.id)).toMatchObject({ state: 'succeeded', attempts: 3, result: { name: 'film' } })
      expect(told).toEqual([
        'job.enqueued',
        ...['job.started', 'job.retrying', 'job.started', 'job.retrying', 'job.started', 'job.succeeded'],
      ])
    },
  )

  // R: U4
  it.skipIf(isMissing)(
    'by an insert under its idempotency key after success, once, however often it is done',
    { timeout: 60_000 },
    async () => {
      const place = await make()
      const { queue, told } = work(place, async (payload, { attempt, idempotencyKey }) => {
        const { name } = payload as { name: string }
        if (attempt === 1) throw new Error('the provider answered 503')
        await place.recordOnce(name, idempotencyKey)
        if (attempt === 2) throw new Error('the process died before the success was written down')
      })
      await queue.enqueue([{ kind: 'upload', payload: { name: 'film' } }])
      await expect.poll(() => told.at(-1), { timeout: 10_000 }).toBe('job.succeeded')
      expect(await place.uploads()).toEqual(['film'])
    },
  )

  // R: U4
  it.skipIf(isMissing)('never, when every attempt fails', { timeout: 60_000 }, async () => {
    const place = await make()
    const { queue, told } = work(place, async (payload, { fence }) =>
      place.record((payload as { name: string }).name, fence, true),
    )
    const [job] = await queue.enqueue([{ kind: 'upload', payload: { name: 'film' } }])
    await expect.poll(() => told.at(-1), { timeout: 10_000 }).toBe('job.dead')
    expect([await place.uploads(), (await place.store.get(job!.id))?.state]).toEqual([[], 'dead'])
  })
})
