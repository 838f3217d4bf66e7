/** Everything of a store moved to another one, on real files and a real PostgreSQL. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { StoreSettings } from '../../src/config/config.ts'
import { systemClock } from '../../src/core/clock.ts'
import { type MoveProgress, moveStore } from '../../src/runtime/move-store.ts'
import { storeOf } from '../../src/runtime/store.ts'
import { sqliteSharedState } from '../../src/stores/sqlite/index.ts'
import type { NewJob } from '../../src/work/job.ts'
import type { Page } from '../../src/work/store.ts'
import { missing } from '../servers/available.ts'
import type { PostgresServer } from '../servers/postgres.ts'
import { startPostgres } from '../servers/postgres.ts'
import { ask } from './postgres-schema.ts'

const ERROR = { name: 'Error', message: 'the target said 500' }
const WORKER = { id: 'h:1:a', host: 'h', pid: 1, bootId: 'a', startedAt: 0, seenAt: 0 }
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-move-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const file = (name: string): StoreSettings => {
  const path = join(folder, name)
  return { kind: 'sqlite', url: `sqlite:${path}`, path, durability: 'normal' }
}

const job = (n: number, more: Partial<NewJob> = {}): NewJob => ({
  id: `j${String(n).padStart(5, '0')}`,
  kind: n % 3 === 0 ? 'mail' : 'post',
  target: `t${n % 5}`,
  payload: { n, text: 'ünïcode \u0000 ☂ "quoted"' },
  priority: n % 7,
  fingerprint: `f${n}`,
  idempotencyWindowMs: 86_400_000,
  ...more,
})

/** Work in every state: waiting, scheduled, running, done, dead and discarded, keyed, in a batch, with history. */
async function fill(settings: StoreSettings, count = 300): Promise<void> {
  const store = storeOf(settings, systemClock)
  await store.open()
  const keyed = (n: number): Partial<NewJob> => (n % 4 === 0 ? { idempotencyKey: `key ${n}` } : {})
  await store.enqueue(Array.from({ length: count }, (_, n) => job(n, keyed(n))))
  await store.enqueue([job(90_000, { runAt: Date.now() + 3_600_000 })])
  const lanes = (await store.readyLanes(['mail', 'post'], 100)).map((lane) => ({ ...lane, limit: 4 }))
  const taken = await store.claim({ worker: WORKER.id, leaseMs: 1000, lanes })
  await store.settle(
    taken.slice(0, -2).map(({ id, token }, n) => {
      const fence = { id, token }
      if (n % 4 === 0) return { ...fence, type: 'succeeded', result: { fine: true } } as const
      if (n % 4 === 1) return { ...fence, type: 'retry', delayMs: 60_000, error: ERROR } as const
      if (n % 4 === 2) return { ...fence, type: 'parked', reason: 'ask a person' } as const
      return { ...fence, type: 'dead', cause: 'attempts', error: ERROR, targetDown: n % 8 === 3, retryInMs: 60_000 } as const
    }),
  )
  const letters = await store.deadLetters({})
  await store.discard(letters.items[0]?.id ?? '')
  await store.writeState('target:t1', { version: 1, paused: { until: null } })
  await store.close()
}

/** All that anybody can ask of a store. */
async function everything(settings: StoreSettings) {
  const store = storeOf(settings, systemClock)
  await store.open()
  try {
    const jobs = await allPages((cursor) => store.list({ limit: 1000, cursor }))
    return {
      jobs,
      letters: await allPages((cursor) => store.deadLetters({ limit: 1000, cursor })),
      counts: sorted(await store.counts()),
      letterCounts: sorted(await store.deadLetterCounts()),
      states: (await store.readStates('target:')).map(({ name, value }) => [name, value]),
    }
  } finally {
    await store.close()
  }
}

async function allPages<T>(page: (cursor: string | undefined) => Promise<Page<T>>): Promise<readonly T[]> {
  const items: T[] = []
  for (let cursor: string | undefined; ; ) {
    const found = await page(cursor)
    items.push(...found.items)
    cursor = found.nextCursor
    if (cursor === undefined) return items
  }
}

function sorted(counts: readonly object[]): readonly string[] {
  const byName = ([a]: [string, unknown], [b]: [string, unknown]): number => (a < b ? -1 : 1)
  return counts.map((count) => JSON.stringify(Object.entries(count).toSorted(byName))).toSorted()
}

