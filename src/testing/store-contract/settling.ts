import type { Job } from '../../work/job.ts'
import { HISTORY_LIMIT } from '../../work/job.ts'
import type { Scenario } from './harness.ts'
import { get, oops, running, same, settle, take, truthy } from './harness.ts'

const brief = (job: Job) => ({
  state: job.state,
  attempts: job.attempts,
  lostLeases: job.lostLeases,
  worker: job.worker,
  leaseUntil: job.leaseUntil,
  events: job.history.map(({ event }) => event),
})

export const settling: readonly Scenario[] = [
  [
    'a success keeps its result, and has no story when it came at once',
    async ({ store }) => {
      const job = await running(store)
      await settle(store, job, { type: 'succeeded', result: { sent: true } })
      const kept = await get(store, job.id)
      same(brief(kept), { state: 'succeeded', attempts: 1, lostLeases: 0, events: [] }, 'the job')
      same(kept.result, { sent: true }, 'result')
      truthy((kept.finishedAt as number) >= (kept.startedAt as number), 'finishedAt')
    },
  ],
  [
    'a retry waits for its delay; the attempt counts, and the story says why',
    async ({ store, clock }) => {
      const job = await running(store)
      await settle(store, job, { type: 'retry', delayMs: 500, error: oops })
      const kept = await get(store, job.id)
      same(brief(kept), { state: 'scheduled', attempts: 1, lostLeases: 0, events: ['failed'] }, 'the job')
      same(kept.lastError, oops, 'lastError')
      const [entry] = kept.history
      same([entry?.attempt, entry?.error, entry?.worker, entry?.nextRunAt], [1, oops, 'w1', kept.runAt], 'the entry')
      same(kept.runAt - (entry?.at as number), 500, "the delay counts from the store's now")
      await clock.advance(500)
      const [again] = await take(store)
      same([again?.id, again?.attempts, again?.token], [job.id, 2, 2], 'the second attempt')
      await settle(store, again as Job, { type: 'succeeded' })
      same(brief(await get(store, job.id)).events, ['failed', 'succeeded'], 'a success after trouble is told')
    },
  ],
  [
    'a retry without delay is available at once',
    async ({ store }) => {
      const job = await running(store)
      await settle(store, job, { type: 'retry', delayMs: 0, error: oops })
      same((await get(store, job.id)).state, 'available', 'state')
      same((await take(store))[0]?.id, job.id, 'claimed again')
    },
  ],
  [
    'a job that is returned gets its attempt back',
    async ({ store }) => {
      const job = await running(store)
      await settle(store, job, { type: 'returned', delayMs: 0, reason: 'shutting down' })
      const kept = await get(store, job.id)
      same(brief(kept), { state: 'available', attempts: 0, lostLeases: 0, events: ['returned'] }, 'the job')
      same([kept.history[0]?.reason, kept.lastError], ['shutting down', undefined], 'reason, and no error')
      const [again] = await take(store)
      await settle(store, again as Job, { type: 'returned', delayMs: 50, reason: 'breaker', error: oops })
      same([(await get(store, job.id)).state, (await get(store, job.id)).lastError], ['scheduled', oops], 'with a delay')
    },
  ],
  [
    'a job that is rescued gets its attempt back, and one more lost lease',
    async ({ store }) => {
      const job = await running(store)
      await settle(store, job, { type: 'rescued', delayMs: 0, reason: 'worker vanished' })
      same(brief(await get(store, job.id)), { state: 'available', attempts: 0, lostLeases: 1, events: ['rescued'] }, 'the job')
      const [again] = await take(store)
      await settle(store, again as Job, { type: 'rescued', delayMs: 10, reason: 'again' })
      same(
        brief(await get(store, job.id)),
        { state: 'scheduled', attempts: 0, lostLeases: 2, events: ['rescued', 'rescued'] },
        'twice',
      )
    },
  ],
  [
    'a parked job waits for a person',
    async ({ store, clock }) => {
      const job = await running(store)
      await settle(store, job, { type: 'parked', reason: 'outcome unknown', error: oops })
      same(brief(await get(store, job.id)), { state: 'parked', attempts: 1, lostLeases: 0, events: ['parked'] }, 'the job')
      await clock.advance(1e9)
      same(await take(store, 5), [], 'no time brings it back')
      const back = await store.retry(job.id)
      same([back?.state, back?.attempts], ['available', 0], 'a person does')
    },
  ],
  [
    'a worker may cancel what it runs',
    async ({ store }) => {
      const job = await running(store)
      await settle(store, job, { type: 'cancelled', reason: 'asked to' })
      const kept = await get(store, job.id)
      same(brief(kept), { state: 'cancelled', attempts: 1, lostLeases: 0, events: ['cancelled'] }, 'the job')
      truthy(kept.finishedAt !== undefined, 'it is finished')
    },
  ],
  [
    'a long story forgets its beginning',
    async ({ store }) => {
      const job = await running(store)
      for (let turn = 0; turn < HISTORY_LIMIT + 3; turn++) {
        const current = await get(store, job.id)
        await settle(store, current, { type: 'retry', delayMs: 0, error: { name: 'Error', message: `no ${turn}` } })
        await take(store)
      }
      const { history, attempts } = await get(store, job.id)
      same([history.length, history[0]?.error?.message], [HISTORY_LIMIT, 'no 3'], 'the newest are kept')
      same(attempts, HISTORY_LIMIT + 4, 'attempts are counted on')
    },
  ],
]
