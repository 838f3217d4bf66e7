/** One limit shared by processes: together they get what it allows, and no more. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { missing } from '../servers/available.ts'
import type { RedisServer } from '../servers/redis.ts'
import { startRedis } from '../servers/redis.ts'
import { killAll, start } from './processes.ts'

const SCRIPT = join(import.meta.dirname, 'shared-state-process.ts')
const INTERVAL_MS = 2
const BURST = 50

/** Four processes for a while. Answers what they got, and what the limit allows from the first grant to the last. */
async function four(
  ...where: string[]
): Promise<{ readonly granted: number; readonly allowed: number; readonly each: number[] }> {
  const processes = [1, 2, 3, 4].map(() => start(SCRIPT, ...where, String(INTERVAL_MS), String(BURST), '700'))
  expect(await Promise.all(processes.map(({ ended }) => ended))).toEqual([0, 0, 0, 0])
  const said = processes.map(({ lines }) => (lines[0] as string).split(' ').map(Number) as [number, number, number])
  const each = said.map(([granted]) => granted)
  const from = Math.min(...said.map(([, first]) => first))
  const until = Math.max(...said.map(([, , last]) => last))
  return { granted: each.reduce((sum, granted) => sum + granted, 0), allowed: BURST + (until - from) / INTERVAL_MS, each }
}

afterEach(killAll)

describe('a limit in a SQLite file', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-shared-'))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  // R: I3
  // W: 4, 9
  it('is kept by four processes together', { timeout: 30_000 }, async () => {
    const { granted, allowed, each } = await four('sqlite', join(folder, 'shared.db'), '-')
    expect(granted).toBeLessThanOrEqual(allowed)
    // On a busy machine they do not get round to asking for all of it.
    expect(granted).toBeGreaterThan(allowed / 10)
    expect(Math.min(...each)).toBeGreaterThan(0)
  })
})

describe.skipIf(missing('redis'))('a limit in Redis', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server?.stop())

  // R: I3
  // W: 4, 12
  it('is kept by four processes together', { timeout: 30_000 }, async () => {
    const { granted, allowed, each } = await four('redis', server.url, `processes-${process.pid}`)
    expect(granted).toBeLessThanOrEqual(allowed)
    // On a busy machine they do not get round to asking for all of it.
    expect(granted).toBeGreaterThan(allowed / 10)
    expect(Math.min(...each)).toBeGreaterThan(0)
  })
})
