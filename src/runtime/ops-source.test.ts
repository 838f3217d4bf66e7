import { describe, expect, it } from 'vitest'
import type { HealthReason } from '../ops/source.ts'
import { memoryStore } from '../stores/memory/memory-store.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { DeadError } from '../work/steering.ts'
import { RuntimeSource } from './ops-source.ts'
import { connectionRefused, runtimeRig } from './testing/runtime-rig.ts'

const reasons = (list: readonly HealthReason[]) => list.map(({ check, status }) => [check, status])

describe('a job as the windows see it', () => {
  it('says what holds it, until when, and when it runs next', async () => {
    const { runtime, clock, send, source } = runtimeRig(() => Promise.reject(connectionRefused))
    await runtime.start()
    const ids = await send('a', 6)
    await clock.advance(1500)
    for (const id of ids) {
      const job = (await source.job(id))!
      expect(job).toMatchObject({ state: 'available', heldBy: 'breaker', heldReason: 'circuit open: 3 failures in a row' })
      expect(Math.abs(job.heldUntil! - (runtime.startedAt + 10_000))).toBeLessThan(100)
      expect(job.nextRunAt).toBe(job.heldUntil)
    }
    const runAt = clock.wallNow() + 60_000
    const [later] = await runtime.queue.enqueue([{ kind: 'mail', payload: { to: 'a' }, runAt }])
    const scheduled = await source.job(later!.id)
    expect(scheduled).toMatchObject({ state: 'scheduled', nextRunAt: runAt })
    expect(scheduled).not.toHaveProperty('heldBy')
  })

  it('of a batch is told with it in the status, and the batches page by page', async () => {
    const { runtime, clock, source } = runtimeRig(() => {})
    await runtime.start()
    runtime.pause('a')
    const jobs = [{ kind: 'mail', payload: { to: 'a' } }]
    await runtime.queue.enqueueBatch({ id: 'one', jobs })
    await runtime.queue.enqueueBatch({ id: 'two', jobs })
    expect((await source.status()).batches).toMatchObject([{ id: 'two', pending: 1 }, { id: 'one' }])
    const { nextCursor } = await source.batches({ limit: 1 })
    expect((await source.batches({ cursor: nextCursor })).items).toMatchObject([{ id: 'one' }])
    runtime.resume('a')
    await clock.advance(3000)
    expect((await source.status()).batches).toMatchObject([{ pending: 0 }, { pending: 0 }])
    await runtime.stop(0)
  })

  it('is held by a pause without end until nobody knows when', async () => {
    const { runtime, send, settle, source } = runtimeRig(() => {})
    await runtime.start()
    runtime.pause('a')
    const [id] = await send('a')
    await settle()
    const job = await source.job(id!)
    expect(job).toMatchObject({ state: 'available', heldBy: 'pause' })
    expect(job).not.toHaveProperty('nextRunAt')
    expect(job).not.toHaveProperty('heldUntil')
    expect((await source.jobs({ target: 'a' })).items).toEqual([job])
  })

  it('waits for its concurrency key, once its target admits it', async () => {
    const kind = { concurrencyKey: (payload: unknown) => (payload as { to: string }).to, concurrencyPerKey: 2 }
    const { runtime, send, settle, source } = runtimeRig(() => new Promise(() => {}), { kind })
    await runtime.start()
    const ids = await send('a', 3)
    await settle()
    const held = {
      state: 'available',
      heldBy: 'concurrency',
      heldKey: 'a',
      heldReason: "2 jobs with the key 'a' run, of 2 that may",
    }
    const job = await source.job(ids[2]!)
    expect(job).toMatchObject(held)
    expect(job).not.toHaveProperty('nextRunAt')
    expect((await source.jobs({ state: 'available' })).items).toEqual([job])
    runtime.pause('a')
    expect(await source.job(ids[2]!)).toMatchObject({ heldBy: 'pause' })
    runtime.resume('a')
    await runtime.stop(0)
  })

  it('that is done waits for nothing', async () => {
    const { runtime, send, settle, source } = runtimeRig(() => {})
    await runtime.start()
    const [id] = await send('a')
    await settle()
    runtime.isolate('a')
    const job = await source.job(id!)
    expect(job).not.toHaveProperty('heldBy')
    expect(job).not.toHaveProperty('nextRunAt')
    expect(await source.job('nothing')).toBeUndefined()
  })
})

