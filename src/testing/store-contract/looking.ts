import type { Job } from '../../work/job.ts'
import type { Scenario } from './harness.ts'
import { add, dead, get, newJob, rejects, running, same, settle, take, worker } from './harness.ts'

const ids = (items: readonly Job[]) => items.map(({ id }) => id)

export const looking: readonly Scenario[] = [
  [
    'jobs are listed newest first, by state, kind and target',
    async ({ store }) => {
      const done = await running(store)
      await settle(store, done, { type: 'succeeded' })
      const gone = await dead(store, { target: 'imap' })
      const [a, b, c] = await add(store, {}, { kind: 'sms' }, { runAt: (await store.now()) + 1000 })
      const [running1] = await take(store)
      same(ids((await store.list({})).items), [c?.id, b?.id, a?.id, gone.id, done.id], 'all')
      same(ids((await store.list({ state: 'running' })).items), [running1?.id], 'running')
      same(ids((await store.list({ state: 'available' })).items), [b?.id], 'available')
      same(ids((await store.list({ state: 'scheduled' })).items), [c?.id], 'scheduled')
      same(ids((await store.list({ state: 'succeeded' })).items), [done.id], 'succeeded')
      same(ids((await store.list({ state: 'dead', target: 'imap' })).items), [gone.id], 'dead there')
      same(ids((await store.list({ state: 'dead', target: 'smtp' })).items), [], 'dead elsewhere')
      same(ids((await store.list({ state: 'cancelled' })).items), [], 'cancelled')
      same(ids((await store.list({ kind: 'sms' })).items), [b?.id], 'by kind')
      same((await store.list({ kind: 'sms' })).items[0], await get(store, b?.id as string), 'with all that is known')
    },
  ],
  [
    'pages do not shift when jobs come in, and end',
    async ({ store }) => {
      const jobs = await add(store, ...Array.from({ length: 7 }, () => ({})))
      const all = jobs.map(({ id }) => id).reverse()
      for (const filter of [{}, { state: 'available' }, { kind: 'mail', target: 'smtp' }] as const) {
        const seen: string[] = []
        let cursor: string | undefined
        do {
          const page = await store.list({ ...filter, limit: 3, cursor })
          seen.push(...ids(page.items))
          cursor = page.nextCursor
          await add(store, {})
        } while (cursor !== undefined)
        same(seen.slice(-7), all, `with ${JSON.stringify(filter)}`)
        same(new Set(seen).size, seen.length, 'nothing twice')
      }
      same((await store.list({ limit: 1000 })).nextCursor, undefined, 'one page holds all')
      await rejects(store.list({ cursor: 'not a cursor' }), 'ERR_OPTION', 'a cursor that no page gave')
    },
  ],
  [
    'jobs are counted by lane and state, with the oldest of those that wait',
    async ({ store, clock }) => {
      const now = await store.now()
      await settle(store, await running(store), { type: 'succeeded' })
      await add(
        store,
        {},
        { runAt: now - 5, priority: -1 },
        { runAt: now - 3, priority: 4 },
        { runAt: now + 9 },
        { runAt: now + 7 },
      )
      await add(store, { kind: 'sms' })
      await clock.advance(1)
      await take(store, 1)
      const counts = (await store.counts()).map(
        (row) => `${row.kind} ${row.state} ${row.count} ${row.oldestRunAt && row.oldestRunAt - now}`,
      )
      same(
        counts.sort(),
        ['mail available 2 -5', 'mail running 1 -3', 'mail scheduled 2 7', 'mail succeeded 1 0', 'sms available 1 0'],
        'counts',
      )
    },
  ],
  [
    'finished jobs are pruned by age, oldest first and so many a call; what waits or is a problem stays',
    async ({ store, clock }) => {
      const finished: Job[] = []
      for (let count = 0; count < 4; count++) {
        const job = await running(store)
        await settle(store, job, { type: 'succeeded' })
        finished.push(job)
        await clock.advance(10)
      }
      const problem = await dead(store)
      const [waiting] = await add(store, {})
      same(await store.prune({ olderThanMs: 1000, keep: 100, limit: 100 }), 0, 'too young')
      await clock.advance(970)
      same(await store.prune({ olderThanMs: 985, keep: 100, limit: 2 }), 2, 'two a call')
      same([await store.get(finished[0]?.id as string), await store.get(finished[1]?.id as string)], [null, null], 'the oldest')
      same(await store.prune({ olderThanMs: 985, keep: 100, limit: 2 }), 1, 'the third')
      await clock.advance(100_000)
      same(await store.prune({ olderThanMs: 985, keep: 100, limit: 100 }), 1, 'the fourth')
      same(
        [(await get(store, problem.id)).state, (await get(store, waiting?.id as string)).state],
        ['dead', 'available'],
        'the others',
      )
    },
  ],
  [
    'all but the newest so many finished jobs are pruned, however young',
    async ({ store, clock }) => {
      const finished: Job[] = []
      for (let count = 0; count < 5; count++) {
        const job = await running(store)
        await settle(store, job, { type: count % 2 ? 'cancelled' : 'succeeded' })
        finished.push(job)
        await clock.advance(1)
      }
      same(await store.prune({ olderThanMs: 1e9, keep: 2, limit: 100 }), 3, 'three go')
      same(ids((await store.list({})).items), [finished[4]?.id, finished[3]?.id], 'the newest stay')
      same(
        (await store.counts()).reduce((sum, { count }) => sum + count, 0),
        2,
        'and are counted',
      )
    },
  ],
  [
    'a dead job is pruned when its letter is discarded or resolved, and the letter with it',
    async ({ store, clock }) => {
      const [discarded, resolved, open] = [await dead(store), await dead(store), await dead(store)]
      await store.discard(discarded.id)
      await store.redrive({ ids: [resolved.id], by: 'person' })
      const [again] = await take(store)
      await settle(store, again as Job, { type: 'succeeded' })
      await clock.advance(1001)
      same(await store.prune({ olderThanMs: 1000, keep: 100, limit: 100 }), 2, 'two go')
      same(
        (await store.deadLetters({})).items.map(({ id }) => id),
        [open.id],
        'the open letter stays',
      )
      same(
        (await store.deadLetterCounts()).map(({ status, count }) => [status, count]),
        [['exhausted', 1]],
        'and is counted',
      )
    },
  ],
  [
    'a job that was cancelled while it was being retried is counted once when the newest are kept',
    async ({ store, clock }) => {
      const job = await dead(store)
      await store.redrive({ by: 'person' })
      await store.cancel(job.id)
      await clock.advance(1)
      same(await store.prune({ olderThanMs: 1e9, keep: 1, limit: 100 }), 0, 'the newest stays')
    },
  ],
  [
    'a key answers until its window is over, though its job was pruned; then the key goes too',
    async ({ store, clock }) => {
      const job = await running(store, { idempotencyKey: 'k', fingerprint: 'f', idempotencyWindowMs: 1000 })
      await settle(store, job, { type: 'cancelled' })
      await clock.advance(10)
      same(await store.prune({ olderThanMs: 5, keep: 100, limit: 100 }), 1, 'the job goes')
      const again = newJob({ idempotencyKey: 'k', fingerprint: 'f' })
      same(await store.enqueue([again]), [{ id: job.id, state: 'cancelled', duplicate: true }], 'still answered')
      await clock.advance(990)
      same(await store.prune({ olderThanMs: 5, keep: 100, limit: 100 }), 1, 'the key goes')
      same((await store.enqueue([again]))[0]?.duplicate, false, 'new work')
    },
  ],
  [
    'states are kept by name, found by prefix, replaced and removed',
    async ({ store, clock }) => {
      await store.writeState('target/a', { v: 1 })
      await store.writeState('target/b_%', [null])
      await store.writeState('other', 'x')
      const before = (await store.readStates('target/a'))[0]?.updatedAt as number
      await clock.advance(5)
      await store.writeState('target/a', { v: 2 })
      const [a, b] = await store.readStates('target/')
      same([a?.name, a?.value, (a?.updatedAt as number) - before, b?.value], ['target/a', { v: 2 }, 5, [null]], 'two')
      same((await store.readStates('')).length, 3, 'all')
      same(await store.readStates('target/b_%x'), [], 'none')
      await store.deleteState('target/a')
      await store.deleteState('target/a')
      same(
        (await store.readStates('target/')).map(({ name }) => name),
        ['target/b_%'],
        'one is left',
      )
    },
  ],
  [
    'a store that works says so',
    async ({ store }) => {
      await store.check()
      await store.check()
      same(typeof store.description, 'string', 'it says where it is')
    },
  ],
  [
    'what was acknowledged is there after the store was closed and opened again',
    async (harness) => {
      if (harness.reopen === undefined) {
        same(harness.store.capabilities.durable, false, 'a store that cannot be opened again is not durable')
        return
      }
      const job = await running(harness.store)
      const gone = await dead(harness.store, { idempotencyKey: 'k', fingerprint: 'f' })
      await harness.store.writeState('s', 1)
      await harness.store.renew(worker('w1'), 1000, [])
      const kept = await get(harness.store, job.id)
      const store = await harness.reopen()
      same(await get(store, job.id), kept, 'the job')
      same((await store.deadLetters({})).items[0]?.id, gone.id, 'the letter')
      same((await store.enqueue([newJob({ idempotencyKey: 'k', fingerprint: 'f' })]))[0]?.id, gone.id, 'the key')
      same((await store.readStates('s'))[0]?.value, 1, 'the state')
      same((await store.workers()).length, 1, 'the worker')
      await settle(store, job, { type: 'succeeded' })
    },
  ],
  [
    'a closed store refuses everything, and closing it again is fine',
    async ({ store }) => {
      const [job] = await add(store, {})
      await store.close()
      await store.close()
      const calls: readonly (readonly [string, () => Promise<unknown>])[] = [
        ['open', () => store.open()],
        ['check', () => store.check()],
        ['now', () => store.now()],
        ['enqueue', () => store.enqueue([newJob()])],
        ['enqueueBatch', () => store.enqueueBatch({ id: 'b' }, [newJob()])],
        ['completeBatches', () => store.completeBatches(['b'])],
        ['openBatches', () => store.openBatches('', 1)],
        ['batch', () => store.batch('b')],
        ['runningKeys', () => store.runningKeys()],
        ['readyLanes', () => store.readyLanes(['mail'], 1)],
        ['nextRunAt', () => store.nextRunAt()],
        ['claim', () => take(store)],
        ['settle', () => store.settle([{ id: 'a', token: 1, type: 'succeeded' }])],
        ['renew', () => store.renew(worker('w1'), 1, [])],
        ['workers', () => store.workers()],
        ['removeWorkers', () => store.removeWorkers(['a'])],
        ['abandoned', () => store.abandoned([], 1)],
        ['get', () => store.get(job?.id as string)],
        ['list', () => store.list({})],
        ['counts', () => store.counts()],
        ['cancel', () => store.cancel('a')],
        ['retry', () => store.retry('a')],
        ['deadLetters', () => store.deadLetters({})],
        ['deadLetterCounts', () => store.deadLetterCounts()],
        ['deadLetterFacts', () => store.deadLetterFacts()],
        ['redrive', () => store.redrive({ by: 'person' })],
        ['discard', () => store.discard('a')],
        ['prune', () => store.prune({ olderThanMs: 0, keep: 0, limit: 1 })],
        ['readStates', () => store.readStates('')],
        ['writeState', () => store.writeState('a', 1)],
        ['deleteState', () => store.deleteState('a')],
      ]
      for (const [name, call] of calls) await rejects(call(), 'ERR_STORE_UNAVAILABLE', name)
    },
  ],
]
