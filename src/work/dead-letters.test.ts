import { describe, expect, it } from 'vitest'
import { memoryStore } from '../stores/memory/memory-store.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import type { WorkRig } from '../testing/work-rig.ts'
import { workRig } from '../testing/work-rig.ts'
import { DeadLetterClock } from './dead-letter-clock.ts'
import type { Handler } from './kind.ts'
import { defineKind } from './kind.ts'
import { Pruner } from './pruner.ts'
import { TargetRedrive } from './target-redrive.ts'

async function makeRig(handler: Handler): Promise<WorkRig> {
  const clock = new VirtualClock()
  const store = memoryStore({ clock })
  await store.open()
  const kinds = [defineKind({ name: 'k', target: 't', handler, maxAttempts: 1, deadLetter: { jitter: 'none' } })]
  return workRig({ clock, store, kinds })
}

async function start(handler: Handler): Promise<WorkRig> {
  const rig = await makeRig(handler)
  rig.worker.start()
  await rig.clock.advance(0)
  return rig
}
const pass = async (rig: WorkRig, ms: number, step: number): Promise<void> => {
  for (let at = 0; at < ms; at += step) await rig.clock.advance(step)
}

describe('the dead letter clock', () => {
  // R: R4
  // W: 18
  it('brings a letter back five times, after growing waits, and then leaves it to people', async () => {
    const runs: number[] = []
    const rig = await start((_payload, { clock }) => {
      runs.push(clock.now())
      throw new Error('no')
    })
    const letters = new DeadLetterClock({ store: rig.store, clock: rig.clock, events: rig.bus, every: '1m' })
    letters.start()
    const [job] = await rig.queue.enqueue([{ kind: 'k', payload: {} }])
    await pass(rig, 24 * 3_600_000, 60_000)
    const waits = runs.slice(1).map((at, i) => Math.round((at - runs[i]!) / 60_000))
    expect(waits).toEqual([5, 15, 45, 135, 360])
    expect((await rig.queue.deadLetters()).items).toMatchObject([{ id: job!.id, generation: 5, status: 'exhausted' }])
    expect(rig.events.filter((event) => event.type === 'job.redriven')).toMatchObject(
      [1, 2, 3, 4, 5].map((generation) => ({ generation, by: 'clock' })),
    )
    await letters.stop()
  })

  // R: R4
  it('brings back more each time while more are due, and begins with few again', async () => {
    const rig = await makeRig(() => {})
    const letters = new DeadLetterClock({ store: rig.store, clock: rig.clock, events: rig.bus })
    const die = async (count: number): Promise<void> => {
      await rig.queue.enqueue(Array.from({ length: count }, () => ({ kind: 'k', payload: {} })))
      const jobs = await rig.store.claim({ worker: 'w', leaseMs: 1000, lanes: [{ kind: 'k', target: 't', limit: count }] })
      const error = { name: 'Error', message: 'down' }
      const died = { type: 'dead', cause: 'attempts', error, targetDown: false, retryInMs: 1 } as const
      await rig.store.settle(jobs.map(({ id, token }) => ({ id, token, ...died })))
      await rig.clock.advance(1)
    }
    const round = async (): Promise<number> => (await letters.redriveDue()).length
    await die(1300)
    const rounds: number[] = []
    for (let n = 0; n < 8; n++) rounds.push(await round())
    expect(rounds).toEqual([20, 40, 80, 160, 320, 500, 180, 0])
    await rig.store.claim({ worker: 'w', leaseMs: 1000, lanes: [{ kind: 'k', target: 't', limit: 1300 }] })
    await die(30)
    expect([await round(), await round()]).toEqual([20, 10])
    expect(() => new DeadLetterClock({ ...rig, events: rig.bus, batch: 50, batchMax: 20 })).toThrow('deadLetters.batchMax')
  })

  // R: R4
  it('resolves a letter whose job succeeds after all, a few at a time', async () => {
    let fails = true
    let runs = 0
    const rig = await start(() => {
      runs++
      if (fails) throw new Error('no')
    })
    const letters = new DeadLetterClock({ store: rig.store, clock: rig.clock, events: rig.bus, every: '1m', batch: 2 })
    letters.start()
    await rig.queue.enqueue(Array.from({ length: 5 }, () => ({ kind: 'k', payload: {} })))
    await rig.clock.advance(10)
    fails = false
    await rig.clock.advance(5 * 60_000)
    expect(runs).toBe(7)
    await pass(rig, 2 * 60_000, 60_000)
    await rig.clock.advance(100)
    const { items } = await rig.queue.deadLetters()
    expect(items.map((letter) => letter.status)).toEqual(Array.from({ length: 5 }, () => 'resolved'))
    await letters.stop()
  })
})

