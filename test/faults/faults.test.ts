import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { missing } from '../servers/available.ts'
import { startPostgres } from '../servers/postgres.ts'
import { freshSchema } from '../stores/postgres-schema.ts'
import { rounds } from './rounds.ts'
import type { StoreAddress } from './store-address.ts'
import type { TrialResult } from './trial.ts'
import { runTrial } from './trial.ts'

/** Another one each time; `npm run faults -- --seed N` plays a seed again, at length. */
const seed = Math.floor(Math.random() * 1e6)
const scale = { seed, rounds: 4, workers: 3, leaseMs: 1000 }

function play(address: StoreAddress): Promise<TrialResult> {
  return runTrial({ name: 'a few rounds', address, jobs: 200, ...scale, longJobs: 0.005, trouble: rounds(scale) })
}

/** Every job once, whatever happened to its workers. */
function expectKept(result: TrialResult): void {
  expect(result.offences, `seed ${seed}`).toEqual([])
  expect(result).toMatchObject({ jobs: 200, lost: 0, completedTwice: 0 })
  expect(result.duplicates).toBe(result.explained + result.late)
  expect(result.kills + result.stops).toBe(4)
}

describe.concurrent('workers that are killed and stopped at random moments', () => {
  // W: 1, 2, 3, 5
  it('lose no job and complete none twice on SQLite', { timeout: 60_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-faults-'))
    try {
      expectKept(await play({ kind: 'sqlite', path: join(folder, 'work.db'), durability: 'normal' }))
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  // W: 1, 2, 3, 5, 11
  it.skipIf(missing('postgres'))('lose no job and complete none twice on PostgreSQL', { timeout: 60_000 }, async () => {
    const server = await startPostgres()
    try {
      expectKept(await play({ kind: 'postgres', url: server.url, schema: freshSchema() }))
    } finally {
      await server.stop()
    }
  })
})
