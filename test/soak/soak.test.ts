import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { sqliteStore } from '../../src/stores/sqlite/sqlite-store.ts'
import { jobOf } from '../stores/store-process.ts'
import { runSoak } from './soak-run.ts'
import { sqliteScale } from './store-size.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-soak-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function fold(path: string): void {
  const db = new DatabaseSync(path, { timeout: 1000 })
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  db.close()
}

describe('what is finished', () => {
  // W: 10
  it('leaves room for what comes: the file is as large after eight rounds as after three', async () => {
    const path = join(folder, 'work.db')
    const store = sqliteStore({ path, durability: 'normal' })
    await store.open()
    const sizes: number[] = []
    for (let round = 0; round < 8; round++) {
      for (let batch = 0; batch < 2; batch++)
        await store.enqueue(
          Array.from({ length: 500 }, (_, n) => ({
            ...jobOf(`${round}-${batch}-${n}`),
            payload: 'x'.repeat(500),
            idempotencyKey: `${round}-${batch}-${n}`,
          })),
        )
      for (;;) {
        const jobs = await store.claim({ worker: 'w', leaseMs: 60_000, lanes: [{ kind: 'k', target: 't', limit: 500 }] })
        if (jobs.length === 0) break
        await store.settle(jobs.map(({ id, token }) => ({ id, token, type: 'succeeded', result: 'y'.repeat(200) })))
      }
      while ((await store.prune({ olderThanMs: 0, keep: 0, limit: 500 })) === 500);
      // The log is a part of the file that was not folded back yet, more or less of it by chance.
      fold(path)
      sizes.push(statSync(path).size)
    }
    expect(Math.max(...sizes.slice(3))).toBeLessThanOrEqual(1.05 * (sizes[2] as number))
    await store.close()
    const scale = sqliteScale(path)
    expect(await scale.weigh()).toMatchObject({ jobs: 0, keys: 0, letters: 0 })
    await scale.close()
  })
})

describe('a Holdfast under steady load', () => {
  // W: 10, 21
  it('keeps its file, its tables and its log bounded, and loses nothing', { timeout: 60_000 }, async () => {
    const retention = { olderThan: '1s', keep: 200, every: '1s' }
    const store = `sqlite:${join(folder, 'work.db')}`
    const { samples, totals } = await runSoak({
      store,
      folder,
      seconds: 4,
      rate: 250,
      sampleSeconds: 1,
      retention,
      seed: 7,
      aheadMs: 2000,
    })
    const { accepted, succeeded, discarded, lettersLeft, left, refusals } = totals
    expect({ left, refusals, accounted: succeeded + discarded + lettersLeft }).toEqual({
      left: 0,
      refusals: 0,
      accounted: accepted,
    })
    expect(accepted).toBeGreaterThan(300)
    const jobs = samples.map((sample) => sample.jobs)
    // Those that are kept, those of a second or two, and those that wait for their time.
    expect(Math.max(...jobs)).toBeLessThan(accepted)
    expect(Math.max(...samples.map(({ walBytes }) => walBytes ?? 0))).toBeLessThan(24 * 2 ** 20)
  })
})
