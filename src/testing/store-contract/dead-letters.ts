import type { DeadLetter, Job } from '../../work/job.ts'
import type { JobStore } from '../../work/store.ts'
import type { Scenario } from './harness.ts'
import { dead, get, oops, outcome, running, same, settle, take, truthy } from './harness.ts'

async function letter(store: JobStore, id: string): Promise<DeadLetter | undefined> {
  return (await store.deadLetters({ limit: 1000 })).items.find((item) => item.id === id)
}

async function runs(store: JobStore, id: string): Promise<Job> {
  const job = (await take(store, 100)).find((taken) => taken.id === id)
  if (job === undefined) throw new Error(`${id} does not run`)
  return job
}

export const deadLetters: readonly Scenario[] = [
  [
    'a death writes a letter: pending with a time, exhausted without',
    async ({ store }) => {
      const job = await running(store)
      await settle(store, job, { type: 'dead', cause: 'rejected', error: oops, targetDown: true, retryInMs: 500 })
      const kept = await get(store, job.id)
      same([kept.state, kept.lastError, kept.worker, kept.history[0]?.event], ['dead', oops, undefined, 'dead'], 'the job')
      const at = kept.finishedAt as number
      same(
        await letter(store, job.id),
        {
          id: job.id,
          kind: 'mail',
          target: 'smtp',
          cause: 'rejected',
          error: oops,
          attempts: 1,
          generation: 0,
          status: 'pending',
          targetDown: true,
          createdAt: at,
          nextRetryAt: at + 500,
        },
        'the letter',
      )
      const other = await dead(store)
      const [status, next] = [(await letter(store, other.id))?.status, (await letter(store, other.id))?.nextRetryAt]
      same([status, next], ['exhausted', undefined], 'without a time')
    },
  ],
  [
    'a redrive gives a dead job new attempts and a new generation; a success then resolves the letter',
    async ({ store, clock }) => {
      let told = 0
      const job = await dead(store, {}, 100)
      const died = await letter(store, job.id)
      store.onWork(() => void told++)
      await clock.advance(50)
      same(await store.redrive({ by: 'person' }), [job.id], 'the ids')
      same(told, 1, 'told of work')
      const back = await get(store, job.id)
      same([back.state, back.attempts, back.generation, back.finishedAt], ['available', 0, 1, undefined], 'the job')
      same([back.history.at(-1)?.event, back.history.at(-1)?.reason], ['redriven', 'person'], 'the story')
      const retrying = await letter(store, job.id)
      same([retrying?.status, retrying?.generation, retrying?.nextRetryAt], ['retrying', 1, undefined], 'the letter')
      truthy((retrying?.lastRetryAt as number) >= (died?.createdAt as number) + 50, 'lastRetryAt')
      same(await store.redrive({ by: 'person' }), [], 'not again while it is being retried')
      await settle(store, await runs(store, job.id), { type: 'succeeded' })
      same((await letter(store, job.id))?.status, 'resolved', 'resolved')
      same(await store.redrive({ ids: [job.id], by: 'person' }), [], 'a resolved one stays')
    },
  ],
  [
    'a job that dies again keeps its letter, one generation on',
    async ({ store, clock }) => {
      const job = await dead(store, {}, 100)
      const first = await letter(store, job.id)
      await clock.advance(10)
      await store.redrive({ by: 'clock' })
      await clock.advance(10)
      const again = await runs(store, job.id)
      await settle(store, again, { type: 'dead', cause: 'attempts', error: { name: 'E', message: 'again' }, targetDown: false })
      const second = await letter(store, job.id)
      same(
        [second?.status, second?.generation, second?.error.message, second?.createdAt],
        ['exhausted', 1, 'again', first?.createdAt],
        'the letter',
      )
      same((second?.lastRetryAt as number) - (first?.createdAt as number), 10, 'when it was last retried')
      same((await store.deadLetters({})).items.length, 1, 'one letter')
      same(await store.redrive({ by: 'person' }), [job.id], 'a person may bring back an exhausted one')
      same((await get(store, job.id)).generation, 2, 'generation')
    },
  ],
  [
    'a retry by hand marks the letter as being retried, and a success resolves it',
    async ({ store }) => {
      const job = await dead(store, {}, 100)
      await store.retry(job.id)
      same([(await letter(store, job.id))?.status, (await letter(store, job.id))?.generation], ['retrying', 0], 'retrying')
      await settle(store, await runs(store, job.id), { type: 'succeeded' })
      same((await letter(store, job.id))?.status, 'resolved', 'resolved')
    },
  ],
  [
    'a letter whose job is cancelled while it is retried is discarded',
    async ({ store }) => {
      const [waiting, held] = [await dead(store), await dead(store)]
      await store.redrive({ by: 'person' })
      await store.cancel(waiting.id)
      same((await letter(store, waiting.id))?.status, 'discarded', 'cancelled while it waits')
      await settle(store, await runs(store, held.id), { type: 'cancelled' })
      same((await letter(store, held.id))?.status, 'discarded', 'cancelled while it runs')
    },
  ],
  [
    'a discarded letter stays dead, and is no longer brought back',
    async ({ store, clock }) => {
      const job = await dead(store, {}, 10)
      same((await store.discard(job.id))?.status, 'discarded', 'answer')
      await clock.advance(100)
      same(await store.redrive({ by: 'clock', dueOnly: true }), [], 'not by the clock')
      same(await store.redrive({ ids: [job.id], by: 'person' }), [], 'not by hand')
      same([(await get(store, job.id)).state, (await letter(store, job.id))?.nextRetryAt], ['dead', undefined], 'dead')
      same((await store.discard(job.id))?.status, 'discarded', 'again changes nothing')
      same(await store.discard('nobody'), undefined, 'unknown')
      same((await store.retry(job.id))?.state, 'available', 'though a person may change their mind about the job')
      same((await letter(store, job.id))?.status, 'retrying', 'and then the letter is open again')
      same((await store.discard(job.id))?.status, 'retrying', 'one that is being retried is not discarded')
    },
  ],
  [
    'a redrive takes what it was asked for, oldest first, and a dry run changes nothing',
    async ({ store, clock }) => {
      const a = await dead(store, { target: 'a' }, 100, true)
      const b = await dead(store, { target: 'b' }, 300)
      const c = await dead(store, { kind: 'sms', target: 'a' }, undefined, true)
      const d = await dead(store, { target: 'a' }, 50)
      const ask = (request: Omit<Parameters<JobStore['redrive']>[0], 'by' | 'dryRun'>) =>
        store.redrive({ ...request, by: 'person', dryRun: true })
      same(await ask({}), [a.id, b.id, c.id, d.id], 'all')
      same(await ask({ limit: 2 }), [a.id, b.id], 'at most two')
      same(await ask({ ids: [d.id, b.id, 'nobody'] }), [b.id, d.id], 'by id')
      same(await ask({ ids: [] }), [], 'by no id')
      same(await ask({ kind: 'sms' }), [c.id], 'by kind')
      same(await ask({ target: 'a' }), [a.id, c.id, d.id], 'by target')
      same(await ask({ target: 'a', kind: 'mail' }), [a.id, d.id], 'by both')
      same(await ask({ targetDownOnly: true }), [a.id, c.id], 'whose target was down')
      same(await ask({ dueOnly: true }), [], 'none is due')
      await clock.advance(100)
      same(await ask({ dueOnly: true }), [a.id, d.id], 'two are due')
      same(await ask({ dueOnly: true, ids: [b.id, d.id] }), [d.id], 'of these')
      same((await store.deadLetters({ status: 'pending' })).items.length, 3, 'nothing changed')
      same(await store.redrive({ target: 'a', limit: 1, by: 'breaker' }), [a.id], 'for real')
      same(await ask({}), [b.id, c.id, d.id], 'the rest')
    },
  ],
  [
    'dead letters are listed newest first, by filter and page, and counted by status',
    async ({ store }) => {
      const jobs: Job[] = []
      for (let count = 0; count < 5; count++)
        jobs.push(await dead(store, { target: count % 2 ? 'odd' : 'even' }, count === 4 ? undefined : 10))
      const ids = (items: readonly DeadLetter[]) => items.map(({ id }) => id)
      const all = jobs.map(({ id }) => id).reverse()
      same(ids((await store.deadLetters({})).items), all, 'all')
      same(ids((await store.deadLetters({ target: 'odd' })).items), [all[1], all[3]], 'by target')
      same(ids((await store.deadLetters({ status: 'exhausted' })).items), [all[0]], 'by status')
      same(ids((await store.deadLetters({ kind: 'sms' })).items), [], 'by kind')
      const first = await store.deadLetters({ limit: 2 })
      await dead(store)
      const second = await store.deadLetters({ limit: 2, cursor: first.nextCursor })
      const third = await store.deadLetters({ limit: 2, cursor: second.nextCursor })
      same([...ids(first.items), ...ids(second.items), ...ids(third.items)], all, 'in pages, though another came')
      same(third.nextCursor, undefined, 'the end')
      await store.discard(jobs[0]?.id as string)
      const counts = (await store.deadLetterCounts()).map(({ target, status, count }) => `${target} ${status} ${count}`).sort()
      same(counts, ['even discarded 1', 'even exhausted 1', 'even pending 1', 'odd pending 2', 'smtp exhausted 1'], 'counts')
    },
  ],
  [
    'of open dead letters it is known since when there are some, when the next comes back, and why they died',
    async ({ store, clock }) => {
      same(await store.deadLetterFacts(), { causes: {} }, 'of none')
      const oldest = await dead(store)
      const first = (await letter(store, oldest.id))?.createdAt as number
      await clock.advance(100)
      const waits = await dead(store, {}, 500)
      const soon = await dead(store, {}, 200)
      await settle(store, await running(store), { type: 'dead', cause: 'expired', error: oops, targetDown: false })
      const [second, nextRetryAt] = [(await letter(store, waits.id))?.createdAt, (await letter(store, soon.id))?.nextRetryAt]
      same(await store.deadLetterFacts(), { oldestAt: first, nextRetryAt, causes: { attempts: 3, expired: 1 } }, 'of four')
      await store.discard(oldest.id)
      await store.redrive({ ids: [soon.id], by: 'person' })
      const left = (await letter(store, waits.id))?.nextRetryAt
      same(await store.deadLetterFacts(), { oldestAt: second, nextRetryAt: left, causes: { attempts: 1, expired: 1 } }, 'of two')
    },
  ],
  [
    'a batch of deaths and successes is carried out as a whole',
    async ({ store }) => {
      const [a, b] = [await running(store), await running(store)]
      same(
        await store.settle([
          outcome(a, { type: 'succeeded' }),
          outcome(b, { type: 'dead', cause: 'expired', error: oops, targetDown: false }),
        ]),
        [],
        'all hold',
      )
      same([(await get(store, a.id)).state, (await letter(store, b.id))?.cause], ['succeeded', 'expired'], 'both')
    },
  ],
]
