/** A worker whose store takes its time, as one behind a network does. */
import { describe, expect, it } from 'vitest'
import { sleep } from '../core/clock.ts'
import { seededRandom } from '../core/random.ts'
import { memoryStore } from '../stores/memory/memory-store.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import type { WorkRig, WorkRigOptions } from '../testing/work-rig.ts'
import { workRig } from '../testing/work-rig.ts'
import { Ahead } from './ahead.ts'
import type { Job } from './job.ts'
import type { JobContext, KindOptions } from './kind.ts'
import { defineKind } from './kind.ts'
import type { JobStore } from './store.ts'

/** How long the store takes, as long as a test does not say otherwise. */
const STORE_MS = 10

interface Setting extends Partial<Omit<WorkRigOptions, 'clock' | 'store' | 'kinds'>> {
  readonly kind?: Partial<KindOptions>
  readonly handler: (clock: VirtualClock, context: JobContext, payload: unknown) => Promise<unknown>
}

interface SlowRig extends WorkRig {
  readonly slowness: { storeMs: number }
  readonly jobs: () => Promise<readonly Job[]>
}

async function start({ handler, kind, ...options }: Setting): Promise<SlowRig> {
  const slowness = { storeMs: STORE_MS }
  const clock = new VirtualClock()
  const store: JobStore = memoryStore({ clock })
  await store.open()
  const { claim, settle } = store
  store.claim = async (request) => {
    if (slowness.storeMs > 0) await sleep(clock, slowness.storeMs)
    return claim.call(store, request)
  }
  store.settle = async (settlements) => {
    if (slowness.storeMs > 0) await sleep(clock, slowness.storeMs)
    return settle.call(store, settlements)
  }
  const rig = workRig({
    clock,
    store,
    kinds: [
      defineKind({
        name: 'k',
        target: 't',
        handler: (payload, context) => handler(clock, context, payload),
        timeout: '1h',
        ...kind,
      }),
    ],
    concurrency: 10,
    ...options,
  })
  return { ...rig, slowness, jobs: async () => (await store.list({ limit: 1000 })).items }
}

const send = (rig: WorkRig, count: number): Promise<unknown> =>
  rig.queue.enqueue(Array.from({ length: count }, (_, n) => ({ kind: 'k', payload: { n } })))

/** Runs until so many have started, or time is up; answers how long it took. */
async function until(rig: WorkRig, done: () => boolean, limitMs = 60_000): Promise<number> {
  const began = rig.clock.now()
  while (!done() && rig.clock.now() - began < limitMs) await rig.clock.advance(1)
  return rig.clock.now() - began
}

/** A rig whose slots are all in use by jobs that take for ever, with some that wait for one. */
async function withSomeAhead(kind: Partial<KindOptions> = {}) {
  const started = new Set<string>()
  let isSlow = false
  const rig = await start({
    kind,
    handler: (clock, { id }) => {
      started.add(id)
      return sleep(clock, isSlow ? 3_600_000 : 5)
    },
  })
  await send(rig, 400)
  rig.worker.start()
  await until(rig, () => rig.worker.snapshot().ahead > 20)
  isSlow = true
  await rig.clock.advance(20)
  const waiting = (await rig.jobs()).filter(({ id, state }) => state === 'running' && !started.has(id))
  expect(rig.worker.snapshot()).toMatchObject({ running: 10, ahead: waiting.length })
  expect(waiting.length).toBeGreaterThan(0)
  return { rig, started, waiting }
}

