/** Schedules carried out by several processes' worth of schedulers, each with a connection of its own to a real store. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { Clock } from '../../src/core/clock.ts'
import { sleep, systemClock } from '../../src/core/clock.ts'
import { EventBus } from '../../src/core/events.ts'
import { postgresStore } from '../../src/stores/postgres/postgres-store.ts'
import { sqliteStore } from '../../src/stores/sqlite/sqlite-store.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { defineKind, kindTable } from '../../src/work/kind.ts'
import { JobQueue } from '../../src/work/queue.ts'
import type { Schedule } from '../../src/work/schedules/schedule.ts'
import { defineSchedule } from '../../src/work/schedules/schedule.ts'
import { Scheduler } from '../../src/work/schedules/scheduler.ts'
import type { JobStore } from '../../src/work/store.ts'
import { missing } from '../servers/available.ts'
import { startPostgres } from '../servers/postgres.ts'
import { dropSchema, freshSchema } from './postgres-schema.ts'

const kinds = kindTable([defineKind({ name: 'k', target: 't', handler: () => {} })])

async function schedulerOn(store: JobStore, clock: Clock, schedules: readonly Schedule[]): Promise<Scheduler> {
  await store.open()
  const events = new EventBus()
  return new Scheduler({ store, clock, events, schedules, queue: new JobQueue({ store, kinds, clock, events }) })
}

const keysIn = async (store: JobStore): Promise<string[]> =>
  (await store.list({ limit: 1000 })).items.map(({ idempotencyKey }) => idempotencyKey ?? '').sort()

it('in a SQLite file: each time is done once, and a pause by one holds for all', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-schedules-'))
  const clock = new VirtualClock()
  const stores = [1, 2, 3].map(() => sqliteStore({ path: join(folder, 'work.db'), durability: 'normal', clock }))
  const schedules = [defineSchedule({ name: 's', every: '10m', kind: 'k' })]
  const schedulers = []
  for (const store of stores) schedulers.push(await schedulerOn(store, clock, schedules))
  for (const scheduler of schedulers) scheduler.start()
  await clock.advance(3_600_000)
  expect(new Set(await keysIn(stores[0]!)).size).toBe(6)
  expect(await keysIn(stores[0]!)).toHaveLength(6)
  await schedulers[1]!.pause('s')
  await clock.advance(3_600_000)
  expect(await keysIn(stores[0]!)).toHaveLength(6)
  await schedulers[2]!.resume('s')
  await clock.advance(1_200_000)
  expect(await keysIn(stores[0]!)).toHaveLength(8)
  for (const scheduler of schedulers) await scheduler.stop()
  for (const store of stores) await store.close()
  rmSync(folder, { recursive: true, force: true })
})

// In real time: a server has a clock of its own.
it.skipIf(missing('postgres'))("in PostgreSQL: each time is done once, by the server's clock", { timeout: 60_000 }, async () => {
  const server = await startPostgres()
  const schema = freshSchema()
  const stores = [1, 2, 3].map(() => postgresStore({ url: server.url, schema, notify: false }))
  const schedules = [defineSchedule({ name: 's', every: '1s', kind: 'k' })]
  // One of the hosts is an hour behind.
  const behind: Clock = { ...systemClock, wallNow: () => systemClock.wallNow() - 3_600_000 }
  const schedulers = []
  for (const [n, store] of stores.entries()) schedulers.push(await schedulerOn(store, n === 0 ? behind : systemClock, schedules))
  const before = await stores[0]!.now()
  for (const scheduler of schedulers) scheduler.start()
  await sleep(systemClock, 2300)
  for (const scheduler of schedulers) await scheduler.stop()
  const after = await stores[0]!.now()
  const keys = await keysIn(stores[0]!)
  expect(new Set(keys).size).toBe(keys.length)
  expect(keys.length).toBeGreaterThanOrEqual(2)
  for (const key of keys) {
    const at = Date.parse(key.slice('schedule:s:'.length))
    expect(at).toBeGreaterThan(before)
    expect(at).toBeLessThanOrEqual(after)
  }
  for (const store of stores) await store.close()
  await dropSchema(server.url, schema)
  await server.stop()
})
