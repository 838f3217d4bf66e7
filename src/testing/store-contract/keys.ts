import type { Job } from '../../work/job.ts'
import type { JobStore } from '../../work/store.ts'
import type { Scenario } from './harness.ts'
import { add, get, running, same, settle, take } from './harness.ts'

const ids = (jobs: readonly { readonly id: string }[]) => jobs.map(({ id }) => id)

/** Takes from a lane of a kind with concurrency keys. */
function takeKeyed(
  store: JobStore,
  limit: number,
  over: { perKey?: number; worker?: string; kind?: string; target?: string } = {},
): Promise<readonly Job[]> {
  const { perKey = 1, worker = 'w1', kind = 'mail', target = 'smtp' } = over
  return store.claim({ worker, leaseMs: 10_000, lanes: [{ kind, target, limit, perKey }] })
}

/** The keys of these, sorted. */
const keysOf = (jobs: readonly (Job | undefined)[]) => jobs.map((job) => job?.concurrencyKey ?? '').sort()

const many = (count: number, over: object) => Array.from({ length: count }, () => over)

export const keys: readonly Scenario[] = [
  [
    'of jobs with the same concurrency key only so many run at once, in the order of their lane',
    async ({ store }) => {
      const [a1, a2, b1, none, a3] = await add(
        store,
        { concurrencyKey: 'a' },
        { concurrencyKey: 'a' },
        { concurrencyKey: 'b' },
        { concurrencyKey: '' },
        { concurrencyKey: 'a', priority: 1 },
      )
      same((await get(store, a1?.id as string)).concurrencyKey, 'a', 'the key is kept')
      const first = await takeKeyed(store, 10)
      same(ids(first), ids([a3, b1, none] as never), 'one of each key, and what has none')
      same(await takeKeyed(store, 10), [], 'then nothing')
      await settle(store, first[0] as Job, { type: 'succeeded' })
      same(ids(await takeKeyed(store, 10)), [a1?.id], 'the next of the key')
      same(ids(await takeKeyed(store, 10, { perKey: 2 })), [a2?.id], 'where two may')
    },
  ],
  [
    'a key is in use for all targets of its kind, and for its kind alone',
    async ({ store }) => {
      await running(store, { concurrencyKey: 'a' })
      const [elsewhere, sms] = await add(
        store,
        { concurrencyKey: 'a', target: 'imap' },
        { kind: 'sms', concurrencyKey: 'a', target: 'imap' },
      )
      same(await takeKeyed(store, 5, { target: 'imap' }), [], 'another target')
      same(ids(await takeKeyed(store, 5, { kind: 'sms', target: 'imap' })), [sms?.id], 'another kind')
      same(ids(await take(store, 5, { target: 'imap' })), [elsewhere?.id], 'a claim that does not ask takes it')
    },
  ],
  [
    'two lanes of one claim share their keys',
    async ({ store }) => {
      const [first, , other] = await add(
        store,
        { concurrencyKey: 'a', target: 'x' },
        { concurrencyKey: 'a', target: 'y' },
        { concurrencyKey: 'b', target: 'y' },
      )
      const jobs = await store.claim({
        worker: 'w',
        leaseMs: 1000,
        lanes: ['x', 'y'].map((target) => ({ kind: 'mail', target, limit: 5, perKey: 1 })),
      })
      same(ids(jobs), ids([first, other] as never), 'one of each key')
    },
  ],
  [
    'a key is free again however its job ends or goes back to wait',
    async ({ store, clock }) => {
      const error = { name: 'Error', message: 'no' }
      await add(store, ...many(7, { concurrencyKey: 'a' }))
      const next = async () => (await takeKeyed(store, 5))[0] as Job
      await settle(store, await next(), { type: 'succeeded' })
      await settle(store, await next(), { type: 'retry', delayMs: 500, error })
      await settle(store, await next(), { type: 'returned', delayMs: 500, reason: 'held' })
      await settle(store, await next(), { type: 'rescued', delayMs: 500, reason: 'gone' })
      await settle(store, await next(), { type: 'parked', reason: 'unknown' })
      await settle(store, await next(), { type: 'cancelled' })
      await settle(store, await next(), { type: 'dead', cause: 'attempts', error, targetDown: false })
      same(await store.runningKeys(), [], 'no key in use')
      await clock.advance(500)
      same((await takeKeyed(store, 5)).length, 1, 'and what became due waits for its turn')
    },
  ],
  [
    'the keys in use are told',
    async ({ store }) => {
      await add(store, ...many(2, { concurrencyKey: 'a' }), { concurrencyKey: '' }, {}, { concurrencyKey: 'b' })
      await take(store, 4)
      same(await store.runningKeys(), [{ kind: 'mail', key: 'a', count: 2 }], 'with how many run')
    },
  ],
  [
    'claims at the same time never let more jobs with a key run than may',
    async ({ store }) => {
      await add(store, ...['a', 'b', 'c'].flatMap((concurrencyKey) => many(20, { concurrencyKey })))
      const claims = Array.from({ length: 8 }, (_, n) => takeKeyed(store, 10, { perKey: 2, worker: `w${n}` }))
      const jobs = (await Promise.all(claims)).flat()
      same(keysOf(jobs), ['a', 'a', 'b', 'b', 'c', 'c'], 'two of each')
      same(new Set(ids(jobs)).size, 6, 'each once')
    },
  ],
  [
    'not even for several targets at the same time',
    async ({ store }) => {
      const targets = Array.from({ length: 8 }, (_, n) => `t${n}`)
      for (let round = 0; round < 10; round++) {
        await add(store, ...targets.map((target) => ({ target, concurrencyKey: `round ${round}` })))
        const claims = targets.map((target) => takeKeyed(store, 1, { target, worker: `w-${target}` }))
        same((await Promise.all(claims)).flat().length, 1, `one of them gets it, in round ${round}`)
      }
    },
  ],
  [
    'what waits for a busy key, however much, does not stand in the way of others',
    async ({ store }) => {
      await running(store, { concurrencyKey: 'busy' })
      await add(store, ...many(700, { concurrencyKey: 'busy', priority: 5 }))
      const [low, high, none, later] = await add(
        store,
        { concurrencyKey: 'x' },
        { concurrencyKey: 'y', priority: 1 },
        { concurrencyKey: '', priority: 1 },
        { concurrencyKey: 'x' },
      )
      same(ids(await takeKeyed(store, 2)).sort(), ids([high, none] as never).sort(), 'by priority')
      same(ids(await takeKeyed(store, 2)), [low?.id], 'then the rest')
      const more = await takeKeyed(store, 2, { perKey: 2 })
      same([more[0]?.concurrencyKey, more[1]?.id], ['busy', later?.id], 'where two may')
    },
  ],
  [
    'keys behind a busy one take turns',
    async ({ store }) => {
      await running(store, { concurrencyKey: 'busy' })
      await add(store, ...many(700, { concurrencyKey: 'busy' }))
      for (const concurrencyKey of ['a', 'b', 'c', 'a', 'b', 'c']) await add(store, { concurrencyKey })
      const served: (Job | undefined)[] = []
      for (let turn = 0; turn < 6; turn++) {
        const [job] = await takeKeyed(store, 1)
        served.push(job)
        await settle(store, job as Job, { type: 'succeeded' })
      }
      same(keysOf(served.slice(0, 3)), ['a', 'b', 'c'], 'each once')
      same(keysOf(served.slice(3)), ['a', 'b', 'c'], 'and again')
    },
  ],
]