describe('claiming ahead', () => {
  it('keeps the slots busy while the store answers', async () => {
    let ended = 0
    const rig = await start({
      handler: async (clock) => {
        await sleep(clock, 5)
        ended++
      },
    })
    await send(rig, 1000)
    rig.worker.start()
    const ms = await until(rig, () => ended === 1000)
    // Ten at once and 5 ms each: 500 ms if no slot is ever idle; with each claim awaited it would be 1500 ms.
    expect(ms).toBeLessThan(750)
  })

  it('does not, where jobs take longer than the store', async () => {
    const rig = await start({ handler: (clock) => sleep(clock, 1000) })
    await send(rig, 200)
    rig.worker.start()
    let most = 0
    for (let second = 0; second < 100; second++) {
      await rig.clock.advance(97)
      most = Math.max(most, rig.worker.snapshot().ahead)
    }
    expect(most).toBe(0)
  })

  it('does not, where the store answers at once', async () => {
    const rig = await start({ handler: (clock) => sleep(clock, 5) })
    rig.slowness.storeMs = 0
    await send(rig, 400)
    rig.worker.start()
    let most = 0
    await until(rig, () => {
      most = Math.max(most, rig.worker.snapshot().ahead)
      return rig.told().filter((type) => type === 'job.succeeded').length === 400
    })
    expect(most).toBe(0)
  })

  // W: 20
  it('hands back at a shutdown what has not started, its attempts uncounted', async () => {
    const { rig, waiting } = await withSomeAhead()
    const drained = rig.worker.drain(100)
    await rig.clock.advance(3000)
    await drained
    for (const { id } of waiting)
      expect(await rig.store.get(id)).toMatchObject({ state: 'available', attempts: 0, lostLeases: 0 })
    expect((await rig.jobs()).filter(({ state }) => state === 'running')).toEqual([])
  })

  it('hands back what waits in vain, so that others may run it', async () => {
    const { rig, waiting } = await withSomeAhead()
    await rig.clock.advance(1100)
    expect(rig.worker.snapshot()).toMatchObject({ running: 10, ahead: 0 })
    for (const { id } of waiting) expect(await rig.store.get(id)).toMatchObject({ state: 'available', attempts: 0 })
  })

  it('keeps what waits for a store that is late', async () => {
    const rig = await start({ handler: (clock) => sleep(clock, 5) })
    await send(rig, 400)
    rig.worker.start()
    await until(rig, () => rig.worker.snapshot().ahead > 20)
    rig.slowness.storeMs = 5000
    await rig.clock.advance(4000)
    expect(rig.worker.snapshot()).toMatchObject({ running: 0 })
    expect(rig.worker.snapshot().ahead).toBeGreaterThan(0)
    expect(rig.told()).not.toContain('job.returned')
  })

  // W: 1
  it('renews the leases of what waits, and lets go of what it has lost', async () => {
    const { rig, waiting } = await withSomeAhead({ lease: 1000 })
    const [lost, ...kept] = waiting
    void rig.store.settle([{ id: lost!.id, token: lost!.token, type: 'rescued', delayMs: 3_600_000, reason: 'taken away' }])
    await rig.clock.advance(400)
    expect(rig.worker.snapshot().ahead).toBe(kept.length)
    expect(rig.worker.holds(lost!.id)).toBe(false)
    for (const { id } of kept) expect((await rig.store.get(id))!.leaseUntil).toBeGreaterThan(rig.clock.wallNow() + 500)
    expect(rig.told().filter((type) => type === 'job.lost-lease')).toHaveLength(1)
  })

  it.each(['at once', 'by another process'])('cancels what waits without running it, %s', async (how) => {
    const { rig, started, waiting } = await withSomeAhead({ lease: 1000 })
    const [{ id }] = waiting as [Job]
    await rig.store.cancel(id)
    if (how === 'at once') expect(rig.worker.cancel(id)).toBe(true)
    await rig.clock.advance(how === 'at once' ? 50 : 400)
    expect(await rig.store.get(id)).toMatchObject({ state: 'cancelled' })
    expect(started.has(id)).toBe(false)
  })

  // W: 7
  it('starts nothing at a target that has come to hold its jobs, and no attempt counts', async () => {
    let isOpen = false
    const started = new Set<string>()
    const rig = await start({
      handler: (clock, { id }) => {
        started.add(id)
        return sleep(clock, 5)
      },
      admission: {
        admit: () =>
          isOpen
            ? { admitted: false, heldBy: 'breaker', reason: 'circuit open' }
            : { admitted: true, slots: Number.POSITIVE_INFINITY },
      },
    })
    await send(rig, 400)
    rig.worker.start()
    await until(rig, () => rig.worker.snapshot().ahead > 20)
    const waiting = (await rig.jobs()).filter(({ id, state }) => state === 'running' && !started.has(id))
    isOpen = true
    await rig.clock.advance(1000)
    for (const { id } of waiting) expect(await rig.store.get(id)).toMatchObject({ state: 'available', attempts: 0 })
    expect(waiting.filter(({ id }) => started.has(id))).toEqual([])
    isOpen = false
    await rig.clock.advance(3000)
    expect((await rig.jobs()).every(({ state }) => state === 'succeeded')).toBe(true)
  })

  it('never runs more at once than the worker, the kind and the target allow', async () => {
    const random = seededRandom(7)
    let running = 0
    let most = 0
    for (const [concurrency, ofKind, slots] of [
      [10, undefined, Number.POSITIVE_INFINITY],
      [10, 4, Number.POSITIVE_INFINITY],
      [10, undefined, 3],
    ] as const) {
      const rig = await start({
        concurrency,
        handler: async (clock) => {
          most = Math.max(most, ++running)
          await sleep(clock, 1 + Math.floor(random() * 12))
          running--
        },
        ...(ofKind === undefined ? {} : { kind: { concurrency: ofKind } }),
        admission: {
          admit: () =>
            running < slots
              ? { admitted: true, slots: slots - running }
              : { admitted: false, heldBy: 'concurrency', reason: 'full' },
        },
      })
      most = 0
      await send(rig, 300)
      rig.worker.start()
      await rig.clock.advance(20_000)
      expect((await rig.jobs()).every(({ state }) => state === 'succeeded')).toBe(true)
      expect(most).toBe(Math.min(concurrency, ofKind ?? 10, slots))
    }
  })
})

