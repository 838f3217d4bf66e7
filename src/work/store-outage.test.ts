import { describe, expect, it } from 'vitest'
import { HoldfastError } from '../core/errors.ts'
import { memoryStore } from '../stores/memory/memory-store.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import type { WorkRig } from '../testing/work-rig.ts'
import { workRig } from '../testing/work-rig.ts'
import type { Handler } from './kind.ts'
import { defineKind } from './kind.ts'
import type { JobStore } from './store.ts'

const away = (): never => {
  throw new HoldfastError('disk full', { code: 'ERR_STORE_UNAVAILABLE' })
}

/** A store whose calls pass through a gate that may throw. */
function gated(store: JobStore, gate: (call: string) => void): JobStore {
  return new Proxy(store, {
    get(of, name: keyof JobStore) {
      const value = of[name] as unknown
      if (typeof value !== 'function' || name === 'onWork') return typeof value === 'function' ? value.bind(of) : value
      return async (...args: unknown[]) => {
        gate(name)
        return (value as (...rest: unknown[]) => unknown).apply(of, args)
      }
    },
  })
}

async function start(handler: Handler, gate: (call: string) => void): Promise<WorkRig> {
  const clock = new VirtualClock()
  const store = memoryStore({ clock })
  await store.open()
  const rig = workRig({
    clock,
    store: gated(store, gate),
    kinds: [defineKind({ name: 'k', target: 't', handler, timeout: '1h' })],
  })
  rig.worker.start()
  await clock.advance(0)
  return rig
}

describe('a store that is away', () => {
  // W: 21
  it('does not end the worker, is told once, and is used again when it is back', async () => {
    let isAway = false
    const rig = await start(
      () => {},
      () => isAway && away(),
    )
    isAway = true
    await expect(rig.queue.enqueue([{ kind: 'k', payload: {} }])).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
    await rig.clock.advance(600_000)
    expect(rig.worker.snapshot().store).toMatchObject({ ok: false, reason: 'disk full', since: expect.any(Number) })
    isAway = false
    await rig.queue.enqueue([{ kind: 'k', payload: {} }])
    await rig.clock.advance(5000)
    expect(rig.told().toSorted()).toEqual(['job.started', 'job.succeeded', 'store.degraded', 'store.recovered'])
  })

  it('gets the settlement later, and the handler runs once', async () => {
    let isAway = false
    let runs = 0
    const rig = await start(
      () => {
        runs++
        isAway = true
        return 'done'
      },
      () => isAway && away(),
    )
    const [job] = await rig.queue.enqueue([{ kind: 'k', payload: {} }])
    await rig.clock.advance(20_000)
    expect(rig.worker.snapshot()).toMatchObject({ unsettled: 1, running: 0 })
    expect(rig.worker.holds(job!.id)).toBe(true)
    isAway = false
    await rig.clock.advance(5000)
    expect(await rig.queue.get(job!.id)).toMatchObject({ state: 'succeeded', result: 'done' })
    expect(runs).toBe(1)
    expect(rig.worker.holds(job!.id)).toBe(false)
  })

  it('that took a settlement without answering is not taken for a lost lease', async () => {
    let lose = false
    const rig = await start(
      () => {
        lose = true
      },
      () => {},
    )
    const { settle } = rig.store
    rig.store.settle = async (batch) => {
      const answer = await settle(batch)
      if (lose) {
        lose = false
        away()
      }
      return answer
    }
    const [job] = await rig.queue.enqueue([{ kind: 'k', payload: {} }])
    await rig.clock.advance(5000)
    expect((await rig.queue.get(job!.id))?.state).toBe('succeeded')
    expect(rig.told()).toEqual(['job.started', 'store.degraded', 'store.recovered', 'job.succeeded'])
  })

  it('that refuses one settlement for its content still takes the others', async () => {
    const rig = await start(
      (payload) => ({ n: payload }),
      () => {},
    )
    const { settle } = rig.store
    rig.store.settle = async (batch) => {
      const bad = batch.some((settlement) => JSON.stringify(settlement).includes('"n":13'))
      if (bad) throw new Error('invalid byte sequence')
      return settle(batch)
    }
    const jobs = await rig.queue.enqueue(Array.from({ length: 30 }, (_, n) => ({ kind: 'k', payload: n })))
    await rig.clock.advance(60_000)
    for (const [n, { id }] of jobs.entries())
      expect(await rig.queue.get(id)).toMatchObject({ state: 'succeeded', ...(n === 13 ? {} : { result: { n } }) })
  })

  it('is not given more work while it does not take what is done', async () => {
    let runs = 0
    const rig = await start(
      () => void runs++,
      (call) => call === 'settle' && away(),
    )
    for (let n = 0; n < 4; n++) await rig.queue.enqueue(Array.from({ length: 50 }, () => ({ kind: 'k', payload: {} })))
    await rig.clock.advance(60_000)
    expect(runs).toBe(50)
  })

  // W: 15, W: 21
  it('that answers questions and takes nothing, as a full disk does, is told of once', async () => {
    let isFull = false
    const rig = await start(
      () => {
        isFull = true
      },
      (call) => isFull && call === 'settle' && away(),
    )
    await rig.queue.enqueue([{ kind: 'k', payload: {} }])
    await rig.clock.advance(60_000)
    expect(rig.worker.snapshot().store).toEqual({ ok: false, reason: 'disk full', since: expect.any(Number) })
    expect(rig.told()).toEqual(['job.started', 'store.degraded'])
    isFull = false
    await rig.clock.advance(5000)
    expect(rig.told()).toEqual(['job.started', 'store.degraded', 'store.recovered', 'job.succeeded'])
  })
})
