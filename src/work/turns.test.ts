import { describe, expect, it } from 'vitest'
import type { SharedState } from '../core/shared-state.ts'
import { memorySharedState } from '../stores/memory/memory-shared-state.ts'
import { memoryStore } from '../stores/memory/memory-store.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { workRig } from '../testing/work-rig.ts'
import { DeadLetterClock } from './dead-letter-clock.ts'
import type { Handler } from './kind.ts'
import { defineKind } from './kind.ts'
import { TargetRedrive } from './target-redrive.ts'
import { sharedTurns, type Turns } from './turns.ts'

/** A store with so many letters of a target that was down, and shared state. */
async function afterOutage(letters: number, handler: Handler = () => {}) {
  const clock = new VirtualClock()
  const store = memoryStore({ clock })
  const shared = memorySharedState({ clock })
  await Promise.all([store.open(), shared.open()])
  const rig = workRig({ clock, store, kinds: [defineKind({ name: 'k', target: 't', handler, maxAttempts: 1 })] })
  await rig.queue.enqueue(Array.from({ length: letters }, () => ({ kind: 'k', payload: {} })))
  const jobs = await store.claim({ worker: 'w', leaseMs: 1000, lanes: [{ kind: 'k', target: 't', limit: letters }] })
  const error = { name: 'Error', message: 'down' }
  await store.settle(
    jobs.map(({ id, token }) => ({ id, token, type: 'dead', cause: 'attempts', error, targetDown: true, retryInMs: 60_000 })),
  )
  rig.worker.start()
  return { ...rig, shared }
}

const gone: Pick<SharedState, 'acquire' | 'release'> = {
  acquire: () => Promise.reject(new Error('gone')),
  release: () => Promise.reject(new Error('gone')),
}

const turnsOf = (shared: SharedState): [Turns, Turns, Turns] => [
  sharedTurns(shared, 'p1'),
  sharedTurns(shared, 'p2'),
  sharedTurns(shared, 'p3'),
]

describe('turns among processes', () => {
  it('are one process at a time, until they end or are given back; one that shares nothing always has them', async () => {
    const { clock, shared } = await afterOutage(1)
    const [a, b] = turnsOf(shared)
    expect([await a.mine('x', 1000), await b.mine('x', 1000), await b.mine('y', 1000)]).toEqual([true, false, true])
    await clock.advance(600)
    expect([await a.mine('x', 1000), await b.mine('x', 1000)]).toEqual([true, false])
    await clock.advance(1000)
    expect([await b.mine('x', 1000), await a.mine('x', 1000)]).toEqual([true, false])
    await a.over('x')
    await b.over('x')
    expect(await a.mine('x', 1000)).toBe(true)
    const lost = sharedTurns(gone, 'p1')
    expect(await lost.mine('x', 1000)).toBe(true)
    await lost.over('x')
  })

  // W: 18
  it('make one redrive of breakers that close together', async () => {
    const { clock, store, bus, shared, events } = await afterOutage(20)
    const redrives = turnsOf(shared).map((turns) => new TargetRedrive({ store, clock, events: bus, turns }))
    const reports = Promise.all(redrives.map((redrive) => redrive.redriveTarget('t')))
    await clock.advance(5000)
    expect(await reports).toEqual([
      { redriven: 20, end: 'done' },
      { redriven: 0, end: 'elsewhere' },
      { redriven: 0, end: 'elsewhere' },
    ])
    expect(events.filter(({ type }) => type === 'job.redriven')).toHaveLength(20)
    // The next time it closes, any of them may do it.
    expect(await redrives[1]?.redriveTarget('t')).toEqual({ redriven: 0, end: 'done' })
  })

  // W: 18
  it('send one canary in all when it dies, though other breakers close a moment later', async () => {
    const { clock, store, bus, shared } = await afterOutage(20, () => Promise.reject(new Error('still down')))
    const [first, second] = turnsOf(shared).map((turns) => new TargetRedrive({ store, clock, events: bus, turns }))
    const report = first?.redriveTarget('t')
    await clock.advance(2000)
    expect(await report).toEqual({ redriven: 1, end: 'failed' })
    expect(await second?.redriveTarget('t')).toEqual({ redriven: 0, end: 'elsewhere' })
  })

  it('go to another process when the one that had them is gone', async () => {
    const { clock, store, bus, shared } = await afterOutage(3, () => new Promise(() => {}))
    const [first, second] = turnsOf(shared).map((turns) => new TargetRedrive({ store, clock, events: bus, turns }))
    void first?.redriveTarget('t')
    await clock.advance(1000)
    await first?.stop()
    expect(await second?.redriveTarget('t')).toMatchObject({ end: 'elsewhere' })
    await clock.advance(11_000)
    void second?.redriveTarget('t')
    await clock.advance(1000)
    await second?.stop()
    expect((await store.deadLetters({ status: 'retrying' })).items).toHaveLength(2)
  })

  // W: 18
  it('keep the pace of dead letters, however many processes bring them back', async () => {
    const { clock, store, bus, shared, events } = await afterOutage(90)
    const clocks = turnsOf(shared).map((turns) => new DeadLetterClock({ store, clock, events: bus, turns, every: '15s' }))
    for (const letters of clocks) letters.start()
    await clock.advance(80_000)
    expect(events.filter(({ type }) => type === 'job.redriven')).toHaveLength(60)
    for (const letters of clocks) await letters.stop()
  })
})
