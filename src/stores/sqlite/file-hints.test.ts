/** On real files and real time: what is tested is what the system tells of them. */
import { mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { NewJob } from '../../work/job.ts'
import type { SqliteStore } from './sqlite-store.ts'
import { sqliteStore } from './sqlite-store.ts'

let folder: string
let open: SqliteStore[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-hints-'))
  open = []
})
afterEach(async () => {
  for (const store of open) await store.close()
  rmSync(folder, { recursive: true, force: true })
})

async function storeOn(name = 'a.db'): Promise<SqliteStore> {
  const store = sqliteStore({ path: join(folder, name), durability: 'normal' })
  await store.open()
  open.push(store)
  return store
}

const job = (id: string): NewJob => ({
  id,
  kind: 'mail',
  target: 'smtp',
  payload: {},
  priority: 0,
  fingerprint: '',
  idempotencyWindowMs: 1000,
})

const soon = { timeout: 3000, interval: 2 }

describe('a SQLite store', () => {
  // W: 19
  it('hears soon of work that another connection enqueued', async () => {
    const [ours, theirs] = [await storeOn(), await storeOn()]
    const heard = vi.fn<() => void>()
    ours.onWork(heard)
    for (let n = 1; n <= 5; n++) {
      heard.mockClear()
      await theirs.enqueue([job(`j${n}`)])
      await vi.waitFor(() => expect(heard).toHaveBeenCalled(), soon)
    }
  })

  it('takes nothing of its own for news, and a burst of others for few', async () => {
    const [ours, theirs] = [await storeOn(), await storeOn()]
    await ours.enqueue([job('first')])
    const heard = vi.fn<() => void>()
    ours.onWork(heard)
    await ours.writeState('a', 1)
    await theirs.now()
    for (let n = 0; n < 200; n++) await theirs.enqueue([job(`j${n}`)])
    await vi.waitFor(() => expect(heard).toHaveBeenCalled(), soon)
    expect(heard.mock.calls.length).toBeLessThan(200)
  })

  it('still hears after the file was put aside and put back', async () => {
    const ours = await storeOn()
    const heard = vi.fn<() => void>()
    ours.onWork(heard)
    const path = join(folder, 'a.db')
    const aside = (from: string, to: string): void => {
      for (const end of ['', '-wal', '-shm']) renameSync(`${from}${end}`, `${to}${end}`)
    }
    aside(path, `${path}.aside`)
    await expect(ours.enqueue([job('lost')])).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
    aside(`${path}.aside`, path)
    await ours.check()
    const theirs = await storeOn()
    await vi.waitFor(async () => {
      await theirs.enqueue([job(`j${Math.random()}`)])
      expect(heard).toHaveBeenCalled()
    }, soon)
  })

  it('keeps quiet once it is closed', async () => {
    const [ours, theirs] = [await storeOn(), await storeOn()]
    const heard = vi.fn<() => void>()
    ours.onWork(heard)
    await ours.close()
    await theirs.enqueue([job('j')])
    expect(heard).not.toHaveBeenCalled()
  })
})
