import { describe, expect, it } from 'vitest'
import type { HoldfastEvent } from '../../core/events.ts'
import { EventBus } from '../../core/events.ts'
import { memoryStore } from '../../stores/memory/memory-store.ts'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { defineKind, kindTable } from '../kind.ts'
import { JobQueue } from '../queue.ts'
import type { JobStore } from '../store.ts'
import type { ScheduleOptions } from './schedule.ts'
import { defineSchedule } from './schedule.ts'
import { Scheduler } from './scheduler.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** Of 2026: a Thursday, midnight in UTC. */
const START = Date.UTC(2026, 0, 1)

const kinds = kindTable([
  defineKind({
    name: 'report',
    target: 't',
    handler: () => {},
    idempotencyWindow: '1s',
    validate: (payload) => {
      if (payload === 'bad') throw new Error('it is bad')
    },
  }),
])

interface World {
  readonly clock: VirtualClock
  readonly store: JobStore
}

async function makeWorld(wallNow = START): Promise<World> {
  const clock = new VirtualClock({ wallNow })
  const store = memoryStore({ clock })
  await store.open()
  return { clock, store }
}

/** One process: a scheduler of its own on a store that others may share. */
function processOn({ store, clock }: World, ...schedules: Partial<ScheduleOptions>[]) {
  const bus = new EventBus()
  const events: HoldfastEvent[] = []
  bus.observe((event) => events.push(event))
  const queue = new JobQueue({ store, kinds, clock, events: bus })
  const scheduler = new Scheduler({
    store,
    queue,
    clock,
    events: bus,
    schedules: schedules.map((options) => defineSchedule({ name: 's', kind: 'report', ...options })),
  })
  const told = (type: string) => events.filter((event) => event.type === type)
  return { scheduler, events, told }
}

/** The times for which jobs were made, as hours and minutes after the start. */
async function timesIn({ store }: World): Promise<string[]> {
  const { items } = await store.list({ limit: 1000 })
  const keys = items.map(({ idempotencyKey }) => idempotencyKey?.split(':').slice(2).join(':') ?? '')
  return keys.sort().map((iso) => iso.replace('2026-01-', '').replace(':00.000Z', ''))
}

async function begin(world: World, ...schedules: Partial<ScheduleOptions>[]) {
  const process = processOn(world, ...schedules)
  process.scheduler.start()
  await world.clock.advance(0)
  return process
}

