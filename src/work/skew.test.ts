import { describe, expect, it } from 'vitest'
import { memoryStore } from '../stores/memory/memory-store.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { workRig } from '../testing/work-rig.ts'
import { defineKind } from './kind.ts'

const MINUTE = 60_000

/** A worker on a store that has a clock of its own, so far ahead. */
async function rigWith(aheadMs: number) {
  const clock = new VirtualClock()
  const theirs = new VirtualClock({ wallNow: clock.wallNow() + aheadMs })
  const store = memoryStore({ clock: theirs })
  await store.open()
  const started: number[] = []
  const kinds = [defineKind({ name: 'k', target: 't', handler: () => void started.push(theirs.wallNow()) })]
  const rig = workRig({ clock, store, kinds })
  /** Both clocks go on. */
  const pass = async (ms: number): Promise<void> => {
    for (let at = 0; at < ms; at += 100) {
      await theirs.advance(100)
      await clock.advance(100)
    }
  }
  const told = () => rig.events.filter(({ type }) => type.startsWith('store.')).map(({ type }) => type)
  return { ...rig, theirs, pass, told, started }
}

// W: 4
describe('a store whose clock is not ours', () => {
  it.each([-3 * MINUTE, 3 * MINUTE])('by %d ms is told of once, and so is its end', async (aheadMs) => {
    const { worker, theirs, pass, told } = await rigWith(aheadMs)
    worker.start()
    await pass(MINUTE)
    expect(told()).toEqual(['store.clock-skewed'])
    expect(worker.snapshot()).toMatchObject({ isSkewed: true })
    expect(Math.abs(worker.snapshot().skewMs - aheadMs)).toBeLessThanOrEqual(100)
    theirs.stepWall(-aheadMs)
    await pass(MINUTE)
    expect(told()).toEqual(['store.clock-skewed', 'store.clock-agrees'])
    expect(worker.snapshot()).toMatchObject({ isSkewed: false })
  })

  it('by little is nothing to tell', async () => {
    const { worker, pass, told } = await rigWith(4000)
    worker.start()
    await pass(MINUTE)
    expect([told(), worker.snapshot().isSkewed]).toEqual([[], false])
  })

  it('is not believed to differ because its answer took long', async () => {
    const { worker, store, clock, pass, told } = await rigWith(0)
    const { now } = store
    store.now = async () => {
      const answer = await now.call(store)
      await new Promise<void>((resolve) => void clock.setTimer(20_000, resolve))
      return answer
    }
    worker.start()
    await pass(2 * MINUTE)
    expect([told(), worker.snapshot().isSkewed]).toEqual([[], false])
  })

  it('decides when a job is due', async () => {
    const { worker, store, theirs, pass, started } = await rigWith(-10 * MINUTE)
    worker.start()
    const runAt = theirs.wallNow() + MINUTE
    const about = { kind: 'k', target: 't', payload: null, priority: 0, fingerprint: '', idempotencyWindowMs: 0 }
    await store.enqueue([{ id: 'a', ...about, runAt }])
    await pass(2 * MINUTE)
    expect(started).toHaveLength(1)
    expect((started[0] as number) - runAt).toBeLessThan(2200)
    expect((started[0] as number) - runAt).toBeGreaterThanOrEqual(0)
  })
})
