import { describe, expect, it } from 'vitest'
import { memoryStore } from '../stores/memory/memory-store.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import type { WorkRig, WorkRigOptions } from '../testing/work-rig.ts'
import { workRig } from '../testing/work-rig.ts'
import type { KindOptions } from './kind.ts'
import { defineKind } from './kind.ts'
import type { JobStore } from './store.ts'

interface Payload {
  readonly doc?: string
  readonly at?: string
}

/** Runs each job for 100 ms, and notes who runs beside whom. */
function watched(more: Partial<KindOptions<Payload>> = {}) {
  const seen = { now: new Map<string, number>(), most: new Map<string, number>(), order: [] as string[] }
  const kind = defineKind<Payload>({
    name: 'edit',
    target: ({ at = 't' }) => at,
    concurrencyKey: ({ doc }) => doc,
    handler: async ({ doc = 'none' }, { clock }) => {
      const count = (seen.now.get(doc) ?? 0) + 1
      seen.now.set(doc, count)
      seen.most.set(doc, Math.max(count, seen.most.get(doc) ?? 0))
      seen.order.push(doc)
      await new Promise<void>((resolve) => void clock.setTimer(100, resolve))
      seen.now.set(doc, (seen.now.get(doc) as number) - 1)
    },
    ...more,
  })
  return { seen, kind }
}

async function rigOn(kinds: WorkRigOptions['kinds'], clock = new VirtualClock(), store: JobStore = memoryStore({ clock })) {
  await store.open()
  return workRig({ clock, store, kinds })
}

const send = (rig: WorkRig, ...payloads: Payload[]) => rig.queue.enqueue(payloads.map((payload) => ({ kind: 'edit', payload })))