describe('the targets as the windows see them', () => {
  // R: R7, R11, X11
  it('have their breaker, limits, jobs, latency and last error', async () => {
    const rig = runtimeRig(
      async (payload, { clock }) => {
        if ((payload as { to: string }).to === 'a') throw connectionRefused
        await new Promise<void>((resolve) => clock.setTimer(40, resolve))
      },
      { targets: { b: { rate: { limit: 5, per: '10s' }, concurrency: { limit: 2, queue: 0 } } } },
    )
    const { runtime, clock, send, source } = rig
    await runtime.start()
    await send('a', 6)
    await send('b', 2)
    await clock.advance(600)
    const [a, b] = await source.targets()
    expect(a).toMatchObject({
      name: 'a',
      breaker: { state: 'open', since: expect.any(Number), probeAt: expect.any(Number), reason: '3 failures in a row' },
      heldBy: 'breaker',
      heldUntil: a!.breaker!.probeAt,
      successes: 0,
      failures: expect.any(Number),
      held: a!.jobs.available,
      lastError: { code: 'ECONNREFUSED', at: expect.any(Number) },
    })
    expect(a!.held).toBeGreaterThan(0)
    expect(a).not.toHaveProperty('limiter')
    expect(b).toMatchObject({
      name: 'b',
      breaker: { state: 'closed' },
      limiter: { available: 3, capacity: 5 },
      bulkhead: { inFlight: 0, limit: 2, queued: 0 },
      successes: 2,
      failures: 0,
      held: 0,
      jobs: { succeeded: 2 },
      latency: { count: 2, minMs: 40 },
    })
    for (const absent of ['heldBy', 'paused', 'lastError']) expect(b).not.toHaveProperty(absent)
  })

  it('are known as soon as they have jobs, even in another process', async () => {
    const clock = new VirtualClock()
    const store = memoryStore({ clock })
    const elsewhere = runtimeRig(() => {}, { clock, store })
    const { runtime, source } = runtimeRig(() => {}, { clock, store })
    await store.open()
    await elsewhere.send('far')
    expect(await source.targets()).toMatchObject([{ name: 'far', jobs: { available: 1 } }])
    expect(await source.pause('far')).toMatchObject({ name: 'far', paused: {}, heldBy: 'pause' })
    expect(runtime.targets.admit('far')).toMatchObject({ heldBy: 'pause' })
  })

  // T: 31
  it('are in a status only so many, those in trouble first; of a great many, the process meets only those it works for', async () => {
    const { runtime, store, source } = runtimeRig(() => {})
    await store.open()
    await runtime.queue.enqueue(Array.from({ length: 600 }, (_, i) => ({ kind: 'mail', payload: { to: `t${i}` }, delay: '1h' })))
    runtime.targets.get('t599').pause()
    const { targets, moreTargets } = await source.status()
    expect([targets.length, moreTargets]).toEqual([500, 100])
    expect(targets.find(({ name }) => name === 't599')).toMatchObject({ paused: {}, jobs: { scheduled: 1 } })
    expect((await source.targets()).map(({ jobs }) => jobs.scheduled)).toEqual(Array(600).fill(1))
    expect(runtime.targets.all()).toHaveLength(1)
    expect(await source.pause('t7')).toMatchObject({ name: 't7', paused: {} })
  })

  it('are steered by name; an unknown name makes none', async () => {
    const { runtime, clock, send, settle, source } = runtimeRig(() => {})
    await runtime.start()
    await send('a')
    await settle()
    expect(await source.isolate('a')).toMatchObject({ breaker: { state: 'isolated' }, heldBy: 'breaker' })
    expect(await source.reset('a')).toMatchObject({ breaker: { state: 'closed' } })
    const until = clock.wallNow() + 5000
    expect(await source.pause('a', until)).toMatchObject({ paused: { until }, heldUntil: until })
    const resumed = await source.resume('a')
    expect(resumed).toMatchObject({ name: 'a' })
    expect(resumed).not.toHaveProperty('paused')
    for (const steer of [source.isolate, source.reset, source.resume, source.pause]) {
      expect(await steer.call(source, 'typo')).toBeUndefined()
      expect(runtime.targets.find('typo')).toBeUndefined()
    }
  })

  it('can be paused before their first job when the settings name them or jobs may aim at them, and no others', async () => {
    const { runtime, clock, send, settle } = runtimeRig(() => {}, { targets: { '*.example.com': {}, smtp: {} } })
    const source = new RuntimeSource(runtime, '1.2.3', (name) => name.startsWith('https://'))
    await runtime.start()
    for (const name of ['smtp', 'mx.example.com', 'https://api.example.org'])
      expect(await source.pause(name), name).toMatchObject({ name, heldBy: 'pause', jobs: {} })
    for (const name of ['typo', `https://${'x'.repeat(500)}`]) expect(await source.pause(name)).toBeUndefined()
    expect(await source.isolate('mail.example.com')).toBeUndefined()
    await send('mx.example.com')
    await settle()
    expect((await source.jobs({})).items).toMatchObject([{ state: 'available', heldBy: 'pause' }])
    for (let count = 3; count < 1000; count++) await source.pause(`https://${count}`, clock.wallNow() + 1000)
    expect(await source.pause('https://one-too-many')).toBeUndefined()
    await clock.advance(1000)
    expect(await source.pause('https://one-too-many')).toMatchObject({ paused: {} })
  })

  it('that are steered are remembered before the answer', async () => {
    const { runtime, send, settle, source, store } = runtimeRig(() => {})
    await runtime.start()
    await send('a')
    await settle()
    await source.pause('a')
    expect(await store.readStates('target:')).toMatchObject([{ name: 'target:a', value: { paused: { until: null } } }])
    await source.isolate('a')
    await source.resume('a')
    expect(await store.readStates('target:')).toMatchObject([{ value: { paused: null, breaker: { state: 'isolated' } } }])
    await source.reset('a')
    expect(await store.readStates('target:')).toEqual([])
  })
})

