import { describe, expect, it } from 'vitest'
import { memoryStore } from '../stores/memory/memory-store.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import type { WorkRig } from '../testing/work-rig.ts'
import { workRig } from '../testing/work-rig.ts'
import { defineKind } from './kind.ts'
import type { JobStore } from './store.ts'

interface Run {
  readonly signal: AbortSignal
  readonly end: (value: unknown) => void
}

async function start(options: { lease?: string } = {}): Promise<{ rig: WorkRig; runs: Run[]; id: string; store: JobStore }> {
  const clock = new VirtualClock()
  const store = memoryStore({ clock })
  await store.open()
  const runs: Run[] = []
  const kind = defineKind({
    name: 'k',
    target: 't',
    timeout: '1h',
    lease: options.lease ?? '30s',
    handler: (_payload, { signal }) => new Promise((end) => runs.push({ signal, end })),
  })
  const rig = workRig({ clock, store, kinds: [kind] })
  rig.worker.start()
  await clock.advance(0)
  const [answer] = await rig.queue.enqueue([{ kind: 'k', payload: {} }])
  await clock.advance(0)
  return { rig, runs, id: answer!.id, store }
}

/** As a rescuer in another process would. */
async function takeAway(store: JobStore, id: string): Promise<void> {
  const job = (await store.get(id))!
  await store.settle([{ id, token: job.token, type: 'rescued', delayMs: 3_600_000, reason: 'taken away' }])
}

describe('a lease', () => {
  // W: 1
  it('is renewed at a third of its length for as long as the job runs', async () => {
    const { rig, runs, id, store } = await start()
    for (let minute = 0; minute < 10; minute++) {
      await rig.clock.advance(60_000)
      expect((await store.get(id))!.leaseUntil).toBeGreaterThan(rig.clock.wallNow() + 19_000)
      expect(await store.abandoned([], 10)).toEqual([])
    }
    runs[0]!.end('done')
    await rig.clock.advance(10)
    expect(await store.get(id)).toMatchObject({ state: 'succeeded', result: 'done' })
  })

  it('is not told of as lost when the handler completed its job itself, however long it goes on after that', async () => {
    const { rig, runs, id, store } = await start()
    await store.settle([{ id, token: (await store.get(id))!.token, type: 'succeeded', result: 'in a transaction of its own' }])
    await rig.clock.advance(60_000)
    expect(rig.told()).toEqual(['job.started', 'job.succeeded'])
    runs[0]!.end('later')
    await rig.clock.advance(1000)
    expect(rig.told()).toEqual(['job.started', 'job.succeeded'])
    expect(await store.get(id)).toMatchObject({ state: 'succeeded', result: 'in a transaction of its own' })
  })

  it('is renewed by the length that its kind asks for', async () => {
    const { rig, id, store } = await start({ lease: '10m' })
    await rig.clock.advance(60_000)
    expect((await store.get(id))!.leaseUntil).toBe(rig.clock.wallNow() + 600_000)
  })

  // W: 1
  it('that is lost aborts the handler and drops its result', async () => {
    const { rig, runs, id, store } = await start()
    await takeAway(store, id)
    store.settle = () => Promise.reject(new Error('nothing is to be settled'))
    await rig.clock.advance(10_000)
    expect(runs[0]!.signal.reason).toMatchObject({ code: 'ERR_LEASE_LOST', by: 'lease-lost' })
    runs[0]!.end('too late')
    await rig.clock.advance(100)
    expect(await store.get(id)).toMatchObject({ state: 'scheduled', lostLeases: 1, attempts: 0 })
    expect(rig.told()).toEqual(['job.started', 'job.lost-lease'])
    expect(rig.worker.snapshot().running).toBe(0)
  })

  // W: 1
  it('that is lost unnoticed still keeps a late result out', async () => {
    const { rig, runs, id, store } = await start()
    await takeAway(store, id)
    runs[0]!.end('too late')
    await rig.clock.advance(100)
    const job = (await store.get(id))!
    expect(job.state).toBe('scheduled')
    expect(job.result).toBeUndefined()
    expect(rig.told()).toEqual(['job.started', 'job.lost-lease'])
  })

  it('of an earlier claim says nothing about the next one', async () => {
    const { rig, runs, id, store } = await start()
    const { renew } = store
    let answer: (() => void) | undefined
    store.renew = async (...args) => {
      const result = await renew.apply(store, args)
      if (args[2].length === 0) return result
      await new Promise<void>((resolve) => {
        answer = resolve
      })
      return { lost: [id], cancelled: [] }
    }
    await rig.clock.advance(10_000)
    await takeAway(store, id)
    runs[0]!.end('late')
    await rig.clock.advance(100)
    await store.retry(id)
    await rig.clock.advance(0)
    expect(runs).toHaveLength(2)
    answer!()
    await rig.clock.advance(0)
    expect(runs[1]!.signal.aborted).toBe(false)
  })
})

describe('a cancel', () => {
  it('reaches a running job with the next renewal', async () => {
    const { rig, runs, id, store } = await start()
    await rig.queue.cancel(id)
    await rig.clock.advance(10_000)
    expect(runs[0]!.signal.aborted).toBe(true)
    expect((await store.get(id))?.state).toBe('cancelled')
    expect(rig.told()).toEqual(['job.started', 'job.cancelled'])
  })

  it('reaches it at once in the same process', async () => {
    const { rig, runs, id, store } = await start()
    await rig.queue.cancel(id)
    expect(rig.worker.cancel(id)).toBe(true)
    await rig.clock.advance(10)
    expect(runs[0]!.signal.aborted).toBe(true)
    expect((await store.get(id))?.state).toBe('cancelled')
    expect(rig.worker.cancel('other')).toBe(false)
  })
})