describe('jobs with a concurrency key', () => {
  it('run one at a time, in order, beside those with other keys and none', async () => {
    const { seen, kind } = watched()
    const rig = await rigOn([kind])
    await send(rig, { doc: 'a' }, { doc: 'a' }, { doc: 'b' }, { doc: 'a' }, {}, {})
    rig.worker.start()
    await rig.clock.advance(90)
    expect(seen.order).toEqual(['a', 'b', 'none', 'none'])
    await rig.clock.advance(15)
    // Nobody polls for it: the end of one is the start of the next.
    expect(seen.order.slice(4)).toEqual(['a'])
    await rig.clock.advance(500)
    expect(seen.order).toHaveLength(6)
    expect(Object.fromEntries(seen.most)).toEqual({ a: 1, b: 1, none: 2 })
    await rig.worker.stop()
  })

  it('run so many at a time as their kind says, over all targets and all workers of a store', async () => {
    const { seen, kind } = watched({ concurrencyPerKey: 2 })
    const clock = new VirtualClock()
    const store = memoryStore({ clock })
    const one = await rigOn([kind], clock, store)
    const two = workRig({ clock, store, kinds: [kind], identity: { host: 'here', pid: 2, bootId: 'x' } })
    await send(one, ...Array.from({ length: 20 }, (_, n) => ({ doc: 'a', at: `t${n % 3}` })))
    one.worker.start()
    two.worker.start()
    await clock.advance(5000)
    expect(seen.order).toHaveLength(20)
    expect(seen.most.get('a')).toBe(2)
    await Promise.all([one.worker.stop(), two.worker.stop()])
  })

  it('go on when another worker has ended theirs, though nobody says so', async () => {
    const { seen, kind } = watched()
    const rig = await rigOn([kind])
    await send(rig, { doc: 'a' }, { doc: 'a' })
    const [elsewhere] = await rig.store.claim({
      worker: 'other',
      leaseMs: 60_000,
      lanes: [{ kind: 'edit', target: 't', limit: 1, perKey: 1 }],
    })
    rig.worker.start()
    await rig.clock.advance(10_000)
    expect(seen.order).toEqual([])
    await rig.store.settle([{ id: elsewhere!.id, token: elsewhere!.token, type: 'succeeded' }])
    await rig.clock.advance(2300)
    expect(seen.order).toEqual(['a'])
    await rig.worker.stop()
  })

  // W: 19
  it('do not make the worker ask again and again while they wait, busy or idle', async () => {
    const { kind } = watched()
    const busy = defineKind({
      name: 'busy',
      target: 'x',
      handler: (_payload, { clock }) => new Promise<void>((resolve) => void clock.setTimer(5, resolve)),
    })
    const rig = await rigOn([kind, busy])
    await send(rig, { doc: 'a' }, { doc: 'a' })
    await rig.store.claim({ worker: 'other', leaseMs: 1e9, lanes: [{ kind: 'edit', target: 't', limit: 1, perKey: 1 }] })
    let keyed = 0
    const { claim } = rig.store
    rig.store.claim = (request) => {
      if (request.lanes.some(({ perKey }) => perKey !== undefined)) keyed++
      return claim.call(rig.store, request)
    }
    rig.worker.start()
    await rig.clock.advance(60_000)
    expect(keyed).toBeLessThan(45)
    keyed = 0
    await rig.queue.enqueue(Array.from({ length: 10_000 }, () => ({ kind: 'busy', payload: {} })))
    await rig.clock.advance(1000)
    expect(keyed).toBeLessThan(10)
    await rig.worker.stop()
  })

  it('start at once when they come in while others of their lane wait', async () => {
    const { seen, kind } = watched()
    const rig = await rigOn([kind])
    await send(rig, { doc: 'a' }, { doc: 'a' })
    await rig.store.claim({ worker: 'other', leaseMs: 1e9, lanes: [{ kind: 'edit', target: 't', limit: 1, perKey: 1 }] })
    rig.worker.start()
    await rig.clock.advance(60_000)
    await send(rig, { doc: 'b' })
    await rig.clock.advance(1)
    expect(seen.order).toEqual(['b'])
    await rig.worker.stop()
  })

  it('say why they wait', async () => {
    const { kind } = watched()
    const rig = await rigOn([kind])
    const [, second, other] = await send(rig, { doc: 'a' }, { doc: 'a' }, { doc: 'b' })
    await rig.store.claim({ worker: 'w', leaseMs: 1000, lanes: [{ kind: 'edit', target: 't', limit: 1, perKey: 1 }] })
    const jobs = (await rig.queue.list()).items
    const holds = await rig.queue.keyHolds(jobs)
    expect([...holds]).toEqual([[second!.id, { key: 'a', running: 1, limit: 1 }]])
    expect(holds.has(other!.id)).toBe(false)
  })

  it('are refused when their key is none', async () => {
    const { kind } = watched({ concurrencyKey: ({ doc }) => doc as string })
    const rig = await rigOn([kind])
    for (const doc of ['', 'x'.repeat(501), 'a\0', 7, null] as string[])
      await expect(send(rig, { doc })).rejects.toMatchObject({ code: 'ERR_JOB_INVALID', path: 'payload' })
  })

  it('have options that fit together', () => {
    const options = { name: 'k', target: 't', handler: () => {} }
    expect(() => defineKind({ ...options, concurrencyPerKey: 2 })).toThrow("goes with 'concurrencyKey'")
    expect(() => defineKind({ ...options, concurrencyKey: () => 'a', concurrencyPerKey: 0 })).toThrow('concurrencyPerKey')
    expect(() => defineKind({ ...options, concurrencyKey: 'doc' as never })).toThrow('concurrencyKey')
    expect(defineKind({ ...options, concurrencyKey: () => 'a' }).concurrencyPerKey).toBe(1)
    expect(defineKind(options)).toMatchObject({ concurrencyPerKey: Number.POSITIVE_INFINITY })
  })
})

describe('the limit of a target', () => {
  it('holds for all kinds together that aim at it', async () => {
    let most = 0
    let now = 0
    const handler = async (_payload: unknown, { clock }: { clock: VirtualClock }): Promise<void> => {
      most = Math.max(most, ++now)
      await new Promise<void>((resolve) => void clock.setTimer(10, resolve))
      now--
    }
    const kinds = ['edit', 'read'].map((name) => defineKind({ name, target: 'api', handler: handler as never }))
    const clock = new VirtualClock()
    const store = memoryStore({ clock })
    await store.open()
    const rig = workRig({ clock, store, kinds, admission: { admit: () => ({ admitted: true, slots: Math.max(0, 3 - now) }) } })
    await rig.queue.enqueue(Array.from({ length: 20 }, (_, n) => ({ kind: n % 2 ? 'edit' : 'read', payload: {} })))
    rig.worker.start()
    await clock.advance(500)
    expect([most, (await store.list({ state: 'succeeded' })).items.length]).toEqual([3, 20])
    await rig.worker.stop()
  })
})