describe('how much is wanted', () => {
  const job = (id: string): Job => ({ id, token: 1 }) as Job

  it('is twice what ends while a claim is answered, within bounds, and halves when less does', async () => {
    const clock = new VirtualClock()
    const ahead = new Ahead(clock, 40)
    const rooms: number[] = []
    for (const ended of [0, 10, 200, 0, 0, 6, 0, 0, 0, 0]) {
      for (let n = 0; n < ended; n++) ahead.runEnded()
      await clock.advance(20)
      ahead.noteClaim(10)
      rooms.push(ahead.room)
    }
    expect(rooms).toEqual([0, 10, 40, 20, 10, 6, 3, 1, 0, 0])
  })

  it('is nothing where a claim takes no time, and knows nothing of one that came at once after another', async () => {
    const clock = new VirtualClock()
    const ahead = new Ahead(clock, 40)
    ahead.runEnded()
    ahead.noteClaim(0)
    await clock.advance(20)
    ahead.noteClaim(0)
    expect(ahead.room).toBe(0)
  })

  it('is not claimed until half of it is gone', async () => {
    const clock = new VirtualClock()
    const ahead = new Ahead(clock, 40)
    await clock.advance(20)
    for (let n = 0; n < 4; n++) ahead.runEnded()
    ahead.noteClaim(10)
    for (const id of ['a', 'b', 'c', 'd']) ahead.add(job(id))
    expect(ahead.room).toBe(0)
    ahead.next()
    expect(ahead.room).toBe(0)
    expect([ahead.next()?.id, ahead.room]).toEqual(['b', 2])
  })

  it('waits as long as anything moves, and a second after that', async () => {
    const clock = new VirtualClock()
    const ahead = new Ahead(clock, 40)
    expect(ahead.patienceMs).toBe(Number.POSITIVE_INFINITY)
    ahead.add(job('a'))
    ahead.add(job('b'))
    await clock.advance(400)
    ahead.next()
    await clock.advance(999)
    expect(ahead.patienceMs).toBe(1)
    await clock.advance(2)
    expect([ahead.patienceMs, ahead.giveUp().map(({ id }) => id), ahead.patienceMs]).toEqual([0, ['b'], Number.POSITIVE_INFINITY])
  })

  it('gives out what is under the claim that is meant', () => {
    const ahead = new Ahead(new VirtualClock(), 40)
    ahead.add(job('a'))
    expect([ahead.take('a', 2), ahead.take('b'), ahead.take('a', 1)?.id, ahead.take('a')]).toEqual([
      undefined,
      undefined,
      'a',
      undefined,
    ])
  })
})