/** The same store, but for what one process asks of it. */
function withEnqueue(store: JobStore, enqueue: JobStore['enqueue']): JobStore {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = name === 'enqueue' ? enqueue : Reflect.get(target, name)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

describe('a scheduler', () => {
  it('makes one job at each time, with its key and what its payload says of the time', async () => {
    const world = await makeWorld()
    const { told } = await begin(world, {
      cron: '0 */6 * * *',
      payload: ({ schedule, at }) => `${schedule} ${(at - START) / HOUR}`,
    })
    await world.clock.advance(DAY)
    expect(await timesIn(world)).toEqual(['01T06:00', '01T12:00', '01T18:00', '02T00:00'])
    const { items } = await world.store.list({})
    expect(items[0]).toMatchObject({
      payload: 's 24',
      idempotencyKey: 'schedule:s:2026-01-02T00:00:00.000Z',
      createdAt: START + DAY,
    })
    expect(told('schedule.fired')).toHaveLength(4)
    expect(told('schedule.fired')[0]).toMatchObject({ schedule: 's', dueAt: START + 6 * HOUR, lateMs: 0, kind: 'report' })
    expect(told('job.enqueued')).toHaveLength(4)
  })

  it('keeps one timer, and asks the store only when something is due', async () => {
    const world = await makeWorld()
    const { scheduler } = await begin(
      world,
      { name: 'a', cron: '0 * * * *' },
      { name: 'b', every: '2h' },
      { name: 'c', every: '1h' },
    )
    let reads = 0
    const { readStates } = world.store
    world.store.readStates = (prefix) => {
      reads++
      return readStates.call(world.store, prefix)
    }
    expect(world.clock.pendingTimers({ includeIdle: true })).toBe(1)
    expect(world.clock.pendingTimers()).toBe(0)
    await world.clock.advance(3 * HOUR + MINUTE)
    expect(reads).toBe(3)
    expect(await timesIn(world)).toEqual(['01T01:00', '01T01:00', '01T02:00', '01T02:00', '01T02:00', '01T03:00', '01T03:00'])
    await scheduler.stop()
    expect(world.clock.pendingTimers({ includeIdle: true })).toBe(0)
    await world.clock.advance(DAY)
    expect(reads).toBe(3)
  })

  it('makes each time once, however many processes have it, and in two releases with two payloads', async () => {
    const world = await makeWorld()
    const many = []
    for (let n = 0; n < 5; n++) many.push(await begin(world, { every: '1h', payload: n }))
    await world.clock.advance(DAY)
    expect(await timesIn(world)).toHaveLength(24)
    expect(many.flatMap(({ told }) => told('schedule.fired'))).toHaveLength(24)
    expect(many.flatMap(({ told }) => told('schedule.failed'))).toEqual([])
  })

  it('makes a time once even when a process stood still in the middle of it for an hour, whatever window its kind has', async () => {
    const world = await makeWorld()
    const { promise, resolve } = Promise.withResolvers<void>()
    let asked = 0
    const enqueue: JobStore['enqueue'] = async (jobs) => {
      asked++
      await promise
      return world.store.enqueue(jobs)
    }
    const slow = { ...world, store: withEnqueue(world.store, enqueue) }
    const late = await begin(slow, { every: '1h', payload: 'of the old release' })
    await begin(world, { every: '1h', payload: 'of the new one' })
    await world.clock.advance(2 * HOUR)
    resolve()
    await world.clock.advance(HOUR)
    expect(asked).toBeGreaterThan(0)
    expect(late.told('schedule.failed')).toEqual([])
    expect(await timesIn(world)).toEqual(['01T01:00', '01T02:00', '01T03:00'])
  })

  it('does nothing before startAt, and counts even distances from it', async () => {
    const world = await makeWorld()
    await begin(
      world,
      { name: 'a', every: '1h', startAt: '2026-01-01T03:30:00Z' },
      { name: 'b', cron: '0 * * * *', startAt: START + 4 * HOUR },
    )
    await world.clock.advance(5 * HOUR)
    expect(await timesIn(world)).toEqual(['01T03:30', '01T04:00', '01T04:30', '01T05:00'])
  })
})

describe('what passed while no process ran', () => {
  async function afterPause(missed: ScheduleOptions['missed'], ms: number, more: Partial<ScheduleOptions> = {}) {
    const world = await makeWorld()
    const options: Partial<ScheduleOptions> = { cron: '0 * * * *', missed, ...more }
    const before = await begin(world, options)
    await world.clock.advance(HOUR)
    await before.scheduler.stop()
    await world.clock.advance(ms)
    const { told } = await begin(world, options)
    return { world, told, times: await timesIn(world) }
  }

  it("is done once, for the last time, with 'latest'", async () => {
    const { world, times, told } = await afterPause('latest', 5 * HOUR + 30 * MINUTE)
    expect(times).toEqual(['01T01:00', '01T06:00'])
    expect(told('schedule.missed')).toMatchObject([{ missed: 4 }])
    expect(told('schedule.fired')).toMatchObject([{ lateMs: 30 * MINUTE }])
    await world.clock.advance(30 * MINUTE)
    expect(await timesIn(world)).toEqual(['01T01:00', '01T06:00', '01T07:00'])
  })

  it("is not done with 'skip', but for a time that is just late", async () => {
    const { times, told } = await afterPause('skip', 5 * HOUR + 30 * MINUTE)
    expect(times).toEqual(['01T01:00'])
    expect(told('schedule.missed')).toMatchObject([{ missed: 5 }])
    expect((await afterPause('skip', 5 * HOUR + 20_000)).times).toEqual(['01T01:00', '01T06:00'])
  })

  it("is all done with 'all', up to its limit", async () => {
    expect((await afterPause('all', 3 * HOUR)).times).toEqual(['01T01:00', '01T02:00', '01T03:00', '01T04:00'])
    const { times, told } = await afterPause('all', 9 * HOUR, { missedLimit: 2 })
    expect(times).toEqual(['01T01:00', '01T09:00', '01T10:00'])
    expect(told('schedule.missed')).toMatchObject([{ missed: 7 }])
  })

  it('is nothing for a schedule that is new, or whose times were changed', async () => {
    const world = await makeWorld(START + 30 * MINUTE)
    await begin(world, { cron: '0 0 * * *' })
    expect(await timesIn(world)).toEqual([])
    await world.clock.advance(2 * DAY)
    const { told } = await begin(world, { cron: '15 0 * * *' })
    expect(told('schedule.fired')).toEqual([])
    expect(await timesIn(world)).toEqual(['02T00:00', '03T00:00'])
  })

  it('is as bounded as anything else after a year', async () => {
    const { world } = await afterPause('all', 365 * DAY, { cron: '* * * * *', missedLimit: 1000 })
    expect(await world.store.counts()).toMatchObject([{ count: 60 + 1000 }])
  })
})

// T: 8
describe('a clock that is set', () => {
  it('forward, makes what it skipped missed, and nobody waits for the old time', async () => {
    const world = await makeWorld()
    const { told } = await begin(world, { cron: '30 * * * *' })
    await world.clock.advance(10 * MINUTE)
    world.clock.stepWall(HOUR)
    await world.clock.advance(MINUTE)
    expect(await timesIn(world)).toEqual(['01T00:30'])
    await world.clock.advance(19 * MINUTE + 1000)
    expect(await timesIn(world)).toEqual(['01T00:30', '01T01:30'])
    expect(told('schedule.fired')).toHaveLength(2)
  })

  it('back, makes no time come twice', async () => {
    const world = await makeWorld()
    await begin(world, { cron: '30 * * * *' })
    await world.clock.advance(40 * MINUTE)
    world.clock.stepWall(-HOUR)
    await world.clock.advance(3 * HOUR)
    expect(await timesIn(world)).toEqual(['01T00:30', '01T01:30', '01T02:30'])
  })

  it('back from a far future that was wrong, goes on from now', async () => {
    const world = await makeWorld()
    await begin(world, { cron: '30 * * * *', missed: 'skip' })
    world.clock.stepWall(3650 * DAY)
    await world.clock.advance(HOUR)
    const wrong = (await timesIn(world)).length
    world.clock.stepWall(-3650 * DAY)
    await world.clock.advance(2 * HOUR)
    expect((await timesIn(world)).length).toBe(wrong + 2)
  })

  // W: 4
  it.each([-7 * MINUTE, 7 * MINUTE])('counts for nothing where the store has a clock of its own: %d ms', async (behind) => {
    const world = await makeWorld(START + 50 * MINUTE)
    const here: World = { store: world.store, clock: new VirtualClock({ wallNow: START + 50 * MINUTE + behind }) }
    const { told } = await begin(here, { cron: '0 * * * *' })
    for (let second = 0; second < 15 * 60; second += 5) {
      await world.clock.advance(5000)
      await here.clock.advance(5000)
    }
    expect(await timesIn(world)).toEqual(['01T01:00'])
    const [fired] = told('schedule.fired') as unknown as { lateMs: number }[]
    expect(fired?.lateMs).toBeLessThanOrEqual(5000)
  })
})

describe('a schedule by hand', () => {
  it('is paused for all processes, and goes on without what passed meanwhile', async () => {
    const world = await makeWorld()
    const one = await begin(world, { every: '1h', missed: 'all' })
    const other = await begin(world, { every: '1h', missed: 'all' })
    expect(await one.scheduler.pause('s')).toMatchObject({ paused: true, pausedAt: START })
    await world.clock.advance(5 * HOUR + MINUTE)
    expect(await timesIn(world)).toEqual([])
    expect(await other.scheduler.resume('s')).toMatchObject({ paused: false, nextAt: START + 6 * HOUR })
    await world.clock.advance(HOUR)
    expect(await timesIn(world)).toEqual(['01T06:00'])
    expect([...one.told('schedule.paused'), ...other.told('schedule.resumed')]).toHaveLength(2)
  })

  it('stays paused over a restart, and its pause is not undone by a process that fires at the same moment', async () => {
    const world = await makeWorld()
    const one = await begin(world, { every: '1h' })
    const { enqueue } = world.store
    world.store.enqueue = async (jobs) => {
      await one.scheduler.pause('s')
      return enqueue.call(world.store, jobs)
    }
    await world.clock.advance(HOUR)
    await one.scheduler.stop()
    await begin(world, { every: '1h' })
    await world.clock.advance(5 * HOUR)
    expect(await timesIn(world)).toEqual(['01T01:00'])
  })

  it('runs now as often as it is asked to, even while it is paused', async () => {
    const world = await makeWorld()
    const { scheduler } = await begin(world, { cron: '0 0 1 1 *', payload: { a: 1 } })
    await scheduler.pause('s')
    const jobs = [await scheduler.run('s'), await scheduler.run('s')]
    expect(jobs).toMatchObject([{ duplicate: false }, { duplicate: false }])
    expect((await world.store.list({})).items).toMatchObject([{ payload: { a: 1 } }, { payload: { a: 1 } }])
  })

  it('is listed with its next and its last time', async () => {
    const world = await makeWorld()
    const { scheduler } = await begin(
      world,
      { name: 'a', cron: '0 6 * * *', timezone: 'Europe/Berlin' },
      { name: 'b', every: '1h' },
    )
    await world.clock.advance(90 * MINUTE)
    const [job] = (await world.store.list({})).items
    expect(await scheduler.list()).toEqual([
      {
        name: 'a',
        kind: 'report',
        cron: '0 6 * * *',
        timezone: 'Europe/Berlin',
        missed: 'latest',
        paused: false,
        nextAt: START + 5 * HOUR,
      },
      {
        ...{ name: 'b', kind: 'report', everyMs: HOUR, timezone: 'UTC', missed: 'latest', paused: false },
        ...{ nextAt: START + 2 * HOUR, lastAt: START + HOUR, lastJob: job?.id },
      },
    ])
  })

  it('that is not known is nothing', async () => {
    const { scheduler } = processOn(await makeWorld(), { every: '1h' })
    expect([await scheduler.pause('x'), await scheduler.resume('x'), await scheduler.run('x')]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
  })
})

describe('trouble', () => {
  it('with the store is waited out: nothing is lost, nothing is doubled', async () => {
    const world = await makeWorld()
    const { scheduler } = await begin(world, { every: '1h', missed: 'all' })
    const { enqueue } = world.store
    world.store.enqueue = () => Promise.reject(new Error('away'))
    await world.clock.advance(2 * HOUR + 10 * MINUTE)
    expect(await timesIn(world)).toEqual([])
    world.store.enqueue = enqueue
    await world.clock.advance(2 * MINUTE)
    expect(await timesIn(world)).toEqual(['01T01:00', '01T02:00'])
    await scheduler.stop()
  })

  it('with the answer of the store makes nothing twice', async () => {
    const world = await makeWorld()
    await begin(world, { every: '1h' })
    const { writeState } = world.store
    world.store.writeState = () => Promise.reject(new Error('away'))
    await world.clock.advance(HOUR + 10 * MINUTE)
    world.store.writeState = writeState
    await world.clock.advance(10 * MINUTE)
    expect(await timesIn(world)).toEqual(['01T01:00'])
  })

  it('with a payload is told, and costs that time only', async () => {
    const world = await makeWorld()
    const { told } = await begin(
      world,
      { name: 'a', every: '1h', payload: ({ at }) => (at === START + 2 * HOUR ? 'bad' : 'good') },
      { name: 'b', every: '1h' },
    )
    await world.clock.advance(3 * HOUR)
    expect((await timesIn(world)).filter((time) => time === '01T02:00')).toHaveLength(1)
    expect(await timesIn(world)).toHaveLength(5)
    expect(told('schedule.failed')).toMatchObject([{ schedule: 'a', error: { message: expect.stringContaining('it is bad') } }])
  })

  it('with a key that somebody used for other work holds no other schedule up', async () => {
    const world = await makeWorld()
    const { told } = await begin(world, { name: 'a', every: '1h' }, { name: 'b', every: '1h' })
    const key = { idempotencyKey: 'schedule:a:2026-01-01T01:00:00.000Z', fingerprint: 'other', idempotencyWindowMs: 2 * HOUR }
    await world.store.enqueue([{ id: 'theirs', kind: 'report', target: 't', payload: 1, priority: 0, ...key }])
    await world.clock.advance(2 * HOUR)
    expect(await timesIn(world)).toEqual(['01T01:00', '01T01:00', '01T02:00', '01T02:00'])
    expect(told('schedule.failed')).toMatchObject([{ schedule: 'a', error: { code: 'ERR_IDEMPOTENCY_MISMATCH' } }])
  })

  it('that can be seen at once is refused at once', async () => {
    const world = await makeWorld()
    expect(() => processOn(world, { every: '1h', kind: 'raport' })).toThrow(/schedule 's'.*raport/)
    expect(() => processOn(world, { every: '1h', payload: 'bad' })).toThrow(/schedule 's'.*it is bad/)
    expect(() => processOn(world, { every: '1h' }, { every: '2h' })).toThrow('must have different names')
  })

  it('with what is remembered makes a schedule begin anew', async () => {
    const world = await makeWorld()
    await world.store.writeState('schedule:s', { version: 2, done: 'yesterday' })
    await begin(world, { every: '1h' })
    await world.clock.advance(HOUR)
    expect(await timesIn(world)).toEqual(['01T01:00'])
  })
})
