import { describe, expect, it } from 'vitest'
import { seededRandom } from '../core/random.ts'
import { memoryStore } from '../stores/memory/memory-store.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import type { WorkRig } from '../testing/work-rig.ts'
import { workRig } from '../testing/work-rig.ts'
import type { BatchRequest } from './batch-request.ts'
import { BatchSweep } from './batch-sweep.ts'
import { defineKind } from './kind.ts'
import { Rescuer } from './rescuer.ts'

interface Payload {
  readonly fails?: boolean
  readonly for?: number
}

async function start(running = true): Promise<WorkRig & { reports: unknown[] }> {
  const clock = new VirtualClock()
  const store = memoryStore({ clock })
  await store.open()
  const reports: unknown[] = []
  const part = defineKind<Payload>({
    name: 'part',
    target: 't',
    maxAttempts: 2,
    maxLostLeases: 1,
    deadLetter: { retries: 0 },
    backoff: { jitter: 'none' },
    handler: async ({ fails, for: ms = 10 }, { clock: time }) => {
      await new Promise<void>((resolve) => void time.setTimer(ms, resolve))
      if (fails) throw new Error('no')
    },
  })
  const report = defineKind({
    name: 'report',
    target: 'desk',
    handler: (payload) => void reports.push(payload),
    validate: (payload) => {
      if (typeof (payload as { batch?: { total?: unknown } }).batch?.total !== 'number') throw new Error('no batch')
    },
  })
  const rig = workRig({ clock, store, kinds: [part, report] })
  if (running) rig.worker.start()
  return { ...rig, reports }
}

const parts = (...payloads: Payload[]) => payloads.map((payload) => ({ kind: 'part', payload }))
const onComplete = { kind: 'report', payload: { to: 'me' } }

