/** Several runtimes, as several processes would be, on one store and one shared state. */
import { afterEach, describe, expect, it } from 'vitest'
import { memorySharedState } from '../stores/memory/memory-shared-state.ts'
import { memoryStore } from '../stores/memory/memory-store.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import type { Handler } from '../work/kind.ts'
import { connectionRefused, type RigOptions, runtimeRig } from './testing/runtime-rig.ts'

type Rig = ReturnType<typeof runtimeRig>

const rigs: Rig[] = []
let clock = new VirtualClock()

async function several(count: number, handler: Handler, options: RigOptions = {}): Promise<[Rig, Rig, ...Rig[]]> {
  clock = new VirtualClock()
  const store = Object.assign(memoryStore({ clock }), { close: async () => {} })
  const shared = Object.assign(memorySharedState({ clock }), { close: async () => {} })
  for (let index = 0; index < count; index++) rigs.push(runtimeRig(handler, { clock, store, shared, ...options }))
  const started = Promise.all(rigs.map(({ runtime }) => runtime.start()))
  await clock.advance(10)
  await started
  return [...rigs] as unknown as [Rig, Rig, ...Rig[]]
}

afterEach(async () => {
  const stopped = Promise.all(rigs.splice(0).map(({ runtime }) => runtime.stop(0)))
  await clock.advance(10_000)
  await stopped
  expect(clock.pendingTimers()).toBe(0)
})

const heldBy = (rig: Rig) => {
  const admission = rig.runtime.targets.admit('a')
  return admission.admitted ? undefined : admission.heldBy
}

describe('several processes on one store', () => {
  // W: 7
  it('send a target that is down one probe at a time, not one for each of them, and lose no attempt of a thousand jobs', async () => {
    let isUp = false
    let running = 0
    let most = 0
    const attempts: number[] = []
    const all = await several(
      4,
      async () => {
        attempts.push(clock.now())
        most = Math.max(most, ++running)
        await Promise.resolve()
        running--
        if (!isUp) throw connectionRefused
      },
      { concurrency: 5, targetDefaults: { breaker: { failures: 3, openFor: '5s', openForMax: '60s' } } },
    )
    await all[0].send('a', 1000)
    await clock.advance(2000)
    expect(all.map(heldBy)).toEqual(['breaker', 'breaker', 'breaker', 'breaker'])
    const openedAt = clock.now()
    const before = attempts.length
    expect(before).toBeLessThanOrEqual(20)
    most = 0
    await clock.advance(600_000)
    const probes = attempts.slice(before)
    // 5 s, 10 s, 20 s, 40 s, then each minute: what one process alone would send.
    expect(probes.length).toBeGreaterThanOrEqual(9)
    expect(probes.length).toBeLessThanOrEqual(13)
    expect(most).toBe(1)
    const { items } = await all[1].runtime.queue.list({ limit: 1000 })
    expect(items.every(({ state, attempts: counted }) => state !== 'dead' && counted <= 1)).toBe(true)
    isUp = true
    await clock.advance(75_000)
    expect((await all[1].runtime.queue.list({ state: 'succeeded', limit: 1000 })).items).toHaveLength(1000)
    expect(all.map(heldBy)).toEqual([undefined, undefined, undefined, undefined])
    expect(clock.now() - openedAt).toBeGreaterThan(600_000)
  })

  it('show who has found it down, and how many they are', async () => {
    const [a, b] = await several(3, () => Promise.reject(connectionRefused), { concurrency: 1 })
    await a.send('a', 30)
    await clock.advance(3000)
    const status = await b.source.status()
    expect(status.shared).toEqual({ name: 'memory', description: 'memory:', ok: true, processes: 3 })
    const { openedBy } = status.targets[0]?.breaker ?? {}
    expect(openedBy?.of).toBe(3)
    expect(openedBy?.processes).toBeGreaterThanOrEqual(1)
    expect(status.reasons.map(({ check }) => check)).toEqual(['target:a'])
  })

  it('hear of a pause, a resume, an isolation and a reset that any of them was told', async () => {
    const [a, b] = await several(2, () => {})
    a.runtime.pause('a')
    await clock.advance(1200)
    await b.send('a')
    await clock.advance(5000)
    expect([heldBy(b), (await b.runtime.queue.list({})).items[0]?.state]).toEqual(['pause', 'available'])
    b.runtime.resume('a')
    await clock.advance(1200)
    expect([heldBy(a), (await b.runtime.queue.list({})).items[0]?.state]).toEqual([undefined, 'succeeded'])
    b.runtime.isolate('a')
    await clock.advance(1200)
    expect(heldBy(a)).toBe('breaker')
    a.runtime.reset('a')
    await clock.advance(1200)
    expect(heldBy(b)).toBeUndefined()
  })

  it('go on with a pause of before they shared anything', async () => {
    const [a, b] = await several(2, () => {})
    await a.store.writeState('target:a', { version: 1, breaker: null, paused: { until: null } })
    await Promise.all([a.runtime.stop(0), b.runtime.stop(0), clock.advance(5000)])
    rigs.splice(0)
    const shared = memorySharedState({ clock })
    const again = [1, 2].map(() => runtimeRig(() => {}, { clock, store: a.store, shared }))
    rigs.push(...again)
    for (const { runtime } of again) {
      const started = runtime.start()
      await clock.advance(10)
      await started
    }
    await clock.advance(2000)
    expect(again.map(heldBy)).toEqual(['pause', 'pause'])
    again[0]?.runtime.resume('a')
    await clock.advance(1200)
    expect(again.map(heldBy)).toEqual([undefined, undefined])
  })

  // W: 18
  it('bring back once what died of an outage, though all their breakers close', async () => {
    let isUp = false
    const all = await several(3, () => (isUp ? undefined : Promise.reject(connectionRefused)), { kind: { maxAttempts: 3 } })
    await all[0].send('a')
    await clock.advance(2500)
    expect((await all[0].runtime.queue.deadLetters()).items).toMatchObject([{ cause: 'attempts' }])
    isUp = true
    all[1].runtime.reset('a')
    await clock.advance(5000)
    expect((await all[0].runtime.queue.list({})).items).toMatchObject([{ state: 'succeeded', generation: 1 }])
    expect(all.flatMap(({ events }) => events.filter(({ type }) => type === 'job.redriven'))).toHaveLength(1)
  })
})

