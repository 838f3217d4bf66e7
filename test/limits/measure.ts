/**
 * What a shared limit costs, and by how much it is exceeded: four processes on SQLite and on Redis, each mode, as a table.
 *
 *     node test/limits/measure.ts
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startRedis } from '../servers/redis.ts'
import { runTogether } from './fleet.ts'
import { stateAt } from './limiter-process.ts'

const PROCESSES = 4
const folder = mkdtempSync(join(tmpdir(), 'holdfast-limits-'))
const redis = await startRedis()
const row = (...cells: (string | number)[]) => console.log(`| ${cells.join(' | ')} |`)
const round = (value: number, digits = 0) => value.toFixed(digits)
let files = 0

async function storeOf(name: string): Promise<string> {
  if (name === 'Redis') {
    const { Redis } = await import('ioredis')
    const client = new Redis(redis.url)
    await client.flushdb()
    await client.quit()
    return redis.url
  }
  const path = join(folder, `${files++}.db`)
  const state = stateAt(path)
  await state.open()
  await state.close()
  return path
}

try {
  row('store', 'mode', 'limit', 'allowed', 'of the bound', 'fullest stretch', 'p50 ms', 'p99 ms', 'degraded')
  for (const store of ['SQLite', 'Redis'])
    for (const shared of ['strict', 'leased'] as const)
      for (const limit of [100, 1000]) {
        const load = { shared, limit, burst: limit / 10, concurrency: 8, ms: 4000 }
        const result = await runTogether(PROCESSES, await storeOf(store), load)
        const bound = load.burst + (limit * result.ms) / 1000
        row(
          store,
          shared,
          `${limit}/s, burst ${load.burst}`,
          result.allowed,
          `${round((result.allowed / bound) * 100, 1)} %`,
          `+${round(result.excess, 1)}`,
          round(result.p50, 2),
          round(result.p99, 2),
          result.degraded,
        )
      }
  console.log()
  row('store', 'mode', 'processes', 'at once in each', 'decisions/s', 'p50 ms', 'p99 ms')
  for (const store of ['SQLite', 'Redis'])
    for (const shared of ['strict', 'leased'] as const)
      for (const concurrency of [1, 32]) {
        const load = { shared, limit: 1e9, burst: 1_000_000, batch: 1000, concurrency, ms: 1500 }
        const result = await runTogether(
          PROCESSES,
          await storeOf(store),
          shared === 'strict' ? { ...load, batch: undefined } : load,
        )
        row(
          store,
          shared,
          PROCESSES,
          concurrency,
          round((result.allowed / result.ms) * 1000),
          round(result.p50, 3),
          round(result.p99, 3),
        )
      }
} finally {
  await redis.stop()
  rmSync(folder, { recursive: true })
}