describe('a batch', () => {
  it('calls back once, when its last job has ended, with a summary', async () => {
    const rig = await start()
    const { id, jobs } = await rig.queue.enqueueBatch({
      jobs: parts({}, { fails: true }, { for: 5000 }, { for: 1000 }),
      onComplete,
    })
    await rig.clock.advance(100)
    expect(await rig.queue.batch(id)).toMatchObject({ total: 4, pending: 3, succeeded: 1, dead: 0, cancelled: 0 })
    await rig.queue.cancel(jobs[3]!.id)
    rig.worker.cancel(jobs[3]!.id)
    await rig.clock.advance(4800)
    expect(rig.reports).toEqual([])
    await rig.clock.advance(200)
    const summary = { id, total: 4, succeeded: 2, dead: 1, cancelled: 1 }
    expect(rig.reports).toEqual([{ to: 'me', batch: summary }])
    const batch = await rig.queue.batch(id)
    expect(batch).toMatchObject({ ...summary, pending: 0, completedAt: rig.clock.wallNow() - 100 })
    expect((await rig.queue.get(batch!.callback!))?.state).toBe('succeeded')
    expect(rig.events.filter(({ type }) => type === 'job.enqueued')).toHaveLength(5)
    const callback = batch!.callback
    const { id: name, ...counts } = summary
    expect(rig.events.filter(({ type }) => type.startsWith('batch.'))).toMatchObject([
      { type: 'batch.enqueued', batch: name, total: 4, callback },
      { type: 'batch.ended', batch: name, ...counts, callback },
    ])
    await rig.worker.stop()
  })

  it('that has ended is not ended again by a redrive', async () => {
    const rig = await start()
    const { id } = await rig.queue.enqueueBatch({ jobs: parts({ fails: true }), onComplete })
    await rig.clock.advance(5000)
    expect(rig.reports).toHaveLength(1)
    await rig.queue.redrive({ by: 'person' })
    await rig.clock.advance(5000)
    expect(rig.reports).toHaveLength(1)
    expect((await rig.queue.batch(id))?.dead).toBe(1)
    await rig.worker.stop()
  })

  it('ends when its waiting jobs are cancelled by hand, and at once when it has none of its own', async () => {
    const rig = await start(false)
    const first = await rig.queue.enqueueBatch({ jobs: parts({}), onComplete })
    await rig.queue.cancel(first.jobs[0]!.id)
    const known = [{ kind: 'part', payload: {}, idempotencyKey: 'k' }]
    await rig.queue.enqueue(known)
    await rig.queue.enqueueBatch({ jobs: known, onComplete })
    rig.worker.start()
    await rig.clock.advance(10)
    expect(rig.reports).toMatchObject([{ batch: { total: 1, cancelled: 1 } }, { batch: { total: 0 } }])
    expect(rig.events.filter(({ type }) => type.startsWith('batch.'))).toMatchObject([
      { type: 'batch.enqueued', total: 1 },
      { type: 'batch.ended', total: 1, cancelled: 1 },
      { type: 'batch.enqueued', total: 0 },
      { type: 'batch.ended', total: 0 },
    ])
    await rig.worker.stop()
  })

  it('ends when its last job is set aside as poison', async () => {
    const rig = await start(false)
    await rig.queue.enqueueBatch({ jobs: parts({}), onComplete })
    await rig.store.claim({ worker: 'gone', leaseMs: 1000, lanes: [{ kind: 'part', target: 't', limit: 1 }] })
    const { clock, store, kinds, bus } = rig
    const identity = { host: 'here', pid: 1, bootId: 'b' }
    const rescuer = new Rescuer({ store, kinds, clock, events: bus, identity, random: seededRandom(1), isAlive: () => false })
    await clock.advance(2000)
    expect((await rescuer.rescue()).poison).toBe(1)
    expect((await store.list({ kind: 'report' })).items).toHaveLength(1)
  })

  it('whose process vanished before the callback is ended by the sweep of another', async () => {
    const rig = await start(false)
    const { clock, store, bus } = rig
    for (let count = 0; count < 450; count++) {
      await rig.queue.enqueueBatch({ jobs: parts({}), onComplete })
    }
    const jobs = await store.claim({ worker: 'w', leaseMs: 1000, lanes: [{ kind: 'part', target: 't', limit: 440 }] })
    await store.settle(jobs.map(({ id, token }) => ({ id, token, type: 'succeeded' })))
    const sweep = new BatchSweep({ store, clock, events: bus, every: '10s' })
    sweep.start()
    await clock.advance(10_000)
    expect((await store.counts()).find(({ kind }) => kind === 'report')?.count).toBe(440)
    expect(await sweep.sweep()).toBe(0)
    await sweep.stop()
  })

  it('is refused whole when one job, or the callback, is', async () => {
    const rig = await start(false)
    const refused: [BatchRequest, string][] = [
      [{ jobs: [...parts({}), { kind: 'prat', payload: {} }] }, 'kind'],
      [{ jobs: parts({}), onComplete: { kind: 'repport' } }, 'onComplete.kind'],
      [{ jobs: parts({}), onComplete: { kind: 'report', payload: [] } }, 'onComplete.payload'],
      [{ jobs: parts({}), onComplete: { kind: 'report', payload: { batch: 1 } } }, 'onComplete.payload.batch'],
      [{ jobs: parts({}), onComplete: { kind: 'report', priority: 0.5 } }, 'onComplete.priority'],
      [{ jobs: parts({}), onComplete: { kind: 'report', idempotencyKey: 'k' } as never }, 'onComplete.idempotencyKey'],
      [{ jobs: parts({}), onCompleted: onComplete } as never, 'onCompleted'],
      [{ jobs: parts({}), id: 'with space' }, 'id'],
      [{} as never, 'jobs'],
    ]
    for (const [request, path] of refused)
      await expect(rig.queue.enqueueBatch(request)).rejects.toMatchObject({ details: { path } })
    expect(await rig.store.counts()).toEqual([])
  })

  it('with a name of its own is stored once', async () => {
    const rig = await start()
    const request = { id: 'import-7', jobs: parts({}, {}), onComplete }
    const first = await rig.queue.enqueueBatch(request)
    const again = await rig.queue.enqueueBatch(request)
    expect([first.duplicate, again.duplicate, again.jobs.map(({ id }) => id)]).toEqual([
      false,
      true,
      first.jobs.map(({ id }) => id),
    ])
    await rig.clock.advance(100)
    expect(rig.reports).toHaveLength(1)
    await rig.worker.stop()
  })

  it('that cannot be ended now is left to the sweep', async () => {
    const rig = await start()
    const { completeBatches } = rig.store
    rig.store.completeBatches = () => Promise.reject(new Error('away'))
    await rig.queue.enqueueBatch({ jobs: parts({}), onComplete })
    await rig.clock.advance(100)
    expect((await rig.store.list({ state: 'succeeded' })).items).toHaveLength(1)
    rig.store.completeBatches = completeBatches
    await new BatchSweep({ store: rig.store, clock: rig.clock, events: rig.bus }).sweep()
    await rig.clock.advance(100)
    expect(rig.reports).toHaveLength(1)
    await rig.worker.stop()
  })
})
