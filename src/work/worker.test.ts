import { describe, expect, it } from 'vitest'
import { RejectedError } from '../core/errors.ts'
import { memoryStore } from '../stores/memory/memory-store.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import type { WorkRig, WorkRigOptions } from '../testing/work-rig.ts'
import { workRig } from '../testing/work-rig.ts'
import type { Admission } from './admission.ts'
import type { Handler, JobContext, Kind, KindOptions } from './kind.ts'
import { defineKind } from './kind.ts'
import { pauseTarget, snooze } from './steering.ts'

const never = (): Promise<never> => new Promise(() => {})
const kind = (handler: Handler, more: Partial<KindOptions> = {}): Kind =>
  defineKind({
    name: 'k',
    target: (payload) => (payload as { t?: string }).t ?? 't',
    handler,
    backoff: { jitter: 'none' },
    ...more,
  })

async function start(kinds: Kind | Kind[], options: Partial<WorkRigOptions> = {}): Promise<WorkRig> {
  const clock = new VirtualClock()
  const store = memoryStore({ clock })
  await store.open()
  const rig = workRig({ clock, store, kinds: [kinds].flat(), ...options })
  rig.worker.start()
  await clock.advance(0)
  return rig
}
const send = async (rig: WorkRig, payload: unknown = {}, more: object = {}): Promise<string> =>
  (await rig.queue.enqueue([{ kind: 'k', payload, ...more }]))[0]!.id