describe('a process whose shared state is lost', () => {
  it('starts and works all the same, degraded, and is well again when it is back', async () => {
    const lost = memorySharedState({ clock })
    let isGone = true
    const shared = new Proxy(lost, {
      get: (target, name: keyof typeof lost) => {
        const value = target[name] as unknown
        if (typeof value !== 'function') return value
        if (name === 'onWord') return () => () => {}
        return (...args: unknown[]) =>
          isGone
            ? Promise.reject(new Error('ECONNREFUSED 127.0.0.1:6379'))
            : (value as (...args: unknown[]) => unknown).apply(target, args)
      },
    })
    const [a] = await several(1, () => {}, { shared })
    await a.send('a')
    await clock.advance(1000)
    expect((await a.runtime.queue.list({})).items).toMatchObject([{ state: 'succeeded' }])
    expect(a.runtime.sharing?.status()).toMatchObject({
      ok: false,
      message: expect.stringContaining('ECONNREFUSED'),
      processes: 1,
    })
    const { status, reasons } = await a.source.status()
    expect([status, reasons]).toMatchObject([
      'degraded',
      [{ check: 'shared-state', message: expect.stringContaining('ECONNREFUSED') }],
    ])
    isGone = false
    await lost.open()
    await clock.advance(10_000)
    expect(a.runtime.sharing?.status()).toEqual({ name: 'memory', description: 'memory:', ok: true, processes: 1 })
    expect(a.events.filter(({ type }) => type.startsWith('store.')).map(({ type }) => type)).toEqual([
      'store.degraded',
      'store.recovered',
    ])
    expect((await a.source.status()).status).toBe('healthy')
  })

  it('hears that the set-up of what they share was put right, and that it is not any more, without a restart', async () => {
    const clock = new VirtualClock()
    const shared = memorySharedState({ clock })
    let warnings = [{ code: 'redis-evicts' as const, message: 'Redis may drop leases', hint: 'Set noeviction.' }]
    shared.check = () => Promise.resolve(warnings)
    const { runtime, source, events } = runtimeRig(() => {}, { clock, shared })
    await runtime.start()
    expect((await source.status()).reasons).toMatchObject([{ check: 'shared-state' }])
    await clock.advance(120_000)
    expect(events.filter(({ type }) => type === 'store.degraded')).toHaveLength(1)
    const before = warnings
    warnings = []
    await clock.advance(60_000)
    expect(await source.status()).toMatchObject({ status: 'healthy', shared: { ok: true } })
    warnings = before
    await clock.advance(60_000)
    expect((await source.status()).status).toBe('degraded')
    expect(events.filter(({ type }) => type === 'store.degraded')).toHaveLength(2)
    await runtime.stop(0)
  })
})
