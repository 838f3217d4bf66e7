import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { storeContract } from '../../testing/store-contract.ts'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { MIGRATIONS } from './migrations/index.ts'
import { sqliteStore } from './sqlite-store.ts'

async function openFile() {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-store-'))
  const clock = new VirtualClock()
  const make = async () => {
    const store = sqliteStore({ path: join(folder, 'work.db'), durability: 'normal', clock })
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
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function openMemory() {
  const clock = new VirtualClock()
  const store = sqliteStore({ path: ':memory:', clock })
  await store.open()
  return { store, clock, close: () => store.close() }
}

// W: 1, 6, 8, 18, 22
describe('a SQLite store on a file', () => {
  it.each(storeContract({ open: openFile }))('$name', ({ run }) => run())
})

describe('a SQLite store in memory', () => {
  it.each(storeContract({ open: openMemory }))('$name', ({ run }) => run())
})

describe('a file of the first shape', () => {
  it('is brought up to date with the jobs that it holds', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-store-'))
    const path = join(folder, 'work.db')
    const db = new DatabaseSync(path)
    db.exec(`${MIGRATIONS[0]?.sql};
      CREATE TABLE holdfast_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT;
      INSERT INTO holdfast_migrations VALUES (1, 'jobs', 0);
      INSERT INTO holdfast_jobs (id, kind, target, payload, state, priority, created_at, run_at)
        VALUES ('old', 'k', 't', '7', 'available', 0, 1, 1);
      INSERT INTO holdfast_jobs (id, kind, target, state, priority, created_at, run_at, finished_at, settled_at)
        VALUES ('done', 'k', 't', 'succeeded', 0, 1, 1, 2, 2);
      INSERT INTO holdfast_counts VALUES ('job', 'k', 't', 'available', 1), ('job', 'k', 't', 'succeeded', 1)`)
    db.close()
    const store = sqliteStore({ path })
    await store.open()
    const [job] = await store.claim({ worker: 'w', leaseMs: 1000, lanes: [{ kind: 'k', target: 't', limit: 5, perKey: 1 }] })
    expect(job).toMatchObject({ id: 'old', payload: 7, state: 'running' })
    expect(job).not.toHaveProperty('concurrencyKey')
    expect(job).not.toHaveProperty('batchId')
    expect(await store.prune({ olderThanMs: 1000, keep: 10, limit: 10 })).toBe(1)
    expect(await store.get('done')).toBeUndefined()
    await store.close()
    rmSync(folder, { recursive: true, force: true })
  })
})

describe('the folder of a SQLite store', () => {
  it('is made with those above it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-store-'))
    const store = sqliteStore({ path: join(folder, 'a', 'b', 'work.db') })
    await store.open()
    await store.close()
    rmSync(folder, { recursive: true, force: true })
  })

  // Node's recursive mkdir never comes back from there; a timeout would not help, the process is held up.
  it.runIf(process.platform === 'linux')('is told of when it cannot be made, with what to look at', async () => {
    const store = sqliteStore({ path: '/proc/nowhere/work.db' })
    await expect(store.open()).rejects.toMatchObject({
      code: 'ERR_STORE_UNAVAILABLE',
      message: expect.stringContaining("ENOENT: no such file or directory, mkdir '/proc/nowhere'"),
      hint: expect.stringContaining('Look at the disk, the path and the permissions'),
    })
    await store.close()
  })
})

describe('the options of a SQLite store', () => {
  it('are checked when it is made', () => {
    expect(() => sqliteStore({ path: '' })).toThrow("'path' must be a non-empty string")
    expect(() => sqliteStore({ path: 'x', durability: 'off' as 'full' })).toThrow("must be one of 'full', 'normal'")
    expect(() => sqliteStore({ path: 'x', busyTimeoutMs: 251 })).toThrow('must be a whole number from 0 to 250')
    expect(() => sqliteStore({ path: 'x', durable: true } as never)).toThrow("'sqliteStore.durable' is not an option")
  })
})
