import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import type { SqliteStore } from './sqlite-store.ts'
import { sqliteStore } from './sqlite-store.ts'

let folder: string
let clock: VirtualClock
let store: SqliteStore
let db: DatabaseSync

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-caller-'))
  clock = new VirtualClock()
  store = sqliteStore({ path: join(folder, 'app.db'), durability: 'normal', clock })
  await store.open()
  db = new DatabaseSync(join(folder, 'app.db'), { timeout: 50 })
  db.exec('CREATE TABLE orders (id TEXT PRIMARY KEY)')
})
afterEach(async () => {
  if (db.isOpen) db.close()
  await store.close()
  rmSync(folder, { recursive: true, force: true })
})

const jobOf = (id: string, more = {}) => {
  return { id, kind: 'k', target: 't', payload: { id }, priority: 0, fingerprint: id, idempotencyWindowMs: 60_000, ...more }
}
const orders = () => db.prepare('SELECT id FROM orders').all().length

function order(): void {
  db.exec('BEGIN IMMEDIATE')
  db.prepare('INSERT INTO orders VALUES (?)').run('o1')
}

describe("jobs in a caller's own transaction", () => {
  it('are there when it commits, with what it wrote, and workers hear of them then', async () => {
    let told = 0
    store.onWork(() => void told++)
    order()
    expect(store.enqueueWith(db, [jobOf('a')])).toEqual([{ id: 'a', state: 'available', duplicate: false }])
    await clock.advance(500)
    expect([await store.get('a'), told]).toEqual([undefined, 0])
    db.exec('COMMIT')
    expect((await store.get('a'))?.state).toBe('available')
    expect(orders()).toBe(1)
    await clock.advance(100)
    expect(told).toBe(1)
    expect(await store.counts()).toMatchObject([{ state: 'available', count: 1 }])
    expect(clock.pendingTimers({ includeIdle: true })).toBe(0)
  })

  it('wake workers in the same turn of the clock when the transaction is short', async () => {
    let told = 0
    store.onWork(() => void told++)
    for (const id of ['a', 'b']) {
      db.exec('BEGIN IMMEDIATE')
      store.enqueueWith(db, [jobOf(id)])
      db.exec('COMMIT')
    }
    await clock.advance(0)
    expect(told).toBe(1)
  })

  it('never were when it rolls back', async () => {
    order()
    store.enqueueWith(db, [jobOf('a', { idempotencyKey: 'k' })])
    db.exec('ROLLBACK')
    expect([await store.get('a'), orders(), await store.counts()]).toEqual([undefined, 0, []])
    const again = await store.enqueue([jobOf('b', { idempotencyKey: 'k' })])
    expect(again).toMatchObject([{ duplicate: false }])
  })

  it('never were when the connection is closed in the middle', async () => {
    order()
    store.enqueueWith(db, [jobOf('a')])
    db.close()
    await clock.advance(100)
    expect([await store.get('a'), await store.counts()]).toEqual([undefined, []])
  })

  it('leave nothing when one of them is refused, even if the caller commits all the same', async () => {
    await store.enqueue([jobOf('first', { idempotencyKey: 'k', fingerprint: 'f' })])
    order()
    const batch = [jobOf('a'), jobOf('other', { idempotencyKey: 'k', fingerprint: 'g' })]
    expect(() => store.enqueueWith(db, batch)).toThrow(expect.objectContaining({ code: 'ERR_IDEMPOTENCY_MISMATCH' }))
    db.exec('COMMIT')
    expect([await store.get('a'), orders()]).toEqual([undefined, 1])
    expect(await store.counts()).toMatchObject([{ count: 1 }])
  })

  it('answer with the first job of their key, which may be of the same transaction', async () => {
    await store.enqueue([jobOf('first', { idempotencyKey: 'k', fingerprint: 'f' })])
    db.exec('BEGIN IMMEDIATE')
    const answers = store.enqueueWith(db, [
      jobOf('b', { idempotencyKey: 'k', fingerprint: 'f' }),
      jobOf('c', { idempotencyKey: 'l', fingerprint: 'f' }),
      jobOf('d', { idempotencyKey: 'l', fingerprint: 'f' }),
    ])
    db.exec('COMMIT')
    expect(answers.map(({ id, duplicate }) => [id, duplicate])).toEqual([
      ['first', true],
      ['c', false],
      ['c', true],
    ])
  })

  it('do not care how the connection reads rows', async () => {
    db.close()
    db = new DatabaseSync(join(folder, 'app.db'), { returnArrays: true, readBigInts: true })
    db.exec('BEGIN IMMEDIATE')
    store.enqueueWith(db, [jobOf('a', { idempotencyKey: 'k' })])
    expect(store.enqueueWith(db, [jobOf('b', { idempotencyKey: 'k', fingerprint: 'a' })])).toMatchObject([{ id: 'a' }])
    db.exec('COMMIT')
    expect(await store.counts()).toMatchObject([{ state: 'available', count: 1 }])
  })

  it('are refused without a transaction, in another file, and once the store is closed', async () => {
    expect(() => store.enqueueWith(db, [jobOf('a')])).toThrow("'db' must be in a transaction")
    const other = new DatabaseSync(':memory:')
    other.exec('BEGIN')
    expect(() => store.enqueueWith(other, [jobOf('a')])).toThrow("'db' must be connected to")
    other.close()
    order()
    await store.close()
    expect(() => store.enqueueWith(db, [jobOf('a')])).toThrow(expect.objectContaining({ code: 'ERR_STORE_UNAVAILABLE' }))
  })

  // W: 9
  it('are refused as busy when another process holds the lock, and the transaction goes on without them', async () => {
    const other = new DatabaseSync(join(folder, 'app.db'))
    db.exec('BEGIN')
    other.exec('BEGIN IMMEDIATE')
    expect(() => store.enqueueWith(db, [jobOf('a')])).toThrow(expect.objectContaining({ code: 'ERR_STORE_UNAVAILABLE' }))
    other.close()
    store.enqueueWith(db, [jobOf('a')])
    db.exec('COMMIT')
    expect((await store.get('a'))?.state).toBe('available')
  })
})

describe("a job that is completed in a caller's own transaction", () => {
  const claim = async () => {
    await store.enqueue([jobOf('a')])
    const [job] = await store.claim({ worker: 'w', leaseMs: 1000, lanes: [{ kind: 'k', target: 't', limit: 1 }] })
    return { id: job!.id, token: job!.token }
  }

  it('has succeeded when it commits, and is still under way when it rolls back', async () => {
    const fence = await claim()
    order()
    store.completeWith(db, fence, { url: 'u' })
    db.exec('ROLLBACK')
    expect(await store.get('a')).toMatchObject({ state: 'running' })
    order()
    store.completeWith(db, fence, { url: 'u' })
    db.exec('COMMIT')
    expect(await store.get('a')).toMatchObject({ state: 'succeeded', result: { url: 'u' } })
    expect(await store.counts()).toMatchObject([{ state: 'succeeded', count: 1 }])
  })

  // W: 1
  it('is not completed by who lost its lease', async () => {
    const fence = await claim()
    await store.settle([{ ...fence, type: 'rescued', delayMs: 0, reason: 'gone' }])
    await store.claim({ worker: 'v', leaseMs: 1000, lanes: [{ kind: 'k', target: 't', limit: 1 }] })
    order()
    expect(() => store.completeWith(db, fence)).toThrow(expect.objectContaining({ code: 'ERR_LEASE_LOST' }))
    db.exec('ROLLBACK')
    expect([orders(), (await store.get('a'))?.state]).toEqual([0, 'running'])
  })
})
