import { describe, expect, it } from 'vitest'
import { EventBus, type HoldfastEvent } from '../core/events.ts'
import { seededRandom } from '../core/random.ts'
import { memoryStore } from '../stores/memory/memory-store.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import type { Job } from './job.ts'
import type { KindOptions } from './kind.ts'
import { defineKind, kindTable } from './kind.ts'
import { JobQueue } from './queue.ts'
import { Rescuer } from './rescuer.ts'
import type { JobStore, WorkerRow } from './store.ts'

const MINUTE = 60_000
const row = (more: Partial<WorkerRow> = {}): WorkerRow => {
  const { host, pid, bootId } = { host: 'here', pid: 7, bootId: 'b', ...more }
  return { id: `${host}:${pid}:${bootId}`, host, pid, bootId, startedAt: 0, seenAt: 0 }
}

async function setUp(kind: Partial<KindOptions> = {}, more: { alive?: number[]; isOurs?: (id: string) => boolean } = {}) {
  const clock = new VirtualClock()
  const store = memoryStore({ clock })
  await store.open()
  const bus = new EventBus()
  const events: HoldfastEvent[] = []
  bus.observe((event) => events.push(event))
  const kinds = kindTable([defineKind({ name: 'k', target: 't', handler: () => {}, ...kind })])
  const queue = new JobQueue({ store, kinds, clock, events: bus })
  const rescuer = new Rescuer({
    store,
    kinds,
    clock,
    random: seededRandom(1),
    events: bus,
    identity: { host: 'here', pid: 100, bootId: 'now' },
    isAlive: (pid) => more.alive?.includes(pid) ?? false,
    ...(more.isOurs === undefined ? {} : { isOurs: more.isOurs }),
  })
  return { clock, store, events, queue, rescuer }
}

/** A worker claims so many jobs and is never heard of again. */
async function leaveBehind(store: JobStore, queue: JobQueue, count: number, worker = row()): Promise<readonly Job[]> {
  if (count > 0) await queue.enqueue(Array.from({ length: count }, () => ({ kind: 'k', payload: {} })))
  return claimAll(store, worker)
}

async function claimAll(store: JobStore, worker = row()): Promise<readonly Job[]> {
  await store.renew(worker, 30_000, [])
  return store.claim({ worker: worker.id, leaseMs: 30_000, lanes: [{ kind: 'k', target: 't', limit: 1000 }] })
}

describe('recovery at the start', () => {
  // R: R6
  // W: 2, 3
  it('frees at once what a dead process of this host and an earlier boot of this pid left behind', async () => {
    // Our own pid is alive, of course.
    const { store, queue, rescuer, events } = await setUp({}, { alive: [100] })
    const dead = await leaveBehind(store, queue, 2)
    const boot = await leaveBehind(store, queue, 1, row({ pid: 100, bootId: 'before' }))
    expect(await rescuer.recover()).toEqual({ recovered: 3, requeued: 3, parked: 0, poison: 0, deadLetters: 0 })
    for (const { id } of [...dead, ...boot])
      expect(await store.get(id)).toMatchObject({ state: 'available', attempts: 0, lostLeases: 1 })
    expect(await store.workers()).toEqual([])
    expect(events.at(-1)).toMatchObject({ type: 'worker.recovered', worker: 'here:100:now', recovered: 3, requeued: 3 })
    expect(events.filter((event) => event.type === 'job.rescued')).toHaveLength(3)
  })

  // W: 2
  it('leaves alone what a live process holds, until its lease has long ended', async () => {
    const { clock, store, queue, rescuer } = await setUp({}, { alive: [7] })
    const [job] = await leaveBehind(store, queue, 1)
    expect((await rescuer.recover()).recovered).toBe(0)
    await clock.advance(29 * MINUTE)
    expect((await rescuer.recover()).recovered).toBe(0)
    // R: R6
    await clock.advance(MINUTE)
    expect((await rescuer.recover()).recovered).toBe(1)
    expect((await store.get(job!.id))?.state).toBe('available')
  })

  it('takes over what a live worker has let go of', async () => {
    const { clock, store, queue, rescuer } = await setUp({}, { alive: [7] })
    await leaveBehind(store, queue, 1)
    await clock.advance(31_000)
    expect((await rescuer.recover()).recovered).toBe(0)
    await store.renew(row(), 30_000, [])
    expect((await rescuer.recover()).recovered).toBe(1)
  })

  it('goes by the lease alone where it cannot ask: on another host', async () => {
    const { clock, store, queue, rescuer } = await setUp()
    await leaveBehind(store, queue, 1, row({ host: 'there' }))
    expect((await rescuer.recover()).recovered).toBe(0)
    await clock.advance(30_000)
    expect((await rescuer.recover()).recovered).toBe(1)
    expect(await store.workers()).toHaveLength(1)
    await clock.advance(61 * MINUTE)
    await rescuer.recover()
    expect(await store.workers()).toEqual([])
  })

  // T: 8
  // W: 1, 4
  it('takes nothing from live workers when the clock was set forward or the machine slept, and still from dead ones', async () => {
    const { clock, store, queue, rescuer } = await setUp({}, { alive: [7] })
    const [neighbour] = await leaveBehind(store, queue, 1)
    const [stranger] = await leaveBehind(store, queue, 1, row({ host: 'there' }))
    expect((await rescuer.recover()).recovered).toBe(0)
    const [lost] = await leaveBehind(store, queue, 1, row({ pid: 8 }))
    clock.stepWall(2 * 3_600_000)
    expect((await rescuer.recover()).recovered).toBe(1)
    expect((await store.get(lost!.id))?.state).toBe('available')
    for (const { id } of [neighbour!, stranger!]) expect((await store.get(id))?.state).toBe('running')
    expect(await store.workers()).toHaveLength(2)
    // One of them is heard of again in time, the other one is not.
    await store.renew(row(), 30_000, [{ id: neighbour!.id, token: 1 }])
    await clock.advance(30_000 - 1)
    expect((await rescuer.recover()).recovered).toBe(0)
    await clock.advance(1)
    expect((await rescuer.recover()).recovered).toBe(1)
    expect((await store.get(neighbour!.id))?.state).toBe('running')
  })

  it('never takes what this process works on', async () => {
    const { clock, store, queue, rescuer } = await setUp({}, { isOurs: () => true })
    await leaveBehind(store, queue, 1, row({ pid: 100, bootId: 'now' }))
    await clock.advance(24 * 60 * MINUTE)
    expect((await rescuer.recover()).recovered).toBe(0)
  })

  it('leaves kinds that it does not know to others', async () => {
    const { store, queue, rescuer } = await setUp()
    const [job] = await leaveBehind(store, queue, 1)
    const { abandoned } = store
    store.abandoned = async (...args) => (await abandoned.apply(store, args)).map((found) => ({ ...found, kind: 'other' }))
    expect((await rescuer.recover()).recovered).toBe(0)
    expect((await store.get(job!.id))?.state).toBe('running')
  })

  // R: R6
  it('counts the dead letters that wait', async () => {
    const { store, queue, rescuer } = await setUp()
    const [job] = await leaveBehind(store, queue, 1)
    const error = { name: 'Error', message: 'no' }
    await store.settle([{ id: job!.id, token: job!.token, type: 'dead', cause: 'attempts', error, targetDown: false }])
    expect((await rescuer.recover()).deadLetters).toBe(1)
  })

  // R: R6
  it('that fails does not stop the start', async () => {
    const { store, rescuer, events } = await setUp()
    await store.close()
    expect(await rescuer.recover()).toMatchObject({ recovered: 0, error: { code: 'ERR_STORE_UNAVAILABLE' } })
    expect(events.at(-1)).toMatchObject({
      type: 'worker.recovered',
      recovered: 0,
      error: { message: expect.any(String) as string },
    })
  })

  it('goes through more than one batch', async () => {
    const { store, queue, rescuer } = await setUp()
    await leaveBehind(store, queue, 1001)
    await claimAll(store)
    expect((await rescuer.recover()).recovered).toBe(1001)
  })
})