describe('the status', () => {
  // R: X11, R11
  it('counts jobs, dead letters, what is held and how late the oldest is', async () => {
    const rig = runtimeRig((payload) => {
      const { to } = payload as { to: string }
      if (to === 'bad') throw new DeadError('rejected', 'no such box')
    })
    const { runtime, clock, send, settle, source } = rig
    await runtime.start()
    await send('a', 3)
    await send('bad', 2)
    runtime.pause('later')
    await send('later', 4)
    await settle()
    await clock.advance(1000)
    expect(await source.status()).toMatchObject({
      status: 'degraded',
      version: '1.2.3',
      startedAt: runtime.startedAt,
      now: clock.wallNow(),
      store: { name: 'memory', ok: true },
      worker: { running: 0, concurrency: 50, state: 'running', skewMs: 0 },
      jobs: { succeeded: 3, dead: 2, available: 4, running: 0, scheduled: 0, cancelled: 0, parked: 0 },
      deadLetters: { exhausted: 2, pending: 0 },
      held: 4,
      oldestWaitingMs: 0,
      operations: expect.arrayContaining([expect.objectContaining({ operation: 'mail', count: 5, failures: 2 })]),
    })
  })

  // R: R7, R10
  it('goes from healthy to degraded to unhealthy and back, with a reason each and since when', async () => {
    let isUp = false
    const { runtime, clock, send, source, store } = runtimeRig(() => (isUp ? undefined : Promise.reject(connectionRefused)))
    await runtime.start()
    expect(await source.status()).toMatchObject({ status: 'healthy', reasons: [] })

    await send('a', 3)
    await clock.advance(1000)
    const degraded = await source.status()
    expect([degraded.status, reasons(degraded.reasons)]).toEqual(['degraded', [['target:a', 'degraded']]])
    expect(degraded.reasons[0]).toMatchObject({ since: degraded.targets[0]!.breaker!.since })

    const { check, counts } = store
    const full = () => Promise.reject(new Error('disk full'))
    Object.assign(store, { check: full, counts: full })
    await clock.advance(3000)
    const unhealthy = await source.status()
    expect([unhealthy.status, reasons(unhealthy.reasons)]).toEqual([
      'unhealthy',
      [
        ['store', 'unhealthy'],
        ['target:a', 'degraded'],
      ],
    ])
    expect(unhealthy.store).toMatchObject({ ok: false, message: 'disk full' })
    expect(await source.ready()).toEqual({ ok: false, message: 'disk full' })

    Object.assign(store, { check, counts })
    isUp = true
    await clock.advance(30_000)
    expect(await source.status()).toMatchObject({ status: 'healthy', reasons: [], jobs: { succeeded: 3 } })
    expect(await source.ready()).toMatchObject({ ok: true })
  })

  // W: 20
  it('is not ready once it is to stop, though all is well', async () => {
    const { runtime, source } = runtimeRig(() => {})
    await runtime.start()
    expect(await source.ready()).toMatchObject({ ok: true })
    source.beginStop()
    expect(await source.ready()).toEqual({ ok: false, message: 'shutting down' })
  })

  // T: 30
  it('counts at most twice a second, however many ask', async () => {
    const { runtime, clock, source, store } = runtimeRig(() => {})
    await runtime.start()
    let counted = 0
    const { counts } = store
    store.counts = () => {
      counted++
      return counts.call(store)
    }
    await Promise.all([source.status(), source.targets(), source.status()])
    await source.pause('a')
    await clock.advance(499)
    await source.status()
    expect(counted).toBe(1)
    await clock.advance(1)
    await source.status()
    expect(counted).toBe(2)
  })
})

