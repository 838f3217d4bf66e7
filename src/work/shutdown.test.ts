import { describe, expect, it } from 'vitest'
import { memoryStore } from '../stores/memory/memory-store.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import type { WorkRig } from '../testing/work-rig.ts'
import { workRig } from '../testing/work-rig.ts'
import { defineKind } from './kind.ts'

async function start(jobs: number): Promise<{ rig: WorkRig; ends: (() => void)[]; ids: string[] }> {
  const clock = new VirtualClock()
  const store = memoryStore({ clock })
  await store.open()
  const ends: (() => void)[] = []
  const handler = (): Promise<void> => new Promise((end) => ends.push(end))
  const rig = workRig({ clock, store, kinds: [defineKind({ name: 'k', target: 't', handler, timeout: '1h' })], concurrency: 2 })
  rig.worker.start()
  await clock.advance(0)
  const answers = await rig.queue.enqueue(Array.from({ length: jobs }, () => ({ kind: 'k', payload: {} })))
  await clock.advance(0)
  return { rig, ends, ids: answers.map(({ id }) => id) }
}
const states = async (rig: WorkRig, ids: string[]): Promise<unknown[]> =>
  Promise.all(ids.map(async (id) => (await rig.store.get(id))?.state))

describe('shutting down', () => {
  // W: 20
  it('lets what runs end, claims nothing more, and hands the rest back uncounted', async () => {
    const { rig, ends, ids } = await start(3)
    const drained = rig.worker.drain(10_000)
    expect(rig.worker.snapshot().state).toBe('draining')
    ends[0]!()
    await rig.clock.advance(9999)
    expect(await states(rig, ids)).toEqual(['succeeded', 'running', 'available'])
    await rig.clock.advance(10)
    await drained
    expect(await states(rig, ids)).toEqual(['succeeded', 'available', 'available'])
    expect(await rig.store.get(ids[1]!)).toMatchObject({ attempts: 0, lostLeases: 0 })
    expect(rig.events.at(-1)).toMatchObject({ type: 'worker.stopped', returned: 1 })
    expect(rig.worker.snapshot().state).toBe('stopped')
    expect(await rig.store.workers()).toEqual([])
  })

  it('is over as soon as everything has ended, and leaves no timer', async () => {
    const { rig, ends, ids } = await start(2)
    const drained = rig.worker.drain(3_600_000)
    for (const end of ends) end()
    await rig.clock.advance(10)
    await drained
    expect(await states(rig, ids)).toEqual(['succeeded', 'succeeded'])
    expect(rig.clock.pendingTimers()).toBe(0)
  })

  // W: 20
  // T: 22
  it('hurries when it is asked again, and is final', async () => {
    const { rig, ids } = await start(1)
    const slow = rig.worker.drain(3_600_000)
    await rig.clock.advance(1000)
    const fast = rig.worker.stop()
    await rig.clock.advance(0)
    await Promise.all([slow, fast, rig.worker.stop()])
    expect(await states(rig, ids)).toEqual(['available'])
    rig.worker.start()
    await rig.clock.advance(10_000)
    expect(await states(rig, ids)).toEqual(['available'])
    expect(rig.events.filter((event) => event.type === 'worker.stopped')).toHaveLength(1)
  })

  it('hands back at once what a claim brings after the end began', async () => {
    const { rig, ends } = await start(0)
    const { claim } = rig.store
    let arrive: (() => void) | undefined
    rig.store.claim = async (request) => {
      const jobs = await claim.call(rig.store, request)
      await new Promise<void>((resolve) => {
        arrive = resolve
      })
      return jobs
    }
    const [late] = await rig.queue.enqueue([{ kind: 'k', payload: {} }])
    await rig.clock.advance(0)
    const drained = rig.worker.drain(1000)
    arrive!()
    await rig.clock.advance(10)
    await drained
    expect(ends).toEqual([])
    expect(await rig.store.get(late!.id)).toMatchObject({ state: 'available', attempts: 0 })
  })

  it('ends although the store never answers', async () => {
    const { rig } = await start(1)
    rig.store.settle = () => new Promise(() => {})
    rig.store.removeWorkers = () => new Promise(() => {})
    const stopped = rig.worker.stop()
    await rig.clock.advance(10_000)
    await stopped
    expect(rig.worker.snapshot().state).toBe('stopped')
  })
})
