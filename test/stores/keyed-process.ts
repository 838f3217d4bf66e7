/**
 * A process that works on jobs with concurrency keys until their batch has ended, for tests that need several or kill one.
 * Usage: node keyed-process.ts STORE WORKER. Says `over KEY` when more run with a key than may, `ended` when it ended the batch.
 */
import { writeSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { postgresStore } from '../../src/stores/postgres/postgres-store.ts'
import { sqliteStore } from '../../src/stores/sqlite/sqlite-store.ts'
import type { JobStore, WorkerRow } from '../../src/work/store.ts'

const BATCH = 'the-batch'
export const TARGETS: readonly string[] = ['t0', 't1', 't2']

/** `sqlite:PATH`, or the URL and the schema of a server. */
export function storeOf(where: string): JobStore {
  const [, path] = /^sqlite:(.*)/.exec(where) ?? []
  if (path !== undefined) return sqliteStore({ path, durability: 'normal', busyRetryMs: 20_000 })
  const [url = '', schema = ''] = where.split('#')
  return postgresStore({ url, schema, poolSize: 2 })
}

async function work(where: string, name: string): Promise<void> {
  const store = storeOf(where)
  await store.open()
  const row: WorkerRow = { id: name, host: 'here', pid: process.pid, bootId: name, startedAt: 0, seenAt: 0 }
  await store.renew(row, 60_000, [])
  const lanes = TARGETS.map((target) => ({ kind: 'k', target, limit: 4, perKey: 1 }))
  while ((await store.batch(BATCH))?.completedAt === undefined) {
    const jobs = await store.claim({ worker: name, leaseMs: 60_000, lanes })
    for (const { key, count } of await store.runningKeys()) if (count > 1) say(`over ${key}`)
    say(`took ${jobs.length}`)
    await pause(20)
    const refused = await store.settle(jobs.map(({ id, token }) => ({ id, token, type: 'succeeded' as const })))
    if (refused.length > 0) throw new Error(`refused: ${refused.join()}`)
    if ((await store.completeBatches([BATCH])).length > 0) say('ended')
  }
  await store.close()
}

function say(line: string): void {
  writeSync(1, `${line}\n`)
}

if (process.argv[1] === import.meta.filename) await work(process.argv[2] as string, process.argv[3] as string)