/** A rig with so many dead letters of a target that was down, whose worker starts only then. */
async function startAfterOutage(count: number, handler: Handler): Promise<WorkRig> {
  const rig = await makeRig(handler)
  await rig.queue.enqueue(Array.from({ length: count }, () => ({ kind: 'k', payload: {} })))
  const jobs = await rig.store.claim({ worker: 'w', leaseMs: 1000, lanes: [{ kind: 'k', target: 't', limit: count }] })
  const error = { name: 'Error', message: 'down' }
  await rig.store.settle(
    jobs.map(({ id, token }) => ({ id, token, type: 'dead', cause: 'attempts', error, targetDown: true, retryInMs: 1e9 })),
  )
  rig.worker.start()
  return rig
}

describe('redrive when a target is up again', () => {
  // W: 18
  it('sends one canary, then growing steps, each after the former went well', async () => {
    const rig = await startAfterOutage(20, () => {})
    const steps: number[] = []
    const { redrive } = rig.store
    rig.store.redrive = async (request) => {
      const ids = await redrive.call(rig.store, request)
      steps.push(ids.length)
      return ids
    }
    const redriving = new TargetRedrive({ store: rig.store, clock: rig.clock, events: rig.bus })
    const [report, same] = [redriving.redriveTarget('t'), redriving.redriveTarget('t')]
    await pass(rig, 10_000, 100)
    expect(await report).toEqual({ redriven: 20, end: 'done' })
    expect(await same).toEqual({ redriven: 20, end: 'done' })
    expect(steps).toEqual([1, 2, 4, 8, 5])
    expect(rig.events.filter((event) => event.type === 'job.redriven')).toHaveLength(20)
  })

  // W: 18
  it('stops with the canary when that dies again', async () => {
    const rig = await startAfterOutage(20, () => {
      throw new Error('still down')
    })
    const redriving = new TargetRedrive({ store: rig.store, clock: rig.clock, events: rig.bus })
    const report = redriving.redriveTarget('t')
    await pass(rig, 10_000, 100)
    expect(await report).toEqual({ redriven: 1, end: 'failed' })
    expect((await rig.queue.deadLetters({ status: 'pending' })).items).toHaveLength(20)
  })

  it('leaves letters of other causes and other targets alone, and can be stopped', async () => {
    const rig = await startAfterOutage(3, () => new Promise(() => {}))
    const redriving = new TargetRedrive({ store: rig.store, clock: rig.clock, events: rig.bus })
    expect(await redriving.redriveTarget('other')).toEqual({ redriven: 0, end: 'done' })
    const report = redriving.redriveTarget('t')
    await rig.clock.advance(1000)
    await redriving.stop()
    expect(await report).toEqual({ redriven: 1, end: 'stopped' })
  })
})

describe('the pruner', () => {
  it('removes what finished long ago, batch by batch, and what is beyond the cap', async () => {
    const rig = await start(() => {})
    const pruner = new Pruner({ store: rig.store, clock: rig.clock, olderThan: '1h', keep: 15, batch: 4, every: '10m' })
    await rig.queue.enqueue(Array.from({ length: 20 }, () => ({ kind: 'k', payload: {} })))
    await rig.clock.advance(100)
    pruner.start()
    await rig.clock.advance(3_500_000)
    expect((await rig.queue.list({ limit: 100 })).items).toHaveLength(15)
    await rig.clock.advance(700_000)
    expect((await rig.queue.list({ limit: 100 })).items).toEqual([])
    await pruner.stop()
    await rig.worker.stop()
    expect(rig.clock.pendingTimers({ includeIdle: true })).toBe(0)
  })
})
