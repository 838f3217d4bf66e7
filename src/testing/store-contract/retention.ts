import type { JobStore, PruneRule } from '../../work/store.ts'
import type { Scenario } from './harness.ts'
import { add, dead, newJob, running, same, settle, take } from './harness.ts'

/** Ends so many jobs of a kind, 10 ms apart; answers their ids. */
async function end({ store, clock }: Parameters<Scenario[1]>[0], kind: string, count = 1): Promise<readonly string[]> {
  const ids: string[] = []
  for (let n = 0; n < count; n++) {
    const job = await running(store, { kind })
    await settle(store, job, { type: 'succeeded' })
    ids.push(job.id)
    await clock.advance(10)
  }
  return ids
}

const left = async (store: JobStore): Promise<readonly string[]> => (await store.list({})).items.map(({ id }) => id).reverse()

const year: PruneRule = { olderThanMs: 1e9, keep: 1e9 }
const rest = { ...year, limit: 100 }

export const retention: readonly Scenario[] = [
  [
    'a kind with a rule of its own is pruned by that, sooner or later than all others',
    async (harness) => {
      const { store } = harness
      const [kept] = await end(harness, 'invoice')
      await end(harness, 'mail')
      const [waits] = await add(store, { kind: 'poll' })
      const [claimed] = await take(store, 1, { kind: 'poll' })
      await settle(store, claimed as never, { type: 'retry', delayMs: 9, error: { name: 'Error', message: 'oops' } })
      await end(harness, 'ping')
      const kinds = new Map([
        ['invoice', year],
        ['ping', { olderThanMs: 0, keep: 1e9 }],
        ['never-seen', { olderThanMs: 0, keep: 0 }],
      ])
      same(await store.prune({ olderThanMs: 15, keep: 1e9, kinds, limit: 100 }), 2, 'the mail by its age, the ping at once')
      same(await left(store), [kept, waits?.id], 'what is kept for a year, and what waits')
      same(await store.prune({ olderThanMs: 0, keep: 0, kinds, limit: 100 }), 0, 'nothing else is due')
      same(await store.prune({ ...rest, limit: 100 }), 0, 'nor by the rule of all others, when that is as long')
      same(await store.prune({ olderThanMs: 0, keep: 0, limit: 100 }), 1, 'and goes by a shorter one')
    },
  ],
  [
    'a kind with a rule of its own is counted alone when the newest are kept, the others together',
    async (harness) => {
      const { store } = harness
      const mails = await end(harness, 'mail', 3)
      const polls = await end(harness, 'poll', 3)
      const sms = await end(harness, 'sms', 2)
      const kinds = new Map([['poll', { olderThanMs: 1e9, keep: 1 }]])
      same(await store.prune({ olderThanMs: 1e9, keep: 3, kinds, limit: 100 }), 4, 'two mails, two polls')
      same(await left(store), [...mails.slice(2), ...polls.slice(2), ...sms], 'three of the others, one poll')
      same(
        (await store.counts()).map(({ kind, count }) => `${kind} ${count}`).sort(),
        ['mail 1', 'poll 1', 'sms 2'],
        'and they are counted',
      )
    },
  ],
  [
    'what is due goes oldest first over all kinds, so many a call',
    async (harness) => {
      const { store } = harness
      const order: string[] = []
      for (const kind of ['poll', 'mail', 'poll', 'sms', 'invoice', 'mail', 'poll']) order.push(...(await end(harness, kind)))
      const kinds = new Map([
        ['poll', { olderThanMs: 0, keep: 1e9 }],
        ['invoice', year],
      ])
      const request = { olderThanMs: 0, keep: 1e9, kinds }
      same(await store.prune({ ...request, limit: 2 }), 2, 'two')
      same(await left(store), order.slice(2), 'the oldest went')
      same(await store.prune({ ...request, limit: 3 }), 3, 'three more, past what is kept')
      same(await left(store), [order[4], order[6]], 'the invoice stays')
      same(await store.prune({ ...request, limit: 3 }), 1, 'the last')
    },
  ],
  [
    'two who prune at once take no more than is due, and nothing twice',
    async (harness) => {
      const { store } = harness
      const polls = await end(harness, 'poll', 5)
      const mails = await end(harness, 'mail', 4)
      const request = { olderThanMs: 1e9, keep: 3, kinds: new Map([['poll', { olderThanMs: 1e9, keep: 2 }]]), limit: 3 }
      const gone = await Promise.all([store.prune(request), store.prune(request), store.prune(request)])
      // Who comes second may find that the first is at what is due, and leave it the rest.
      const last = await store.prune(request)
      same(
        gone.reduce((sum, count) => sum + count, last),
        4,
        'three polls, one mail',
      )
      same(await left(store), [...polls.slice(3), ...mails.slice(1)], 'the newest stay')
    },
  ],
  [
    'a dead job of a kind with a rule of its own goes when its letter is discarded, and its key stays',
    async ({ store, clock }) => {
      const key = { kind: 'poll', idempotencyKey: 'k', fingerprint: 'f', idempotencyWindowMs: 1e6 }
      const job = await dead(store, key)
      await clock.advance(10)
      const kinds = new Map([['poll', { olderThanMs: 5, keep: 1e9 }]])
      same(await store.prune({ ...rest, kinds }), 0, 'a problem stays')
      await store.discard(job.id)
      same(await store.prune({ ...rest, kinds }), 1, 'it goes')
      same((await store.deadLetterCounts()).length, 0, 'its letter too')
      same(await store.enqueue([newJob(key)]), [{ id: job.id, state: 'dead', duplicate: true }], 'the key still answers for it')
    },
  ],
  [
    'a batch stays with those of its jobs that are kept longer',
    async ({ store, clock }) => {
      const kinds = new Map([['invoice', { olderThanMs: 1000, keep: 1e9 }]])
      const jobs = ['invoice', 'mail'].map((kind, n) => ({
        ...{ id: `b-${n}`, kind, target: 'smtp', payload: n, priority: 0, fingerprint: `${n}`, idempotencyWindowMs: 0 },
      }))
      await store.enqueueBatch({ id: 'b' }, jobs)
      for (const { id } of jobs) await store.cancel(id)
      await store.completeBatches(['b'])
      await clock.advance(500)
      same(await store.prune({ olderThanMs: 10, keep: 1e9, kinds, limit: 100 }), 1, 'the mail')
      same((await store.batch('b'))?.cancelled, 2, 'the batch is there, and remembers it')
      await clock.advance(501)
      same(await store.prune({ olderThanMs: 10, keep: 1e9, kinds, limit: 100 }), 2, 'the invoice, and the batch with it')
    },
  ],
]
