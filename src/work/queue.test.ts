import { describe, expect, it } from 'vitest'
import { HoldfastError } from '../core/errors.ts'
import type { HoldfastEvent } from '../core/events.ts'
import { EventBus } from '../core/events.ts'
import { memoryStore } from '../stores/memory/memory-store.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { JobInvalidError } from './job-errors.ts'
import type { KindOptions } from './kind.ts'
import { defineKind, kindTable } from './kind.ts'
import type { JobRequest } from './queue.ts'
import { JobQueue } from './queue.ts'

const NOW = Date.UTC(2026, 0, 1)

async function makeQueue(kind: Partial<KindOptions<{ to?: string }>> = {}) {
  const clock = new VirtualClock({ wallNow: NOW })
  const store = memoryStore({ clock })
  await store.open()
  const bus = new EventBus()
  const events: HoldfastEvent[] = []
  bus.observe((event) => events.push(event))
  const kinds = kindTable([defineKind({ name: 'mail', target: 'smtp', handler: () => {}, priority: 3, ...kind } as KindOptions)])
  return { clock, store, events, queue: new JobQueue({ store, kinds, clock, events: bus }) }
}

describe('enqueue', () => {
  it('stores what it was sent, with the kind’s defaults', async () => {
    const { queue, events } = await makeQueue()
    const [answer] = await queue.enqueue([{ kind: 'mail', payload: { to: 'a' } }])
    expect(answer).toMatchObject({ state: 'available', duplicate: false })
    expect(await queue.get(answer!.id)).toMatchObject({ kind: 'mail', target: 'smtp', payload: { to: 'a' }, priority: 3 })
    expect(events).toMatchObject([{ type: 'job.enqueued', job: answer!.id, kind: 'mail', target: 'smtp', duplicate: false }])
  })

  it('answers a known key with the first job, and refuses it with another payload', async () => {
    const { queue } = await makeQueue()
    const first = await queue.enqueue([{ kind: 'mail', payload: { a: 1, b: 2 }, idempotencyKey: 'k1' }])
    const again = await queue.enqueue([{ kind: 'mail', payload: { b: 2, a: 1 }, idempotencyKey: 'k1' }])
    expect(again).toMatchObject([{ id: first[0]!.id, duplicate: true }])
    await expect(queue.enqueue([{ kind: 'mail', payload: {}, idempotencyKey: 'k1' }])).rejects.toMatchObject({
      code: 'ERR_IDEMPOTENCY_MISMATCH',
    })
  })

  it('prepares jobs for a store that takes them in the caller’s transaction, and stores nothing of them itself', async () => {
    const { queue, store, events } = await makeQueue()
    const jobs = queue.prepare([{ kind: 'mail', payload: { to: 'a' }, idempotencyKey: 'k' }])
    expect(jobs).toMatchObject([{ kind: 'mail', target: 'smtp', priority: 3, idempotencyKey: 'k' }])
    expect([await queue.get(jobs[0]!.id), events]).toEqual([undefined, []])
    const answers = await store.enqueue(jobs)
    expect(answers).toMatchObject([{ id: jobs[0]!.id, duplicate: false }])
    expect(events).toEqual([])
    queue.announce(jobs, answers)
    expect(events).toMatchObject([{ type: 'job.enqueued', job: jobs[0]!.id, kind: 'mail', duplicate: false }])
    expect(() => queue.prepare([{ kind: 'nope', payload: 1 }])).toThrow('is not known here: got "nope"')
  })

  it('takes a time as epoch ms or as an ISO date', async () => {
    const { queue } = await makeQueue()
    const [number, text] = await queue.enqueue([
      { kind: 'mail', payload: {}, runAt: NOW + 60_000 },
      { kind: 'mail', payload: {}, runAt: '2026-01-01T01:02:00+01:00' },
    ])
    expect((await queue.get(number!.id))?.runAt).toBe(NOW + 60_000)
    const delayed = await queue.enqueue(['10m', 1500, 0].map((delay) => ({ kind: 'mail', payload: {}, delay })))
    const times = await Promise.all(delayed.map(async ({ id }) => (await queue.get(id))?.runAt))
    expect(times).toEqual([NOW + 600_000, NOW + 1500, NOW])
    expect(await queue.get(text!.id)).toMatchObject({ state: 'scheduled', runAt: NOW + 120_000 })
  })

  // W: 22
  it.each<[string, object, string]>([
    ['an unknown field', { priorty: 1 }, 'priorty'],
    ['no payload', { payload: undefined }, 'payload'],
    ['a payload that is not JSON', { payload: { items: [{ n: 1n }] } }, 'payload.items[0].n'],
    ['an empty key', { idempotencyKey: '' }, 'idempotencyKey'],
    ['a long key', { idempotencyKey: 'x'.repeat(256) }, 'idempotencyKey'],
    ['a key with a line break', { idempotencyKey: 'a\nb' }, 'idempotencyKey'],
    ['a date that is none', { runAt: 'tomorrow' }, 'runAt'],
    ['a local date', { runAt: '2026-01-01T01:02:00' }, 'runAt'],
    ['a day that there is not', { runAt: '2027-02-29T00:00:00Z' }, 'runAt'],
    ['seconds instead of ms', { runAt: 1_767_000_000 }, 'runAt'],
    ['a delay that is none', { delay: 'soon' }, 'delay'],
    ['a delay beside a time', { delay: '1m', runAt: NOW }, 'delay'],
    ['a delay back in time', { delay: -1 }, 'delay'],
    ['a delay too far ahead', { delay: '400d' }, 'delay'],
    ['a time too far ahead', { runAt: NOW + 400 * 86_400_000 }, 'runAt'],
    ['a fraction of a priority', { priority: 1.5 }, 'priority'],
    ['a priority out of bounds', { priority: -1001 }, 'priority'],
    ['no attempts', { maxAttempts: 0 }, 'maxAttempts'],
    ['a bad trace context', { traceparent: '00-1-2-3' }, 'traceparent'],
    ['a kind that is no text', { kind: 7 }, 'kind'],
  ])('refuses %s, naming the field', async (_what, fields, path) => {
    const { queue } = await makeQueue()
    const request = { kind: 'mail', payload: {}, ...fields } as unknown as JobRequest
    await expect(queue.enqueue([request])).rejects.toMatchObject({ code: 'ERR_JOB_INVALID', path, details: { path } })
    expect((await queue.list()).items).toEqual([])
  })

  it('hints at the field and at the kind that was meant', async () => {
    const { queue } = await makeQueue()
    const request = { kind: 'mail', payload: {}, priorty: 1 } as unknown as JobRequest
    await expect(queue.enqueue([request])).rejects.toMatchObject({ hint: "Did you mean 'priority'?" })
    await expect(queue.enqueue([{ kind: 'mial', payload: {} }])).rejects.toMatchObject({
      code: 'ERR_JOB_UNKNOWN_KIND',
      hint: "Did you mean 'mail'?",
    })
  })

  it('stores nothing of a batch with one bad job, and says which', async () => {
    const { queue, events } = await makeQueue()
    const batch = [
      { kind: 'mail', payload: 1 },
      { kind: 'mail', payload: { a: Number.NaN } },
    ]
    await expect(queue.enqueue(batch)).rejects.toMatchObject({
      message: expect.stringMatching(/^job 1: 'payload\.a'/),
      details: { index: 1, path: 'payload.a' },
    })
    expect((await queue.list()).items).toEqual([])
    expect(events).toEqual([])
  })

  it('lets a kind check its payload, with the path that it names', async () => {
    const { queue } = await makeQueue({
      validate: ({ to }) => {
        if (to === undefined) throw new JobInvalidError('payload.to', 'must be given', to)
        if (to === 'x') throw new Error('no such box')
      },
    })
    await expect(queue.enqueue([{ kind: 'mail', payload: {} }])).rejects.toMatchObject({ path: 'payload.to' })
    await expect(queue.enqueue([{ kind: 'mail', payload: { to: 'x' } }])).rejects.toMatchObject({
      code: 'ERR_JOB_INVALID',
      path: 'payload',
      message: expect.stringMatching(/no such box/),
    })
  })

  it('keeps the code of a refusal that a kind makes, and says its path from the request’s root, once', async () => {
    const forbidden = (path: string): Error =>
      Object.assign(new HoldfastError('no', { code: 'ERR_ADDRESS_FORBIDDEN', hint: 'h' }), { path, rule: 'must be allowed' })
    for (const [path, told] of [
      ['url', 'payload.url'],
      ['payload.url', 'payload.url'],
      ['payload', 'payload'],
      ['payloads', 'payload.payloads'],
      ['[0]', 'payload[0]'],
    ] as const) {
      const { queue } = await makeQueue({
        validate: () => {
          throw forbidden(path)
        },
      })
      const refusal = { code: 'ERR_ADDRESS_FORBIDDEN', hint: 'h', details: { path: told, rule: 'must be allowed' } }
      await expect(queue.enqueue([{ kind: 'mail', payload: {} }])).rejects.toMatchObject(refusal)
      await expect(queue.enqueue(['a', 'b'].map((payload) => ({ kind: 'mail', payload })))).rejects.toMatchObject({
        details: { path: told, index: 0 },
      })
    }
  })

  it('takes any other error of a kind’s check for a refusal, whatever its code', async () => {
    const { queue } = await makeQueue({
      validate: () => {
        throw new HoldfastError('away', { code: 'ERR_STORE_UNAVAILABLE', details: { path: 'to' } })
      },
    })
    await expect(queue.enqueue([{ kind: 'mail', payload: {} }])).rejects.toMatchObject({
      code: 'ERR_JOB_INVALID',
      path: 'payload.to',
    })
  })

  // W: 22
  it.each(['a\0b', 'a\nb', '\u001b[31m', '\ud800'])('refuses the target and the concurrency key %j', async (text) => {
    const read = (name: string) => (payload: object) => (payload as Record<string, string>)[name] as string
    const { queue } = await makeQueue({ target: read('t'), concurrencyKey: read('k') })
    for (const payload of [
      { t: text, k: 'x' },
      { t: 'x', k: text },
    ])
      await expect(queue.enqueue([{ kind: 'mail', payload }])).rejects.toMatchObject({ code: 'ERR_JOB_INVALID', path: 'payload' })
  })

  it('refuses a payload without a target', async () => {
    const { queue } = await makeQueue({ target: (payload) => payload.to as string })
    await expect(queue.enqueue([{ kind: 'mail', payload: {} }])).rejects.toMatchObject({ code: 'ERR_JOB_INVALID' })
  })
})

