import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { JobStore } from '../../work/store.ts'
import { sqliteStore } from './sqlite-store.ts'

let folder: string
let path: string
let store: JobStore

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-commit-'))
  path = join(folder, 'work.db')
  store = sqliteStore({ path, durability: 'full', busyTimeoutMs: 0, busyRetryMs: 300 })
  await store.open()
})
afterEach(async () => {
  await store.close()
  rmSync(folder, { recursive: true, force: true })
})

let made = 0
const job = (over: object = {}) => {
  const id = `j${String(++made).padStart(6, '0')}`
  return { id, kind: 'k', target: 't', payload: 1, priority: 0, fingerprint: 'f', idempotencyWindowMs: 1000, ...over }
}
const countOf = async (): Promise<number> => (await store.counts()).reduce((sum, { count }) => sum + count, 0)

describe('writes that come in together', () => {
  // W: 10
  it('are answered when the one commit that they share is there, as others can see', async () => {
    const db = new DatabaseSync(path)
    const seen = db.prepare('SELECT count(*) AS n FROM holdfast_jobs')
    const counts = await Promise.all(
      Array.from({ length: 600 }, async () => {
        await store.enqueue([job()])
        return seen.get()?.n as number
      }),
    )
    expect(new Set(counts)).toEqual(new Set([250, 500, 600]))
    expect(await countOf()).toBe(600)
    db.close()
  })

  // W: 6, 22
  it('are refused one by one, and nothing is left of what was refused', async () => {
    const bad = job({ idempotencyKey: 'b', payload: 1n })
    const batch = [job(), job({ idempotencyKey: 'a', fingerprint: 'other' })]
    const answers = await Promise.allSettled([
      store.enqueue([job({ idempotencyKey: 'a' })]),
      store.enqueue(batch),
      store.enqueue([bad]),
      store.enqueue([job({ idempotencyKey: 'a' })]),
      store.enqueue([job({ idempotencyKey: 'b', fingerprint: 'new' }), job()]),
    ])
    expect(answers.map((answer) => (answer.status === 'rejected' ? (answer.reason as Error).name : answer.value))).toMatchObject([
      [{ duplicate: false }],
      'HoldfastError',
      'TypeError',
      [{ duplicate: true }],
      [{ duplicate: false }, { duplicate: false }],
    ])
    expect(answers[1]).toMatchObject({ reason: { code: 'ERR_IDEMPOTENCY_MISMATCH', details: { index: 1 } } })
    expect(await store.get(batch[0]!.id)).toBeUndefined()
    expect([await countOf(), (await store.list({})).items.length]).toEqual([3, 3])
  })

  // W: 9, 21
  it('all wait while another process holds the lock, and all fail when it holds it for long', async () => {
    const other = new DatabaseSync(path)
    other.exec('BEGIN IMMEDIATE')
    const waiting = Promise.all([store.enqueue([job()]), store.enqueue([job()])])
    await new Promise((resolve) => setTimeout(resolve, 50))
    other.exec('COMMIT')
    expect(await waiting).toHaveLength(2)
    other.exec('BEGIN IMMEDIATE')
    const failed = await Promise.allSettled([store.enqueue([job()]), store.enqueue([job()])])
    for (const answer of failed)
      expect(answer).toMatchObject({ reason: { code: 'ERR_STORE_UNAVAILABLE', details: { reason: 'busy' } } })
    other.exec('COMMIT')
    other.close()
    expect(await countOf()).toBe(2)
  })

  it('are refused when the store was closed meanwhile', async () => {
    const late = store.enqueue([job()])
    await store.close()
    await expect(late).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE', details: { reason: 'closed' } })
  })
})
