import type { Job } from '../../work/job.ts'
import type { Scenario } from './harness.ts'
import { add, dead, get, oops, outcome, running, same, settle, take, truthy } from './harness.ts'

export const byHand: readonly Scenario[] = [
  [
    'waiting and parked jobs are cancelled at once, for good',
    async ({ store, clock }) => {
      const now = await store.now()
      const parked = await running(store)
      await settle(store, parked, { type: 'parked', reason: 'unknown' })
      const [available, scheduled] = await add(store, {}, { runAt: now + 10 })
      for (const id of [parked.id, available?.id as string, scheduled?.id as string]) {
        const answer = await store.cancel(id)
        same([answer?.state, answer?.cancelRequested, answer?.history.at(-1)?.event], ['cancelled', false, 'cancelled'], 'answer')
        same(await get(store, id), answer, 'is what is kept')
        same(await store.cancel(id), answer, 'and again changes nothing')
      }
      await clock.advance(100)
      same(await take(store, 10), [], 'nothing to do')
      same(await store.nextRunAt(), undefined, 'nothing scheduled')
      same(await store.cancel('nobody'), undefined, 'unknown')
    },
  ],
  [
    'a running job is asked to cancel, and its worker has the last word',
    async ({ store }) => {
      const job = await running(store)
      const answer = await store.cancel(job.id)
      same([answer?.state, answer?.cancelRequested], ['running', true], 'asked')
      await settle(store, job, { type: 'succeeded' })
      const kept = await get(store, job.id)
      same([kept.state, kept.cancelRequested], ['succeeded', false], 'it was done already')
    },
  ],
  [
    'a running job that was asked to cancel does not wait again',
    async ({ store }) => {
      for (const settlement of [
        { type: 'retry', delayMs: 0, error: oops },
        { type: 'returned', delayMs: 10, reason: 'held' },
        { type: 'rescued', delayMs: 0, reason: 'gone' },
        { type: 'parked', reason: 'unknown' },
      ] as const) {
        const job = await running(store)
        await store.cancel(job.id)
        await settle(store, job, settlement)
        const kept = await get(store, job.id)
        same([kept.state, kept.cancelRequested], ['cancelled', false], `after ${settlement.type}`)
      }
      same(await take(store, 5), [], 'nothing came back')
    },
  ],
  [
    'finished jobs are not cancelled',
    async ({ store }) => {
      const job = await running(store)
      await settle(store, job, { type: 'succeeded' })
      same((await store.cancel(job.id))?.state, 'succeeded', 'a success')
      const gone = await dead(store)
      same((await store.cancel(gone.id))?.state, 'dead', 'a dead one')
    },
  ],
  [
    'a retry brings back what waits, is parked, dead or cancelled, and tells of work',
    async ({ store }) => {
      let told = 0
      const now = await store.now()
      const [scheduled, cancelled] = await add(store, { runAt: now + 10_000 }, {})
      await store.cancel(cancelled?.id as string)
      const gone = await dead(store)
      store.onWork(() => void told++)
      for (const id of [scheduled?.id as string, cancelled?.id as string, gone.id]) {
        const answer = await store.retry(id)
        same([answer?.state, answer?.attempts, answer?.finishedAt], ['available', 0, undefined], 'available')
        same(answer?.history.at(-1)?.event, 'retried', 'told')
        truthy((answer?.runAt as number) <= (await store.now()), 'now')
      }
      same(told, 3, 'listeners heard')
      same((await take(store, 10)).length, 3, 'all run')
    },
  ],
  [
    'a retry keeps the attempts of a job that was scheduled, and forgets those of one that had ended',
    async ({ store }) => {
      const job = await running(store)
      await settle(store, job, { type: 'retry', delayMs: 1000, error: oops })
      same((await store.retry(job.id))?.attempts, 1, 'scheduled')
      const [again] = await take(store)
      await settle(store, again as Job, { type: 'rescued', delayMs: 0, reason: 'lost' })
      const [third] = await take(store)
      await store.settle([outcome(third as Job, { type: 'dead', cause: 'poison', error: oops, targetDown: false })])
      const back = await store.retry(job.id)
      same([back?.attempts, back?.lostLeases, back?.generation], [0, 0, 0], 'dead')
    },
  ],
  [
    'a retry leaves running, available and succeeded jobs as they are',
    async ({ store }) => {
      const job = await running(store)
      same(await store.retry(job.id), await get(store, job.id), 'running')
      await settle(store, job, { type: 'succeeded' })
      same(await store.retry(job.id), await get(store, job.id), 'succeeded')
      const [waiting] = await add(store, {})
      same(await store.retry(waiting?.id as string), await get(store, waiting?.id as string), 'available')
      same(await store.retry('nobody'), undefined, 'unknown')
    },
  ],
]
