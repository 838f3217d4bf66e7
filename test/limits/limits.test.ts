import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { missing } from '../servers/available.ts'
import { type RedisServer, startRedis } from '../servers/redis.ts'
import { killAll } from '../stores/processes.ts'
import { excessOf, runTogether } from './fleet.ts'
import { stateAt } from './limiter-process.ts'

const PROCESSES = 4
const LIMIT = 400
const BURST = 40
const BATCH = 4

it('the fullest stretch of a list of calls is known', () => {
  expect(excessOf([0, 0, 0, 0, 0], 1000, 5)).toBe(0)
  expect(excessOf([0, 0, 0, 0, 0, 0, 0], 1000, 5)).toBe(2)
  expect(excessOf([0, 0, 0, 0, 0, 1, 2, 3], 1000, 5)).toBe(0)
  expect(excessOf([0, 0, 0, 0, 0, 1, 2, 2.5], 1000, 5)).toBeCloseTo(0.5)
})

describe.each(['SQLite', 'Redis'])('four processes under one limit on %s', (name) => {
  const skip = name === 'Redis' && missing('redis')
  let folder = ''
  let redis: RedisServer | undefined

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-limits-'))
    if (name === 'Redis' && !skip) redis = await startRedis()
  })
  afterAll(async () => {
    killAll()
    await redis?.stop()
    rmSync(folder, { recursive: true })
  })

  // R: I3
  for (const shared of ['strict', 'leased'] as const)
    it.skipIf(skip)(`never get more than it gives, ${shared}`, async () => {
      const store = redis?.url ?? join(folder, `${shared}.db`)
      if (redis === undefined) {
        const state = stateAt(store)
        await state.open()
        await state.close()
      }
      const load = { shared, limit: LIMIT, burst: BURST, concurrency: 4, ms: 1000, name: shared }
      const all = await runTogether(PROCESSES, store, shared === 'strict' ? load : { ...load, batch: BATCH })
      expect(all.degraded).toBe(0)
      // What is used was granted, and what was granted is bounded by the store's clock. A tick more for its rounding.
      expect(all.allowed).toBeLessThanOrEqual(BURST + (LIMIT * (all.ms + 2)) / 1000)
      expect(all.allowed).toBeGreaterThan(BURST)
      // By the clocks of the callers an answer that is late moves a call, and tokens in hand are of an earlier moment.
      const late = (LIMIT * all.longest) / 1000
      expect(all.excess).toBeLessThanOrEqual(late + (shared === 'strict' ? 0 : PROCESSES * BATCH) + 1)
    })
})
