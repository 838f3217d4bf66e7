import { describe, expect, it } from 'vitest'
import { memoryStore } from '../stores/memory/memory-store.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import type { JobStore } from '../work/store.ts'
import { connectionRefused, runtimeRig } from './testing/runtime-rig.ts'

/** A store in memory that a second runtime can open again, as a file could. */
function lasting(clock: VirtualClock): JobStore {
  const store = memoryStore({ clock })
  return Object.assign(store, { close: async () => {} })
}

const statesOf = async ({ runtime }: ReturnType<typeof runtimeRig>) =>
  (await runtime.queue.list({ limit: 100 })).items.map(({ state, attempts }) => [state, attempts])

describe('the runtime', () => {
  it('does what is sent, tells of it, and ends for good', async () => {
    const rig = runtimeRig((payload) => payload)
    expect(await rig.runtime.start()).toEqual({ recovered: 0, requeued: 0, parked: 0, poison: 0, deadLetters: 0 })
    const [id] = await rig.send('a')
    await rig.settle()
    expect(await rig.runtime.queue.get(id!)).toMatchObject({ state: 'succeeded', result: { to: 'a' } })
    const types = rig.events.map(({ type }) => type)
    expect(types).toEqual([
      'worker.recovered',
      'worker.started',
      'job.enqueued',
      'job.started',
      'execution.succeeded',
      'job.succeeded',
    ])
    const stopped = rig.runtime.stop(0)
    expect(rig.runtime.stop(0)).toBe(stopped)
    await rig.clock.advance(5000)
    await stopped
    await expect(rig.store.counts()).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
    expect(rig.clock.pendingTimers()).toBe(0)
  })

  // W: 7
  it('holds the work of a target that is down, at no cost of attempts beyond the first failures, until a probe succeeds', async () => {
    let isUp = false
    const started: number[] = []
    const rig = runtimeRig((_payload, { clock }) => {
      started.push(clock.now())
      if (!isUp) throw connectionRefused
    })
    await rig.runtime.start()
    await rig.send('a', 20)
    await rig.clock.advance(9000)
    expect(rig.runtime.targets.find('a')).toMatchObject({ isOpen: true, isDown: true })
    const attempts = async () => (await statesOf(rig)).reduce((sum, [, count]) => sum + Number(count), 0)
    const before = await attempts()
    expect(before).toBeLessThan(5)
    const callsBefore = started.length
    await rig.clock.advance(60_000)
    expect(await attempts()).toBe(before)
    expect(started.length - callsBefore).toBeLessThanOrEqual(6)
    isUp = true
    await rig.clock.advance(15_000)
    expect((await statesOf(rig)).every(([state]) => state === 'succeeded')).toBe(true)
    expect(rig.runtime.targets.find('a')?.isOpen).toBe(false)
    const held = rig.events.filter(({ type }) => type.startsWith('target.')).map(({ type }) => type)
    expect(new Set(held)).toEqual(new Set(['target.held', 'target.released']))
  })

  // R: U2
  it('goes on with the breakers and pauses of before a restart', async () => {
    const clock = new VirtualClock()
    const store = lasting(clock)
    const first = runtimeRig(() => Promise.reject(connectionRefused), { clock, store })
    await first.runtime.start()
    await first.send('a', 5)
    await first.settle()
    first.runtime.pause('b')
    await Promise.all([first.runtime.stop(0), clock.advance(5000)])

    const second = runtimeRig(() => {}, { clock, store })
    await second.runtime.start()
    expect(second.runtime.targets.admit('a')).toMatchObject({ heldBy: 'breaker' })
    expect(second.runtime.targets.find('a')?.isDown).toBe(true)
    expect(second.runtime.targets.admit('b')).toMatchObject({ heldBy: 'pause' })
    await second.send('b')
    await clock.advance(1000)
    expect((await second.runtime.queue.list({ target: 'b' })).items).toMatchObject([{ state: 'available', attempts: 0 }])
    second.runtime.resume('b')
    await second.settle()
    expect((await second.runtime.queue.list({ target: 'b' })).items).toMatchObject([{ state: 'succeeded' }])
    await Promise.all([second.runtime.stop(0), clock.advance(5000)])
  })

  // W: 18
  it('brings back what died of an outage when the breaker closes', async () => {
    let isUp = false
    const rig = runtimeRig(() => (isUp ? undefined : Promise.reject(connectionRefused)), { kind: { maxAttempts: 3 } })
    await rig.runtime.start()
    const [id] = await rig.send('a')
    await rig.clock.advance(2000)
    expect(await rig.runtime.queue.get(id!)).toMatchObject({ state: 'dead' })
    expect((await rig.runtime.queue.deadLetters()).items).toMatchObject([{ id, cause: 'attempts', targetDown: true }])
    isUp = true
    rig.runtime.reset('a')
    await rig.clock.advance(1000)
    expect(await rig.runtime.queue.get(id!)).toMatchObject({ state: 'succeeded', generation: 1 })
    expect(rig.events.find(({ type }) => type === 'job.redriven')).toMatchObject({ by: 'breaker' })
  })

  // R: R6
  it('starts although what it was cannot be read, and says so', async () => {
    const clock = new VirtualClock()
    const store = memoryStore({ clock })
    const broken = Object.assign(store, {
      readStates: () => Promise.reject(new Error('states are garbled')),
      workers: () => Promise.reject(new Error('workers are garbled')),
    })
    const rig = runtimeRig(() => {}, { clock, store: broken })
    expect(await rig.runtime.start()).toMatchObject({ recovered: 0, error: { message: 'workers are garbled' } })
    expect(rig.events[0]).toMatchObject({ type: 'store.degraded', reason: expect.stringContaining('states are garbled') })
    const [id] = await rig.send('a')
    await rig.settle()
    expect(await rig.runtime.queue.get(id!)).toMatchObject({ state: 'succeeded' })
  })

  // R: R6
  it('takes up at the start what a dead process of this host left behind, and counts it', async () => {
    const clock = new VirtualClock()
    const store = memoryStore({ clock })
    const { runtime, send, settle } = runtimeRig(() => {}, { clock, store, host: 'here' })
    await store.open()
    const [id] = await send('a')
    await store.renew({ id: 'gone', host: 'here', pid: 2 ** 30, bootId: 'b', startedAt: 0, seenAt: 0 }, 30_000, [])
    await store.claim({ worker: 'gone', leaseMs: 30_000, lanes: [{ kind: 'mail', target: 'a', limit: 1 }] })
    expect(await runtime.start()).toMatchObject({ recovered: 1, requeued: 1 })
    await settle()
    expect(await runtime.queue.get(id!)).toMatchObject({ state: 'succeeded', attempts: 1, lostLeases: 1 })
  })

  it('keeps what a kind has done for as long as the kind says, and otherwise as it is told itself', async () => {
    const clock = new VirtualClock()
    const store = lasting(clock)
    const retention = { olderThan: '1h', keep: 100, every: '1m' }
    const [brief, other] = [{ kind: { retention: { olderThan: 0 } } }, { kind: { name: 'sms' } }].map((about) =>
      runtimeRig(() => {}, { clock, store, retention, ...about }),
    )
    for (const rig of [brief, other]) await rig!.runtime.start()
    await brief!.send('a', 2)
    await other!.runtime.queue.enqueue([{ kind: 'sms', payload: { to: 'a' } }])
    await clock.advance(100)
    expect(await store.counts()).toMatchObject([{ count: 2 }, { count: 1 }])
    await clock.advance(11_000)
    expect(await store.counts()).toMatchObject([{ kind: 'sms', state: 'succeeded', count: 1 }])
    for (const rig of [brief, other]) void rig!.runtime.stop(0)
    await clock.advance(1000)
  })

  it('names the target or the kind of a wrong option', () => {
    expect(() => runtimeRig(() => {}, { targets: { db: { concurrency: -1 } } })).toThrow(/target 'db'/)
    expect(() => runtimeRig(() => {}, { kind: { maxAttempts: 0 } })).toThrow(/maxAttempts/)
  })
})
