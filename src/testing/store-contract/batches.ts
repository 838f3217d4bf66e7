import type { Job } from '../../work/job.ts'
import type { JobStore } from '../../work/store.ts'
import type { Scenario } from './harness.ts'
import { add, get, newJob, oops, outcome, rejects, same, settle, take, truthy } from './harness.ts'

const ids = (jobs: readonly { readonly id: string }[]) => jobs.map(({ id }) => id)
let made = 0

/** A batch of jobs that are claimed already, and its callback. */
async function started(store: JobStore, count: number) {
  const id = `batch-${++made}`
  const callback = newJob({ kind: 'report', target: 'desk', payload: { to: 'me' } })
  await store.enqueueBatch(
    { id, callback },
    Array.from({ length: count }, () => newJob()),
  )
  return { id, callback, jobs: (await take(store, count)) as readonly Job[] }
}

const dead = { type: 'dead', cause: 'attempts', error: oops, targetDown: false } as const

export const batches: readonly Scenario[] = [
  [
    'a batch is its jobs, and knows where they stand',
    async ({ store }) => {
      const [a, b] = [newJob(), newJob({ runAt: (await store.now()) + 50 })]
      const callback = newJob({ kind: 'report' })
      same(
        await store.enqueueBatch({ id: 'batch-x', callback }, [a, b]),
        {
          id: 'batch-x',
          duplicate: false,
          jobs: [
            { id: a.id, state: 'available', duplicate: false },
            { id: b.id, state: 'scheduled', duplicate: false },
          ],
        },
        'the answer',
      )
      same((await get(store, a.id)).batchId, 'batch-x', 'a job names its batch')
      const [other] = await add(store, {})
      same(ids((await store.list({ batch: 'batch-x' })).items), [b.id, a.id], 'listed')
      same(ids((await store.list({ batch: 'batch-x', state: 'scheduled' })).items), [b.id], 'by state')
      same((await get(store, other?.id as string)).batchId, undefined, 'others have none')
      const counts = { total: 2, pending: 2, succeeded: 0, dead: 0, cancelled: 0 }
      same(
        await store.batch('batch-x'),
        { id: 'batch-x', ...counts, createdAt: await store.now(), callback: callback.id, callbackKind: 'report' },
        'the batch',
      )
      same(await store.get(callback.id), undefined, 'the callback is no job yet')
      same(await store.batch('nobody'), undefined, 'no such batch')
    },
  ],
  [
    'when all of its jobs have ended, the callback is enqueued with the summary, once',
    async ({ store, clock }) => {
      const { id, callback, jobs } = await started(store, 4)
      const [won, lost, dropped, slow] = jobs as [Job, Job, Job, Job]
      await settle(store, won, { type: 'succeeded' })
      await settle(store, lost, dead)
      await settle(store, dropped, { type: 'cancelled' })
      same(await store.completeBatches([id]), [], 'one is still running')
      same((await store.batch(id))?.pending, 1, 'pending')
      await settle(store, slow, { type: 'retry', delayMs: 10, error: oops })
      same(await store.completeBatches([id]), [], 'it waits')
      await clock.advance(10)
      const [again] = await take(store)
      await settle(store, again as Job, { type: 'parked', reason: 'unknown' })
      same(await store.completeBatches([id]), [], 'it is set aside: a person decides')
      same((await store.batch(id))?.parked, 1, 'parked')
      await store.cancel(slow.id)
      const summary = { id, total: 4, succeeded: 1, dead: 1, cancelled: 2 }
      same(await store.completeBatches(['nobody', id]), [{ summary, callback }], 'all have ended')
      same(await store.completeBatches([id]), [], 'once')
      const job = await get(store, callback.id)
      same([job.state, job.kind, job.payload], ['available', 'report', { to: 'me', batch: summary }], 'the callback')
      same(
        await store.batch(id),
        {
          ...summary,
          pending: 0,
          createdAt: (await store.batch(id))?.createdAt,
          completedAt: await store.now(),
          callback: job.id,
          callbackKind: 'report',
        },
        'the batch',
      )
    },
  ],
  [
    'many who end a batch at once enqueue one callback',
    async ({ store }) => {
      const { id, jobs } = await started(store, 3)
      await store.settle(jobs.map((job) => outcome(job, { type: 'succeeded' })))
      const ended = await Promise.all(Array.from({ length: 6 }, () => store.completeBatches([id])))
      same(ended.flat().length, 1, 'one ended it')
      same((await store.list({ kind: 'report' })).items.length, 1, 'one callback')
    },
  ],
  [
    'what is redriven or retried after a batch has ended does not end it again; before that it is waited for',
    async ({ store }) => {
      const { id, jobs } = await started(store, 2)
      await settle(store, jobs[0] as Job, dead)
      await store.redrive({ by: 'person' })
      await settle(store, jobs[1] as Job, { type: 'cancelled' })
      same(await store.completeBatches([id]), [], 'the redriven one waits')
      const [again] = await take(store)
      await settle(store, again as Job, dead)
      same((await store.completeBatches([id]))[0]?.summary.dead, 1, 'now it has ended')
      await store.redrive({ by: 'person' })
      await store.retry(jobs[1]?.id as string)
      for (const job of await take(store, 2)) await settle(store, job, { type: 'succeeded' })
      same(await store.completeBatches([id]), [], 'not again')
      same((await store.batch(id))?.succeeded, 2, 'though it is told where they stand')
      same((await store.list({ kind: 'report' })).items.length, 1, 'one callback')
    },
  ],
  [
    'a batch whose id is known stores nothing, and answers with the first',
    async ({ store }) => {
      const first = [newJob(), newJob()]
      await store.enqueueBatch({ id: 'batch-y' }, first)
      const other = newJob()
      const answer = await store.enqueueBatch({ id: 'batch-y', callback: newJob() }, [other])
      same([answer.duplicate, ids(answer.jobs)], [true, ids(first)], 'the first')
      same(await store.get(other.id), undefined, 'nothing stored')
    },
  ],
  [
    'a batch with one job that is refused stores none of it, nor itself',
    async ({ store }) => {
      await add(store, { idempotencyKey: 'known', fingerprint: 'one' })
      const jobs = [newJob(), newJob({ idempotencyKey: 'known', fingerprint: 'two' })]
      await rejects(store.enqueueBatch({ id: 'batch-z' }, jobs), 'ERR_IDEMPOTENCY_MISMATCH', 'refused')
      same([await store.batch('batch-z'), await store.get(jobs[0]?.id as string)], [null, null], 'nothing is there')
    },
  ],
  [
    'a job that was known is not of the batch; a batch of none ends at once',
    async ({ store }) => {
      const [known] = await add(store, { idempotencyKey: 'k', fingerprint: 'f' })
      const again = newJob({ idempotencyKey: 'k', fingerprint: 'f' })
      const answer = await store.enqueueBatch({ id: 'batch-w' }, [again, newJob()])
      same(answer.jobs[0], { id: known?.id, state: 'available', duplicate: true }, 'the first job')
      same((await store.batch('batch-w'))?.total, 1, 'total')
      same((await get(store, known?.id as string)).batchId, undefined, 'it is left as it was')
      await store.enqueueBatch({ id: 'batch-v', callback: newJob({ kind: 'report' }) }, [])
      same((await store.completeBatches(['batch-v']))[0]?.summary.total, 0, 'a batch of none')
    },
  ],
  [
    'open batches are found, in order, whoever lost sight of them',
    async ({ store }) => {
      for (const id of ['batch-3', 'batch-1', 'batch-2']) await store.enqueueBatch({ id }, id === 'batch-2' ? [] : [newJob()])
      same(await store.openBatches('', 10), ['batch-1', 'batch-2', 'batch-3'], 'all')
      same(await store.openBatches('batch-1', 1), ['batch-2'], 'a page')
      await store.completeBatches(['batch-1', 'batch-2', 'batch-3'])
      same(await store.openBatches('', 10), ['batch-1', 'batch-3'], 'what has ended is not open')
    },
  ],
  [
    'batches are listed page by page: the open ones by id downwards, then the others, the last to end first',
    async ({ store, clock }) => {
      const held = new Map<string, Job>()
      for (const id of ['b1', 'b2', 'b3', 'b4', 'b5']) {
        await store.enqueueBatch({ id }, [newJob()])
        for (const job of await take(store)) held.set(id, job)
      }
      for (const id of ['b4', 'b2', 'b5']) {
        await clock.advance(10)
        await settle(store, held.get(id) as Job, { type: 'succeeded' })
        await store.completeBatches([id])
      }
      const all: string[] = []
      for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
        const { items, nextCursor } = await store.batches({ limit: 2, ...(cursor === undefined ? {} : { cursor }) })
        all.push(...ids(items))
        cursor = nextCursor
      }
      same(all, ['b3', 'b1', 'b5', 'b2', 'b4'], 'all')
      same(ids((await store.batches({ state: 'open' })).items), ['b3', 'b1'], 'open ones')
      same(ids((await store.batches({ state: 'ended', limit: 2 })).items), ['b5', 'b2'], 'ended ones')
      same((await store.batches({ limit: 3 })).items[2], await store.batch('b5'), 'as each is by itself')
      await rejects(store.batches({ cursor: 'nonsense' }), 'ERR_OPTION', 'a cursor of no page')
    },
  ],
  [
    'a batch still counts jobs that were pruned, and goes with the last of them',
    async ({ store, clock }) => {
      const { id, jobs } = await started(store, 3)
      for (const job of jobs.slice(0, 2)) await settle(store, job, { type: 'succeeded' })
      await clock.advance(10)
      same(await store.prune({ olderThanMs: 5, keep: 100, limit: 100 }), 2, 'two jobs go')
      same((await store.batch(id))?.succeeded, 2, 'and are counted')
      await settle(store, jobs[2] as Job, { type: 'cancelled' })
      const [ended] = await store.completeBatches([id])
      same([ended?.summary.succeeded, ended?.summary.cancelled], [2, 1], 'the summary')
      same(await store.prune({ olderThanMs: 5, keep: 0, limit: 100 }), 2, 'the last job, and the batch')
      same(await store.batch(id), undefined, 'gone')
      truthy((await store.list({ kind: 'report' })).items.length === 1, 'the callback is there')
    },
  ],
  [
    'a batch that has ended is pruned by age, one that has not is not',
    async ({ store, clock }) => {
      const { id, jobs } = await started(store, 1)
      const open = await started(store, 1)
      await settle(store, jobs[0] as Job, dead)
      await store.completeBatches([id])
      await clock.advance(100)
      same(await store.prune({ olderThanMs: 100, keep: 100, limit: 100 }), 0, 'too young')
      await clock.advance(1)
      same(await store.prune({ olderThanMs: 100, keep: 100, limit: 100 }), 1, 'the batch')
      same([await store.batch(id), (await store.batch(open.id))?.pending], [null, 1], 'the open one stays')
      same((await get(store, jobs[0]?.id as string)).state, 'dead', 'and so does the problem')
    },
  ],
]