describe('rescue', () => {
  // W: 5
  it('follows the kind where nobody knows what took effect', async () => {
    const parking = await setUp({ onUnknown: 'park' })
    const [parked] = await leaveBehind(parking.store, parking.queue, 1)
    expect(await parking.rescuer.recover()).toMatchObject({ recovered: 1, requeued: 0, parked: 1 })
    expect((await parking.store.get(parked!.id))?.state).toBe('parked')

    const answers = ['done', 'notDone', 'unknown', 'nonsense'] as const
    let asked = 0
    const verifying = await setUp({ onUnknown: 'verify', verify: () => answers[asked++] as 'done' })
    const jobs = await leaveBehind(verifying.store, verifying.queue, 4)
    await verifying.rescuer.recover()
    const states = await Promise.all(jobs.map(async ({ id }) => (await verifying.store.get(id))?.state))
    expect(states).toEqual(['succeeded', 'available', 'parked', 'parked'])
  })

  it('parks what a verify cannot tell in time', async () => {
    const { clock, store, queue, rescuer } = await setUp({ onUnknown: 'verify', verify: () => new Promise(() => {}) })
    const [job] = await leaveBehind(store, queue, 1)
    const recovery = rescuer.recover()
    await clock.advance(30_000)
    await recovery
    expect((await store.get(job!.id))?.state).toBe('parked')
  })

  // W: 8
  it('sets a job aside as poison when its workers vanish again and again', async () => {
    const { clock, store, queue, rescuer } = await setUp()
    const [job] = await leaveBehind(store, queue, 1)
    await rescuer.rescue()
    for (let loss = 2; loss <= 3; loss++) {
      await clock.advance(10_000)
      await claimAll(store)
      expect(await rescuer.rescue()).toMatchObject(loss < 3 ? { requeued: 1 } : { requeued: 0, poison: 1 })
    }
    expect((await store.get(job!.id))?.state).toBe('dead')
    expect((await queue.deadLetters()).items).toMatchObject([{ cause: 'poison', status: 'exhausted' }])
    const lastError = { message: 'its worker vanished 3 times while it ran' }
    expect((await queue.list({ state: 'dead' })).items).toMatchObject([{ lostLeases: 3, lastError }])
  })

  // W: 7, 8
  it('does not blame the jobs that only ran beside the poison', async () => {
    const { clock, store, queue, rescuer } = await setUp()
    await leaveBehind(store, queue, 10)
    for (let loss = 1; loss <= 5; loss++) {
      expect(await rescuer.rescue()).toMatchObject({ requeued: 10, poison: 0 })
      await clock.advance(60_000)
      await claimAll(store)
    }
  })

  it('goes on by itself, though the store is away for a while', async () => {
    const { clock, store, queue, rescuer } = await setUp()
    const { workers } = store
    let isAway = true
    store.workers = () => (isAway ? Promise.reject(new Error('away')) : workers.call(store))
    const [job] = await leaveBehind(store, queue, 1)
    rescuer.start()
    await clock.advance(60_000)
    isAway = false
    await clock.advance(10_000)
    expect((await store.get(job!.id))?.state).toBe('available')
    await rescuer.stop()
    expect(clock.pendingTimers({ includeIdle: true })).toBe(0)
  })
})
