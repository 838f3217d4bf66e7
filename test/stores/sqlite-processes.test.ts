import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MIGRATIONS } from '../../src/stores/sqlite/migrations/index.ts'
import { sqliteStore } from '../../src/stores/sqlite/sqlite-store.ts'
import { killAll, start as startScript } from './processes.ts'
import { jobOf } from './store-process.ts'

const SCRIPT = join(import.meta.dirname, 'store-process.ts')
let folder: string
let path: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-processes-'))
  path = join(folder, 'work.db')
})
afterEach(() => {
  killAll()
  rmSync(folder, { recursive: true, force: true })
})

const start = (...args: string[]) => startScript(SCRIPT, path, ...args)

function integrity(): unknown {
  const db = new DatabaseSync(path)
  try {
    return db.prepare('PRAGMA integrity_check').get()
  } finally {
    db.close()
  }
}

describe('a SQLite file shared by processes', () => {
  // W: 1, 9
  it('gives each of 5,000 jobs to one of two processes', { timeout: 30_000 }, async () => {
    const store = sqliteStore({ path, durability: 'normal' })
    await store.open()
    const ids = Array.from({ length: 5000 }, (_, n) => `job-${String(n).padStart(5, '0')}`)
    await store.enqueue(ids.map(jobOf))
    const workers = [start('claim', 'a'), start('claim', 'b')]
    expect(await Promise.all(workers.map(({ ended }) => ended))).toEqual([0, 0])
    const taken = workers.flatMap(({ lines }) => lines)
    expect(taken.length).toBe(5000)
    expect(taken.sort()).toEqual(ids)
    expect(await store.counts()).toEqual([{ kind: 'k', target: 't', state: 'succeeded', count: 5000, oldestRunAt: 0 }])
    await store.close()
  })

  // W: 9, 10
  it('loses only what was not committed when a process is killed inside a write', { timeout: 20_000 }, async () => {
    const store = sqliteStore({ path })
    await store.open()
    await store.enqueue([jobOf('committed')])
    const hanging = start('hang')
    await hanging.said(1)
    hanging.kill()
    await hanging.ended
    await store.enqueue([jobOf('after')])
    expect((await store.list({})).items.map(({ id }) => id)).toEqual(['after', 'committed'])
    await store.close()
    expect(integrity()).toEqual({ integrity_check: 'ok' })
  })

  // W: 10, 21
  it('keeps all that was acknowledged, and whole batches only, when a process is killed at any time', {
    timeout: 30_000,
  }, async () => {
    const acknowledged: string[] = []
    for (const [round, lines] of [1, 7, 40].entries()) {
      const adding = start('add', `r${round}`)
      await adding.said(lines)
      adding.kill()
      await adding.ended
      acknowledged.push(...adding.lines.flatMap((line) => line.split(' ')))
    }
    const store = sqliteStore({ path })
    await store.open()
    for (const id of acknowledged) expect((await store.get(id))?.state).toBe('available')
    const [count] = await store.counts()
    expect((count?.count as number) % 3).toBe(0)
    await store.close()
    expect(integrity()).toEqual({ integrity_check: 'ok' })
  })

  it('is brought to its shape once, though several processes open it at the same time', { timeout: 30_000 }, async () => {
    const openers = Array.from({ length: 4 }, () => start('open'))
    expect(await Promise.all(openers.map(({ ended }) => ended))).toEqual([0, 0, 0, 0])
    const db = new DatabaseSync(path)
    expect(db.prepare('SELECT version FROM holdfast_migrations').all()).toEqual(MIGRATIONS.map(({ version }) => ({ version })))
    db.close()
  })
})