describe('dead letters by hand', () => {
  // R: R4
  it('come back, are said to have been brought by a person, or are discarded', async () => {
    let isWell = false
    const { runtime, send, settle, source, events } = runtimeRig(() => {
      if (!isWell) throw new DeadError('rejected', 'no such box')
    })
    await runtime.start()
    const [one, two] = await send('a', 2)
    await settle()
    expect((await source.deadLetters({})).items).toHaveLength(2)
    expect(await source.discard(two!)).toMatchObject({ status: 'discarded' })
    isWell = true
    expect(await source.redrive({ limit: 10 })).toEqual([one])
    await settle()
    expect(await source.job(one!)).toMatchObject({ state: 'succeeded', generation: 1 })
    expect(events.find(({ type }) => type === 'job.redriven')).toMatchObject({ by: 'person' })
    expect((await source.status()).deadLetters).toMatchObject({ resolved: 1, discarded: 1, pending: 0, exhausted: 0 })
  })

  // R: R4
  it('counts dead letters by target and kind, and says since when there are some and when the next comes back', async () => {
    const { runtime, clock, send, settle, source } = runtimeRig(() => Promise.reject(connectionRefused), {
      kind: { maxAttempts: 1 },
      targetDefaults: { breaker: false },
    })
    await runtime.start()
    expect(await source.deadLetterStats()).toMatchObject({ groups: [], causes: {}, deadLetters: { pending: 0 } })
    const began = clock.wallNow()
    await send('a')
    await settle()
    await clock.advance(3000)
    const [gone] = await send('b', 2)
    await settle()
    await source.discard(gone!)
    await clock.advance(3000)
    const { items } = await source.deadLetters({})
    const stats = await source.deadLetterStats()
    expect(stats).toEqual({
      deadLetters: { pending: 2, retrying: 0, exhausted: 0, resolved: 0, discarded: 1 },
      groups: [
        { target: 'a', kind: 'mail', pending: 1, retrying: 0, exhausted: 0, resolved: 0, discarded: 0 },
        { target: 'b', kind: 'mail', pending: 1, retrying: 0, exhausted: 0, resolved: 0, discarded: 1 },
      ],
      oldestAt: items.at(-1)?.createdAt,
      nextRetryAt: Math.min(...items.flatMap(({ nextRetryAt }) => nextRetryAt ?? [])),
      causes: { attempts: 2 },
    })
    // Nobody had asked when the first of them died.
    const { reasons } = await source.status()
    expect(reasons).toMatchObject([{ check: 'dead-letters', since: stats.oldestAt }])
    expect(reasons[0]!.since - began).toBeLessThan(100)
  })

  it('says since when a target is paused, also when it is prolonged, and after a restart', async () => {
    const { runtime, clock, send, settle, source, store } = runtimeRig(() => undefined)
    await runtime.start()
    await send('a')
    await settle()
    const since = clock.wallNow()
    runtime.pause('a')
    await send('a')
    await clock.advance(60_000)
    runtime.pause('a', since + 600_000)
    expect((await source.status()).reasons).toMatchObject([{ check: 'target:a', since }])
    expect(await source.targets()).toMatchObject([{ name: 'a', paused: { since, until: since + 600_000 } }])
    await runtime.targets.flush()
    const again = runtimeRig(() => undefined, { store, clock })
    await again.runtime.targets.load()
    expect(again.runtime.targets.get('a').snapshot()).toMatchObject({ pausedSince: since, pausedUntil: since + 600_000 })
    again.runtime.targets.get('a').resume()
    expect(again.runtime.targets.get('a').snapshot().pausedSince).toBeUndefined()
  })
})
