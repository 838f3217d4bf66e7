/**
 * How long after one process opened a breaker another holds it, in each store that processes can share: five times as many
 * rounds as the test takes. Run it by itself: node test/shared/measure.ts
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { missing } from '../servers/available.ts'
import { startPostgres } from '../servers/postgres.ts'
import { startRedis } from '../servers/redis.ts'
import { killAll } from '../stores/processes.ts'
import { staleness } from './staleness.ts'

const ROUNDS = 100
const folder = mkdtempSync(join(tmpdir(), 'holdfast-staleness-'))

async function measure(name: string, place: string): Promise<void> {
  const ms = await staleness(place, ROUNDS)
  const at = (share: number): string => String(ms[Math.min(ms.length - 1, Math.floor(ms.length * share))]).padStart(5)
  console.log(`${name.padEnd(10)} p50 ${at(0.5)} ms   p99 ${at(0.99)} ms   of ${ms.length}`)
  killAll()
}

try {
  await measure('SQLite', join(folder, 'state.db'))
  if (!missing('redis')) {
    const redis = await startRedis()
    await measure('Redis', redis.url)
    await redis.stop()
  }
  if (!missing('postgres')) {
    const postgres = await startPostgres()
    await measure('PostgreSQL', postgres.url)
    await postgres.stop()
  }
} finally {
  killAll()
  rmSync(folder, { recursive: true, force: true })
}
process.exit(0)