describe('moving a store', () => {
  it('takes everything along, in its order, and says a checksum that is the same on both sides', async () => {
    await fill(file('a.db'))
    const before = await everything(file('a.db'))
    const progress: MoveProgress[] = []
    const report = await moveStore({
      from: file('a.db'),
      to: file('b.db'),
      portion: 50,
      onProgress: (told) => progress.push(told),
    })
    expect(report.tables.map(({ table, rows }) => [table, rows])).toEqual([
      ['batches', 0],
      ['jobs', 301],
      ['keys', 75],
      ['dead_letters', before.letters.length],
      ['states', 1],
      ['once', 0],
    ])
    expect(await everything(file('b.db'))).toEqual(before)
    expect(await everything(file('a.db')), 'the source is as it was').toEqual(before)
    expect(progress.at(-1)).toMatchObject({ phase: 'comparing', done: progress.at(-1)?.total })
    expect(progress.every(({ done }, i) => i === 0 || done >= (progress[i - 1]?.done ?? 0))).toBe(true)
  })

  it('keeps records of work that was done once, and of work whose outcome nobody knows', async () => {
    const charge = { owner: 'a', fingerprint: 'f', leaseMs: 1, keepMs: 60_000 }
    const before = sqliteSharedState({ path: join(folder, 'a.db') })
    await before.open()
    const answer = await before.begin({ ...charge, name: 'done' })
    const token = answer.state === 'started' ? answer.token : ''
    await before.finish({ name: 'done', token, result: { paid: 7 }, keepMs: 60_000 })
    await before.begin({ ...charge, name: 'begun' })
    await before.close()
    await moveStore({ from: file('a.db'), to: file('b.db') })
    const after = sqliteSharedState({ path: join(folder, 'b.db') })
    await after.open()
    expect(await after.begin({ ...charge, name: 'done', owner: 'b' })).toMatchObject({ state: 'done', result: { paid: 7 } })
    await expect.poll(() => after.begin({ ...charge, name: 'begun', owner: 'b' })).toMatchObject({ state: 'unknown' })
    await after.close()
  })

  it('keeps idempotency keys: the same key answers with the first job in the new store', async () => {
    await fill(file('a.db'))
    await moveStore({ from: file('a.db'), to: file('b.db') })
    const store = storeOf(file('b.db'), systemClock)
    await store.open()
    const [answer] = await store.enqueue([job(4, { id: 'another', idempotencyKey: 'key 4' })])
    await store.close()
    expect(answer).toMatchObject({ id: 'j00004', duplicate: true })
  })

  it('goes on where it was broken off', async () => {
    await fill(file('a.db'))
    let told = 0
    const broken = moveStore({
      from: file('a.db'),
      to: file('b.db'),
      portion: 50,
      onProgress: ({ table }) => {
        if (table === 'jobs' && ++told === 4) throw new Error('the power went')
      },
    })
    await expect(broken).rejects.toThrow('the power went')
    const report = await moveStore({ from: file('a.db'), to: file('b.db'), portion: 50 })
    expect(report.resumed).toBe(true)
    expect(report.tables.find(({ table }) => table === 'jobs')).toMatchObject({ rows: 301, before: 150 })
    expect(await everything(file('b.db'))).toEqual(await everything(file('a.db')))
  })

  it('refuses a store that somebody works on, on either side', async () => {
    await fill(file('a.db'), 3)
    const store = storeOf(file('a.db'), systemClock)
    await store.open()
    await store.renew(WORKER, 1000, [])
    const move = { from: file('a.db'), to: file('b.db') }
    await expect(moveStore(move)).rejects.toMatchObject({ code: 'ERR_STORE_BUSY', message: expect.stringContaining('h:1:a') })
    await expect(moveStore({ from: move.to, to: move.from })).rejects.toMatchObject({ code: 'ERR_STORE_BUSY' })
    await store.removeWorkers([WORKER.id])
    await store.close()
    await moveStore(move)
  })

  it('refuses a target with work of its own, a second move, itself, and memory', async () => {
    await fill(file('a.db'), 3)
    await fill(file('b.db'), 2)
    await expect(moveStore({ from: file('a.db'), to: file('b.db') })).rejects.toMatchObject({ code: 'ERR_STORE_NOT_EMPTY' })
    await moveStore({ from: file('a.db'), to: file('c.db') })
    await expect(moveStore({ from: file('a.db'), to: file('c.db') })).rejects.toMatchObject({
      code: 'ERR_STORE_NOT_EMPTY',
      hint: expect.stringContaining('was completed before') as string,
    })
    await expect(moveStore({ from: file('a.db'), to: file('a.db') })).rejects.toMatchObject({ code: 'ERR_OPTION' })
    const memory = { kind: 'memory', url: 'memory:', durability: 'full' } as const
    await expect(moveStore({ from: memory, to: file('d.db') })).rejects.toThrow("'from' must be a store that lasts")
  })

  it('notices what somebody wrote meanwhile', async () => {
    await fill(file('a.db'))
    const meddle = (): void => {
      const db = new DatabaseSync(join(folder, 'a.db'))
      db.exec("UPDATE holdfast_jobs SET priority = 99 WHERE id = 'j00001'")
      db.close()
    }
    let told = 0
    const move = moveStore({
      from: file('a.db'),
      to: file('b.db'),
      onProgress: ({ table }) => table === 'keys' && told++ === 0 && meddle(),
    })
    await expect(move).rejects.toMatchObject({ code: 'ERR_STORE_CHANGED', message: expect.stringContaining('jobs') })
  })
})

describe.skipIf(missing('postgres'))('moving between SQLite and PostgreSQL', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await startPostgres()
    await ask(server.url, 'DROP SCHEMA IF EXISTS moved CASCADE')
  }, 60_000)
  afterAll(async () => {
    await ask(server.url, 'DROP SCHEMA IF EXISTS moved CASCADE')
    await server.stop()
  })

  it('there and back leaves everything as it was', async () => {
    await fill(file('a.db'))
    const before = await everything(file('a.db'))
    const postgres = {
      kind: 'postgres',
      url: server.url,
      connection: () => server.url,
      schema: 'moved',
      durability: 'full',
    } as const
    const there = await moveStore({ from: file('a.db'), to: postgres })
    const inPostgres = await everything(postgres)
    expect(inPostgres).toEqual(before)
    expect(await ask(server.url, 'SELECT count(*)::int AS n FROM moved.jobs'), 'in the schema it was told').toEqual([{ n: 301 }])
    const back = await moveStore({ from: postgres, to: file('b.db') })
    expect(back.tables.map(({ checksum }) => checksum)).toEqual(there.tables.map(({ checksum }) => checksum))
    expect(await everything(file('b.db'))).toEqual(before)
  })
})
