/** Concurrency keys and batches, among processes of which one is killed. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { missing } from '../servers/available.ts'
import { startPostgres } from '../servers/postgres.ts'
import { storeOf, TARGETS } from './keyed-process.ts'
import { dropSchema, freshSchema } from './postgres-schema.ts'
import { killAll, type Running, start } from './processes.ts'

const SCRIPT = join(import.meta.dirname, 'keyed-process.ts')
const JOBS = 160

async function onSqlite(run: (where: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-keys-'))
  await run(`sqlite:${join(folder, 'work.db')}`).finally(() => rmSync(folder, { recursive: true, force: true }))
}

async function onPostgres(run: (where: string) => Promise<void>): Promise<void> {
  const server = await startPostgres()
  const schema = freshSchema()
  try {
    await run(`${server.url}#${schema}`)
  } finally {
    await dropSchema(server.url, schema)
    await server.stop()
  }
}

async function play(where: string): Promise<void> {
  const store = storeOf(where)
  await store.open()
  const about = { priority: 0, fingerprint: '', idempotencyWindowMs: 0 }
  const jobs = Array.from({ length: JOBS }, (_, n) => ({
    id: `job-${String(n).padStart(4, '0')}`,
    kind: 'k',
    target: TARGETS[n % TARGETS.length] as string,
    payload: n,
    concurrencyKey: `key ${n % 20}`,
    ...about,
  }))
  const callback = { id: 'the-callback', kind: 'report', target: 'desk', payload: {}, ...about }
  const [victim, ...others] = ['w0', 'w1', 'w2'].map((name) => start(SCRIPT, where, name)) as [Running, Running, Running]
  // All look for work before there is any: who starts last would find nothing left.
  await Promise.all([victim, ...others].map((process) => process.said(1)))
  await store.enqueueBatch({ id: 'the-batch', callback }, jobs)
  while (!victim.lines.some((line) => /^took [1-9]/.test(line))) await victim.said(victim.lines.length + 1)
  victim.kill()
  await victim.ended
  // Its keys are held until somebody takes up what it left behind.
  const left = await store.abandoned(['w0'], 100)
  await store.settle(left.map(({ id, token }) => ({ id, token, type: 'rescued', delayMs: 0, reason: 'killed' })))
  expect(await Promise.all(others.map(({ ended }) => ended))).toEqual([0, 0])
  const lines = others.flatMap((process) => process.lines)
  expect(lines.filter((line) => line.startsWith('over'))).toEqual([])
  expect(lines.filter((line) => line === 'ended')).toHaveLength(1)
  const summary = { id: 'the-batch', total: JOBS, succeeded: JOBS, dead: 0, cancelled: 0 }
  expect(await store.batch('the-batch')).toMatchObject({ ...summary, pending: 0 })
  expect((await store.list({ kind: 'report' })).items).toMatchObject([{ id: 'the-callback', payload: { batch: summary } }])
  await store.close()
}

afterEach(killAll)

// W: 1, 2
describe('processes that share concurrency keys and a batch, of which one is killed', () => {
  it('never run more with a key than may, and end the batch once, on SQLite', { timeout: 30_000 }, () => onSqlite(play))

  it.skipIf(missing('postgres'))(
    'never run more with a key than may, and end the batch once, on PostgreSQL',
    { timeout: 60_000 },
    () => onPostgres(play),
  )
})
