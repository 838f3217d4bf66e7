import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SqliteStoreOptions } from '../../src/stores/sqlite/options.ts'
import { sqliteStore } from '../../src/stores/sqlite/sqlite-store.ts'
import type { JobStore } from '../../src/work/store.ts'
import type { SmallDisk } from './small-disk.ts'
import { hasSmallDisk, smallDisk } from './small-disk.ts'
import { jobOf } from './store-process.ts'

let folder: string
let path: string
let disk: SmallDisk | undefined
const stores: JobStore[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-trouble-'))
  path = join(folder, 'work.db')
})
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close()
  disk?.remove()
  disk = undefined
  rmSync(folder, { recursive: true, force: true })
})

async function opened(options: Partial<SqliteStoreOptions> = {}): Promise<JobStore> {
  const store = sqliteStore({ path, ...options })
  stores.push(store)
  await store.open()
  return store
}

const unavailable = (reason: string) => ({ code: 'ERR_STORE_UNAVAILABLE', details: { reason }, hint: expect.any(String) })
const mode = (file: string) => (statSync(file).mode & 0o777).toString(8)

describe('the file of a SQLite store', () => {
  it('is for its owner alone, with its log, its shared memory and a folder that had to be made', async () => {
    path = join(folder, 'new', 'deep', 'work.db')
    await (await opened()).check()
    expect([path, `${path}-wal`, `${path}-shm`].map(mode)).toEqual(['600', '600', '600'])
    expect(mode(join(folder, 'new'))).toBe('700')
  })

  it('is taken back from others when it was open to them', async () => {
    writeFileSync(path, '')
    chmodSync(path, 0o644)
    await opened()
    expect(mode(path)).toBe('600')
  })

  // W: 10
  it('has a log that stays small while much is written', async () => {
    const store = await opened({ durability: 'normal' })
    const text = 'x'.repeat(20_000)
    let written = 0
    let largest = 0
    for (let batch = 0; batch < 60; batch++) {
      await store.enqueue(Array.from({ length: 50 }, () => ({ ...jobOf(`job-${written++}`), payload: text })))
      largest = Math.max(largest, statSync(`${path}-wal`).size)
    }
    expect(largest).toBeLessThan(24 * 1024 * 1024)
    await store.close()
    expect(existsSync(`${path}-wal`)).toBe(false)
  })

  it('may have been brought to its shape before', async () => {
    await (await opened()).enqueue([jobOf('a')])
    expect((await (await opened()).get('a'))?.id).toBe('a')
  })

  it('is refused when a newer version wrote it', async () => {
    await (await opened()).close()
    const db = new DatabaseSync(path)
    db.exec("INSERT INTO holdfast_migrations VALUES (999, 'future', 0)")
    db.close()
    await expect(opened()).rejects.toMatchObject(unavailable('newer'))
  })

  // W: 21
  it('is refused when it is something else, and work goes on when it was replaced', async () => {
    writeFileSync(path, 'not a database, but long enough to be taken for one '.repeat(100))
    const store = sqliteStore({ path })
    stores.push(store)
    await expect(store.open()).rejects.toMatchObject(unavailable('corrupt'))
    unlinkSync(path)
    expect(await store.enqueue([jobOf('a')])).toHaveLength(1)
  })
})

describe('a SQLite store in trouble', () => {
  // W: 9
  it('waits for a lock without holding up this process, and gives up as busy', async () => {
    const store = await opened({ busyTimeoutMs: 10, busyRetryMs: 3000 })
    const hasty = await opened({ busyTimeoutMs: 0, busyRetryMs: 60 })
    const other = new DatabaseSync(path)
    other.exec('BEGIN IMMEDIATE')
    let longest = 0
    let last = performance.now()
    const pulse = setInterval(() => {
      longest = Math.max(longest, performance.now() - last)
      last = performance.now()
    }, 5)
    const added = store.enqueue([jobOf('a')])
    await expect(hasty.enqueue([jobOf('b')])).rejects.toMatchObject(unavailable('busy'))
    await new Promise((resolve) => setTimeout(resolve, 300))
    other.exec('COMMIT')
    other.close()
    expect(await added).toEqual([{ id: 'a', state: 'available', duplicate: false }])
    clearInterval(pulse)
    expect(longest).toBeLessThan(200)
    expect(await store.get('b')).toBeUndefined()
  })

  // W: 21
  it('says that its file is gone rather than write into nothing, and goes on when it is back', async () => {
    const store = await opened()
    await store.enqueue([jobOf('before')])
    mkdirSync(join(folder, 'away'))
    const files = ['work.db', 'work.db-wal', 'work.db-shm'].filter((name) => existsSync(join(folder, name)))
    for (const name of files) renameSync(join(folder, name), join(folder, 'away', name))
    await expect(store.enqueue([jobOf('lost')])).rejects.toMatchObject(unavailable('gone'))
    await expect(store.enqueue([jobOf('lost')])).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
    expect(existsSync(path)).toBe(false)
    for (const name of files.filter((one) => existsSync(join(folder, 'away', one))))
      renameSync(join(folder, 'away', name), join(folder, name))
    await store.enqueue([jobOf('after')])
    expect((await store.list({})).items.map(({ id }) => id)).toEqual(['after', 'before'])
  })
})

// Mounting needs root: elsewhere these two are skipped.
describe.skipIf(!hasSmallDisk())('a SQLite store on a small disk', () => {
  // W: 21
  it('refuses what does not fit, keeps what it acknowledged, and goes on when there is room', { timeout: 20_000 }, async () => {
    disk = smallDisk() as SmallDisk
    path = join(disk.path, 'work.db')
    const filler = join(disk.path, 'filler')
    writeFileSync(filler, Buffer.alloc(800_000))
    const store = await opened()
    const acknowledged: string[] = []
    const batch = (round: number) => [0, 1].map((n) => ({ ...jobOf(`job-${round}-${n}`), payload: 'x'.repeat(30_000) }))
    let failed: unknown
    let round = 0
    for (; failed === undefined && round < 100; round++) {
      const jobs = batch(round)
      await store.enqueue(jobs).then(
        () => acknowledged.push(...jobs.map(({ id }) => id)),
        (error: unknown) => {
          failed = error
        },
      )
    }
    expect(failed).toMatchObject(unavailable('full'))
    expect(acknowledged.length).toBeGreaterThan(0)
    expect((await store.list({ limit: 1000 })).items.map(({ id }) => id).reverse()).toEqual(acknowledged)
    await expect(store.enqueue(batch(round))).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
    unlinkSync(filler)
    await store.enqueue(batch(round))
    await store.check()
    expect((await store.counts())[0]?.count).toBe(acknowledged.length + 2)
  })

  // W: 21
  it('refuses writes while its disk is read-only, and goes on when it is not', async () => {
    disk = smallDisk() as SmallDisk
    path = join(disk.path, 'work.db')
    await (await opened()).enqueue([jobOf('before')])
    // A disk cannot turn read-only under an open file, so this store meets it as it opens; its callers open it no second time.
    await stores.pop()?.close()
    disk.setReadOnly(true)
    const store = sqliteStore({ path })
    stores.push(store)
    await expect(store.open()).rejects.toMatchObject(unavailable('read-only'))
    await expect(store.enqueue([jobOf('lost')])).rejects.toMatchObject(unavailable('read-only'))
    await expect(store.check()).rejects.toMatchObject(unavailable('read-only'))
    disk.setReadOnly(false)
    await store.check()
    await store.enqueue([jobOf('after')])
    expect((await store.list({})).items.map(({ id }) => id)).toEqual(['after', 'before'])
  })
})