describe('the queue', () => {
  it('cancels waiting jobs and tells it once', async () => {
    const { queue, events } = await makeQueue()
    const [answer] = await queue.enqueue([{ kind: 'mail', payload: {} }])
    expect(await queue.cancel(answer!.id)).toMatchObject({ state: 'cancelled' })
    await queue.cancel(answer!.id)
    expect(events.filter((event) => event.type === 'job.cancelled')).toHaveLength(1)
    expect(await queue.retry(answer!.id)).toMatchObject({ state: 'available' })
    expect(await queue.cancel('nothing')).toBeUndefined()
  })

  // R: R4
  it('lists dead letters, redrives them and discards them', async () => {
    const { queue, store, events } = await makeQueue()
    const [answer] = await queue.enqueue([{ kind: 'mail', payload: {} }])
    const die = async (): Promise<void> => {
      const [job] = await store.claim({ worker: 'w', leaseMs: 1000, lanes: [{ kind: 'mail', target: 'smtp', limit: 1 }] })
      const error = { name: 'Error', message: 'no' }
      await store.settle([{ id: job!.id, token: job!.token, type: 'dead', cause: 'rejected', error, targetDown: false }])
    }
    await die()
    expect((await queue.deadLetters()).items).toMatchObject([{ id: answer!.id, cause: 'rejected', error: { message: 'no' } }])
    expect(await queue.redrive({ by: 'person', dryRun: true })).toEqual([answer!.id])
    expect(events.at(-1)?.type).toBe('job.enqueued')
    expect(await queue.redrive({ by: 'person' })).toEqual([answer!.id])
    expect(events.at(-1)).toMatchObject({ type: 'job.redriven', generation: 1, by: 'person' })
    await die()
    expect(await queue.discard(answer!.id)).toMatchObject({ status: 'discarded' })
  })
})