describe('the worker', () => {
  it('runs a job as soon as it is there and keeps its result', async () => {
    const seen: JobContext[] = []
    const rig = await start(kind((payload, context) => seen.push(context) && { sent: payload }))
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    const id = await send(rig, { n: 1 }, { idempotencyKey: 'key', traceparent })
    await rig.clock.advance(0)
    expect(await rig.queue.get(id)).toMatchObject({ state: 'succeeded', result: { sent: { n: 1 } }, attempts: 1 })
    expect(seen[0]).toMatchObject({ id, kind: 'k', target: 't', attempt: 1, idempotencyKey: 'key', traceparent, generation: 0 })
    expect(seen[0]!.deadline).toBe(30_000)
    expect(rig.told()).toEqual(['job.started', 'job.succeeded'])
  })

  it('looks again by growing steps, and at once when a scheduled job is due', async () => {
    const rig = await start(kind(() => {}))
    let looks = 0
    const { readyLanes } = rig.store
    rig.store.readyLanes = (...args) => {
      looks++
      return readyLanes.apply(rig.store, args)
    }
    await rig.clock.advance(60_000)
    // W: 19
    expect(looks).toBeLessThan(40)
    const id = await send(rig, {}, { runAt: rig.clock.wallNow() + 1234 })
    await rig.clock.advance(1233)
    expect((await rig.queue.get(id))?.state).toBe('scheduled')
    await rig.clock.advance(1)
    expect((await rig.queue.get(id))?.state).toBe('succeeded')
  })

  // R: R9
  it('tries again after growing waits, then leaves a dead letter with error and count', async () => {
    const starts: number[] = []
    const rig = await start(
      kind(
        (_payload, { clock }) => {
          starts.push(clock.now())
          throw new Error('boom')
        },
        { maxAttempts: 4 },
      ),
    )
    const id = await send(rig)
    await rig.clock.advance(10_000)
    expect(starts).toEqual([0, 1000, 3000, 7000])
    expect(await rig.queue.get(id)).toMatchObject({ state: 'dead', attempts: 4, lastError: { message: 'boom' } })
    expect((await rig.queue.deadLetters()).items).toMatchObject([
      { id, cause: 'attempts', attempts: 4, error: { message: 'boom' }, status: 'pending' },
    ])
    expect(rig.told().filter((type) => type !== 'job.started')).toEqual([
      'job.retrying',
      'job.retrying',
      'job.retrying',
      'job.dead',
    ])
  })

  it('runs no more than its concurrency, a kind’s own and the slots of a target', async () => {
    const open: { id: string; end: () => void }[] = []
    const wait: Handler = (_payload, { target }) => new Promise<void>((end) => open.push({ id: target, end }))
    const slots: Record<string, number> = { a: 2, b: 9 }
    const busy = (target: string): number => open.filter((run) => run.id === target).length
    const rig = await start([kind(wait), kind(wait, { name: 'few', concurrency: 1 })], {
      concurrency: 5,
      admission: { admit: (target) => ({ admitted: true, slots: (slots[target] ?? 0) - busy(target) }) },
    })
    await rig.queue.enqueue([
      ...Array.from({ length: 5 }, () => ({ kind: 'k', payload: { t: 'a' } })),
      ...Array.from({ length: 5 }, () => ({ kind: 'few', payload: { t: 'b' } })),
    ])
    await rig.clock.advance(100)
    expect([busy('a'), busy('b')]).toEqual([2, 1])
    await rig.queue.enqueue(Array.from({ length: 9 }, () => ({ kind: 'k', payload: { t: 'b' } })))
    await rig.clock.advance(100)
    expect(rig.worker.snapshot().running).toBe(5)
    while (open.length > 0) {
      open.pop()!.end()
      await rig.clock.advance(100)
      expect(rig.worker.snapshot().running).toBeLessThanOrEqual(5)
      expect(busy('a')).toBeLessThanOrEqual(2)
    }
    expect(rig.told().filter((type) => type === 'job.succeeded')).toHaveLength(19)
  })

  it('serves lanes in turns, though one has a long backlog', async () => {
    const order: string[] = []
    const rig = await start(
      kind((payload) => void order.push((payload as { t: string }).t)),
      { concurrency: 1 },
    )
    await rig.queue.enqueue([
      ...Array.from({ length: 20 }, () => ({ kind: 'k', payload: { t: 'a' } })),
      { kind: 'k', payload: { t: 'b' } },
      { kind: 'k', payload: { t: 'c' }, priority: 1 },
    ])
    while (order.length < 22) await rig.clock.advance(1)
    expect(order[0]).toBe('c')
    expect(order.indexOf('b')).toBeLessThan(4)
  })

  it('leaves what a target holds, tells of it once, and takes it when it is released', async () => {
    let admission: Admission = { admitted: true, slots: 9 }
    const rig = await start(
      kind(() => {}),
      { admission: { admit: () => admission } },
    )
    const heldUntil = rig.clock.wallNow() + 5000
    admission = { admitted: false, heldBy: 'breaker', heldUntil, reason: 'open' }
    const id = await send(rig)
    await rig.clock.advance(4999)
    expect(await rig.queue.get(id)).toMatchObject({ state: 'available', attempts: 0, history: [] })
    expect(rig.worker.snapshot().held).toEqual([{ target: 't', heldBy: 'breaker', heldUntil, reason: 'open' }])
    admission = { admitted: true, slots: 1 }
    await rig.clock.advance(1)
    expect((await rig.queue.get(id))?.state).toBe('succeeded')
    expect(rig.events.filter((event) => event.type.startsWith('target.'))).toMatchObject([
      { type: 'target.held', target: 't', heldBy: 'breaker', heldUntil },
      { type: 'target.released', target: 't' },
    ])
  })

  it('is woken from outside when a target is released early', async () => {
    let admission: Admission = { admitted: false, heldBy: 'pause', reason: 'paused' }
    const rig = await start(
      kind(() => {}),
      { admission: { admit: () => admission } },
    )
    const id = await send(rig)
    await rig.clock.advance(10_000)
    admission = { admitted: true, slots: 9 }
    rig.worker.wake()
    await rig.clock.advance(0)
    expect((await rig.queue.get(id))?.state).toBe('succeeded')
  })

  it('gives the attempt back when the target refuses', async () => {
    let refusals = 3
    const rig = await start(
      kind(() => 'done', { maxAttempts: 1 }),
      {
        run: async (_job, operation, signal) => {
          if (refusals-- > 0) throw new RejectedError('limit', { code: 'ERR_RATE_LIMITED', retryAfterMs: 1000 })
          return operation(signal)
        },
      },
    )
    const id = await send(rig)
    await rig.clock.advance(10_000)
    expect(await rig.queue.get(id)).toMatchObject({ state: 'succeeded', attempts: 1 })
  })

  // W: 7
  it('costs no attempts while the target is down, and no dead letters', async () => {
    let isDown = false
    let runs = 0
    const rig = await start(
      kind(
        () => {
          runs++
          if (isDown) throw new Error('connection refused')
        },
        { maxAttempts: 2 },
      ),
      { isTargetDown: () => isDown },
    )
    isDown = true
    const jobs = await rig.queue.enqueue(Array.from({ length: 20 }, (_, n) => ({ kind: 'k', payload: { n } })))
    await rig.clock.advance(60_000)
    expect(runs).toBeGreaterThan(100)
    for (const { id } of jobs) expect((await rig.queue.get(id))?.attempts).toBe(0)
    isDown = false
    await rig.clock.advance(2000)
    for (const { id } of jobs) expect(await rig.queue.get(id)).toMatchObject({ state: 'succeeded', attempts: 1 })
    expect((await rig.queue.deadLetters()).items).toEqual([])
  })

  it('ends an attempt that takes too long, with a signal made only then', async () => {
    let reason: unknown
    const rig = await start(
      kind(
        (_payload, { signal }) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => {
              reason = signal.reason
              reject(signal.reason as Error)
            })
          }),
        { timeout: '5s', maxAttempts: 1 },
      ),
    )
    const id = await send(rig)
    await rig.clock.advance(5000)
    expect(reason).toMatchObject({ code: 'ERR_TIMEOUT', limitMs: 5000 })
    expect(await rig.queue.get(id)).toMatchObject({ state: 'dead', lastError: { code: 'ERR_TIMEOUT' } })
  })

  // T: 13, 16
  it('does not wait for a handler that ignores its signal, and keeps its slot for a while', async () => {
    const rig = await start(kind(never, { timeout: '5s', maxAttempts: 1 }), { concurrency: 1, abandonedHold: '10s' })
    const [first, second] = [await send(rig), await send(rig)]
    await rig.clock.advance(5000)
    expect((await rig.queue.get(first))?.state).toBe('dead')
    expect(rig.worker.snapshot()).toMatchObject({ running: 0, abandoned: 1 })
    await rig.clock.advance(9999)
    expect((await rig.queue.get(second))?.state).toBe('available')
    await rig.clock.advance(1)
    expect((await rig.queue.get(second))?.state).toBe('running')
  })

  // W: 5
  it('parks or verifies a timeout that may have taken effect, as the kind says', async () => {
    const asked: string[] = []
    const answers = ['notDone', 'done'] as const
    const rig = await start([
      kind(never, { timeout: '1s', onUnknown: 'park' }),
      kind(never, {
        name: 'asks',
        timeout: '1s',
        onUnknown: 'verify',
        verify: (_payload, { idempotencyKey }) => answers[asked.push(idempotencyKey) - 1]!,
      }),
    ])
    const parked = await send(rig)
    const [verified] = await rig.queue.enqueue([{ kind: 'asks', payload: {}, idempotencyKey: 'mine' }])
    await rig.clock.advance(1000)
    expect(await rig.queue.get(parked)).toMatchObject({ state: 'parked', lastError: { code: 'ERR_TIMEOUT' } })
    expect(await rig.queue.get(verified!.id)).toMatchObject({ state: 'scheduled', attempts: 1 })
    await rig.clock.advance(5000)
    expect(await rig.queue.get(verified!.id)).toMatchObject({ state: 'succeeded', attempts: 2 })
    expect(asked).toEqual(['mine', 'mine'])
  })

  it('lets a handler put its job off as often as it likes', async () => {
    let left = 5
    const rig = await start(kind(() => (left-- > 0 ? snooze('1m') : 'done'), { maxAttempts: 1 }))
    const id = await send(rig)
    await rig.clock.advance(300_000)
    expect(await rig.queue.get(id)).toMatchObject({ state: 'succeeded', attempts: 1 })
  })

  it('lets a handler pause its target', async () => {
    let pausedUntil = 0
    let first = true
    const rig: WorkRig = await start(
      kind(() => {
        const pause = first
        first = false
        return pause ? pauseTarget({ for: '1m' }) : 'done'
      }),
      {
        pauseTarget: (_target, until) => {
          pausedUntil = until
        },
        admission: {
          admit: () =>
            rig.clock.wallNow() < pausedUntil
              ? { admitted: false, heldBy: 'pause', heldUntil: pausedUntil, reason: 'paused' }
              : { admitted: true, slots: 9 },
        },
      },
    )
    const jobs = [await send(rig), await send(rig)]
    await rig.clock.advance(59_000)
    expect(pausedUntil).toBe(rig.clock.wallNow() + 1000)
    expect(await rig.queue.get(jobs[0]!)).toMatchObject({ state: 'available', attempts: 0 })
    await rig.clock.advance(1000)
    expect(await rig.queue.get(jobs[0]!)).toMatchObject({ state: 'succeeded', attempts: 1 })
  })

  // T: 32
  it('takes handlers that throw at once, throw no Error, or return a thenable', async () => {
    const handlers: Handler[] = [
      () => {
        throw new Error('at once')
      },
      () => {
        throw 'text'
      },
      // oxlint-disable-next-line unicorn/no-thenable -- a thenable is what is tested
      () => ({ then: (resolve: (value: string) => void) => resolve('then') }),
    ]
    const rig = await start(handlers.map((handler, n) => kind(handler, { name: `k${n}`, maxAttempts: 1 })))
    const jobs = await rig.queue.enqueue(handlers.map((_, n) => ({ kind: `k${n}`, payload: {} })))
    await rig.clock.advance(10)
    const ends = await Promise.all(jobs.map(({ id }) => rig.queue.get(id)))
    expect(ends[0]).toMatchObject({ state: 'dead', lastError: { message: 'at once' } })
    expect(ends[1]).toMatchObject({ state: 'dead', lastError: { message: 'text' } })
    expect(ends[2]).toMatchObject({ state: 'succeeded', result: 'then' })
  })

  it('settles together what ends together', async () => {
    const rig = await start(
      kind(() => {}),
      { concurrency: 100 },
    )
    const sizes: number[] = []
    const { settle } = rig.store
    rig.store.settle = (batch) => {
      sizes.push(batch.length)
      return settle.call(rig.store, batch)
    }
    await rig.queue.enqueue(Array.from({ length: 300 }, () => ({ kind: 'k', payload: {} })))
    await rig.clock.advance(10)
    await rig.clock.advance(10)
    expect(sizes).toEqual([100, 100, 100])
  })

  it('is not stopped by an admission port that throws', async () => {
    let broken = true
    const rig = await start(
      kind(() => {}),
      {
        admission: {
          admit: () => {
            if (broken) throw new Error('bug')
            return { admitted: true, slots: 9 }
          },
        },
      },
    )
    const id = await send(rig)
    await rig.clock.advance(100)
    expect(rig.worker.snapshot()).toMatchObject({ held: [{ reason: expect.stringMatching(/bug/) }], store: { ok: true } })
    broken = false
    await rig.clock.advance(2000)
    expect((await rig.queue.get(id))?.state).toBe('succeeded')
  })
})
