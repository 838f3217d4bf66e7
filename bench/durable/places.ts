/** The servers of a run, with their usual promises of durability, and a fresh place on them for each measurement. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { prepareServers } from '../../test/servers/install.ts'
import { startPostgres } from '../../test/servers/postgres.ts'
import { startRedis } from '../../test/servers/redis.ts'
import type { Entry } from './systems.ts'

export interface Places {
  fresh(kind: Entry['place']): Promise<string>
  close(): Promise<void>
}

export async function openPlaces(): Promise<Places> {
  const lacking = prepareServers(['postgres', 'redis'], console.error).filter(({ lack }) => lack !== undefined)
  if (lacking.length > 0) throw new Error(lacking.map(({ name, lack }) => `${name}: ${lack}`).join('\n'))
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-durable-'))
  const postgres = await startPostgres({ durable: true })
  let redis = await startRedis({ durable: true })
  const admin = new pg.Client({ connectionString: postgres.url })
  await admin.connect()
  let number = 0
  return {
    async fresh(kind) {
      number++
      if (kind === 'sqlite') return join(folder, `${number}.db`)
      if (kind === 'postgres') {
        // What the last measurement left dirty is not this one's to write.
        await admin.query('checkpoint')
        await admin.query(`create database bench_${number}`)
        return postgres.url.replace(/\/[^/]*$/, `/bench_${number}`)
      }
      await redis.stop()
      redis = await startRedis({ durable: true })
      return redis.url
    },
    async close() {
      await admin.end()
      await Promise.all([postgres.stop(), redis.stop()])
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
