import type { Scenario } from './harness.ts'
import { add, get, oops, outcome, running, same, settle, take, truthy, worker } from './harness.ts'

export const claiming: readonly Scenario[] = [
  [
    'a lane gives the highest priority first, then the one due first, then the one that came first',
    async ({ store }) => {
      const now = await store.now()
      const jobs = await add(
        store,
        { priority: 0, runAt: now - 5 },
        { priority: 5, runAt: now - 1 },
        { priority: 5, runAt: now - 9 },
        { priority: -3, runAt: now - 99 },
        { priority: 5, runAt: now - 9 },
        { priority: 0, runAt: now - 50 },
      )
      const order = [2, 4, 1, 5, 0, 3].map((index) => jobs[index]?.id)
      same(
        (await take(store, 4)).map(({ id }) => id),
        order.slice(0, 4),
        'the first four',
      )
      same(
        (await take(store, 4)).map(({ id }) => id),
        order.slice(4),
        'the rest',
      )
      same(await take(store, 4), [], 'then nothing')
    },
  ],
  [
    'a claim is a lease: running, one token and one attempt on',
    async ({ store }) => {
      const [added] = await add(store, {})
      const now = await store.now()
      const [job] = await take(store, 1, { worker: 'w7', leaseMs: 5000 })
      truthy(job !== undefined && (job.startedAt as number) >= now, 'startedAt is now')
      same(
        [job?.state, job?.token, job?.attempts, job?.worker, (job?.leaseUntil as number) - (job?.startedAt as number)],
        ['running', 1, 1, 'w7', 5000],
        'the claim',
      )
      same(await get(store, added?.id as string), job, 'and it is what the store keeps')
    },
  ],
  [
    'a claim over many lanes gives of each what it would alone, and all are counted',
    async ({ store }) => {
      const now = await store.now()
      const targets = Array.from({ length: 30 }, (_, number) => `lane ${(number * 7) % 30} "é"`)
      const jobs = await add(
        store,
        ...targets.flatMap((target, index) => [
          { target, runAt: now - 5 - index },
          { target, priority: 3, runAt: now - 1 },
          { target, runAt: now - 50 },
        ]),
      )
      const lanes = targets.map((target, index) => ({ kind: 'mail', target, limit: (index % 4) + 1 }))
      const taken = await store.claim({
        worker: 'w',
        leaseMs: 1000,
        lanes: [...lanes, { kind: 'mail', target: 'none', limit: 9 }],
      })
      const expected = lanes.flatMap(({ limit }, index) => [1, 2, 0].slice(0, limit).map((nth) => jobs[index * 3 + nth]?.id))
      same(
        taken.map(({ id }) => id),
        expected,
        'the jobs, in the order of the lanes',
      )
      truthy(
        taken.every(({ token, state, worker }) => token === 1 && state === 'running' && worker === 'w'),
        'each is claimed',
      )
      const left = 90 - taken.length
      const numbers = async (): Promise<readonly string[]> => {
        const byState = Map.groupBy(await store.counts(), ({ state }) => state)
        return Array.from(byState, ([state, rows]) => `${state} ${rows.reduce((sum, { count }) => sum + count, 0)}`).sort()
      }
      same(await numbers(), [`available ${left}`, `running ${taken.length}`], 'while they run')
      same(await store.settle(taken.map((job) => outcome(job, { type: 'succeeded' }))), [], 'all are settled')
      same(await numbers(), [`available ${left}`, `succeeded ${taken.length}`], 'when they have')
    },
  ],
  [
    'a claim takes from the lanes that it names, in that order and so many',
    async ({ store }) => {
      const lanes = ['x', 'y', 'z'].flatMap((target) => [{ target }, { target }, { target }])
      await add(store, ...lanes)
      const jobs = await store.claim({
        worker: 'w',
        leaseMs: 1000,
        lanes: [
          { kind: 'mail', target: 'z', limit: 2 },
          { kind: 'mail', target: 'nowhere', limit: 5 },
          { kind: 'mail', target: 'x', limit: 1 },
          { kind: 'sms', target: 'y', limit: 5 },
        ],
      })
      same(
        jobs.map(({ target }) => target),
        ['z', 'z', 'x'],
        'taken',
      )
    },
  ],
  [
    'lanes are ready when they have work that is due, the most urgent first, for the kinds asked for',
    async ({ store, clock }) => {
      const now = await store.now()
      await add(
        store,
        { target: 'old', runAt: now - 100 },
        { target: 'urgent', priority: 9 },
        { target: 'urgent', priority: 1, runAt: now - 500 },
        { kind: 'sms', target: 'urgent', priority: 20 },
        { target: 'later', runAt: now + 100 },
        { target: 'old', runAt: now - 50 },
      )
      const expected = [
        { kind: 'mail', target: 'urgent', priority: 9, runAt: now },
        { kind: 'mail', target: 'old', priority: 0, runAt: now - 100 },
      ]
      same(await store.readyLanes(['mail'], 10), expected, 'lanes of mail')
      same(await store.readyLanes(['mail'], 1), expected.slice(0, 1), 'at most one')
      same(await store.readyLanes(['fax'], 10), [], 'an unknown kind')
      same(await store.readyLanes([], 10), [], 'no kind')
      same(
        (await store.readyLanes(['fax', 'sms', 'mail'], 10)).map(({ kind }) => kind),
        ['sms', 'mail', 'mail'],
        'two kinds',
      )
      await clock.advance(100)
      same(
        (await store.readyLanes(['mail'], 10)).at(-1),
        { kind: 'mail', target: 'later', priority: 0, runAt: now + 100 },
        'became due',
      )
    },
  ],
  [
    'scheduled work waits for its time, then is claimed like other work',
    async ({ store, clock }) => {
      const now = await store.now()
      const [late, soon] = await add(store, { runAt: now + 200 }, { runAt: now + 100 })
      same((await get(store, late?.id as string)).state, 'scheduled', 'state')
      same(await store.nextRunAt(), now + 100, 'the next one')
      same(await take(store, 5), [], 'not yet')
      await clock.advance(100)
      same(
        (await take(store, 5)).map(({ id }) => id),
        [soon?.id],
        'the first',
      )
      same(await store.nextRunAt(), now + 200, 'the next one after it')
      await clock.advance(1000)
      same(
        (await take(store, 5)).map(({ id }) => id),
        [late?.id],
        'the second',
      )
      same(await store.nextRunAt(), undefined, 'no more')
    },
  ],
  [
    'two workers never get the same job',
    async ({ store }) => {
      await add(store, ...Array.from({ length: 30 }, () => ({})))
      const batches = await Promise.all(['a', 'b', 'c'].map((name) => take(store, 12, { worker: name })))
      const ids = batches.flat().map(({ id }) => id)
      same([ids.length, new Set(ids).size], [30, 30], 'each job once')
    },
  ],
  [
    'an old fence changes nothing, whatever it wants',
    async ({ store }) => {
      const old = await running(store)
      await settle(store, old, { type: 'rescued', delayMs: 0, reason: 'worker gone' })
      const [now] = await take(store, 1, { worker: 'w2' })
      const kept = await get(store, old.id)
      const late = [
        outcome(old, { type: 'succeeded', result: 'late' }),
        outcome(old, { type: 'retry', delayMs: 0, error: oops }),
        outcome(old, { type: 'returned', delayMs: 0, reason: 'late' }),
        outcome(old, { type: 'dead', cause: 'attempts', error: oops, targetDown: false }),
        outcome(old, { type: 'parked', reason: 'late' }),
        outcome(old, { type: 'cancelled' }),
        outcome(old, { type: 'rescued', delayMs: 0, reason: 'late' }),
      ]
      for (const settlement of late) same(await store.settle([settlement]), [old.id], `${settlement.type} is refused`)
      same(await get(store, old.id), kept, 'the job is as it was')
      same((await store.deadLetters({})).items, [], 'and no letter was written')
      truthy(now !== undefined && now.token > old.token, 'the token has grown')
      await settle(store, now as typeof old, { type: 'succeeded' })
      same(await store.settle([outcome(now as typeof old, { type: 'succeeded' })]), [old.id], 'nor twice under the same fence')
    },
  ],
  [
    'one lost fence in a batch does not hold up the others',
    async ({ store }) => {
      const [a, b] = [await running(store), await running(store)]
      const unknown = { id: 'nobody', token: 1, type: 'succeeded' } as const
      same(
        await store.settle([
          outcome({ ...a, token: 9 }, { type: 'succeeded' }),
          unknown,
          outcome(b, { type: 'succeeded', result: 1 }),
        ]),
        [a.id, 'nobody'],
        'refused',
      )
      same([(await get(store, a.id)).state, (await get(store, b.id)).state], ['running', 'succeeded'], 'states')
    },
  ],
  [
    'of two settlements of one claim the first counts',
    async ({ store }) => {
      const job = await running(store)
      same(
        await store.settle([outcome(job, { type: 'retry', delayMs: 5, error: oops }), outcome(job, { type: 'succeeded' })]),
        [job.id],
        'the second is refused',
      )
      same((await get(store, job.id)).state, 'scheduled', 'state')
    },
  ],
  [
    'renewing keeps the lease, and says what is lost and what is to be cancelled',
    async ({ store, clock }) => {
      const [mine, lost, unwanted] = [await running(store), await running(store), await running(store)]
      await settle(store, lost, { type: 'rescued', delayMs: 0, reason: 'too slow' })
      await store.cancel(unwanted.id)
      await clock.advance(5000)
      const now = await store.now()
      same(
        await store.renew(worker('w1'), 10_000, [mine, lost, unwanted, { id: 'nobody', token: 1 }]),
        { lost: [lost.id, 'nobody'], cancelled: [unwanted.id] },
        'answer',
      )
      truthy(((await get(store, mine.id)).leaseUntil as number) >= now + 10_000, 'the lease counts from now')
      same((await get(store, lost.id)).leaseUntil, undefined, 'what is lost has none')
      same(
        await store.renew(worker('w2'), 10_000, [mine]),
        { lost: [mine.id], cancelled: [] },
        'another worker holds nothing of it',
      )
    },
  ],
  [
    'a worker is seen when it renews, and is gone when it is removed',
    async ({ store, clock }) => {
      const start = await store.now()
      await store.renew(worker('w2'), 1000, [])
      await store.renew(worker('w1'), 1000, [])
      await clock.advance(100)
      await store.renew(worker('w1'), 1000, [])
      const [first, second] = await store.workers()
      same([first?.id, second?.id, first?.host, first?.pid, first?.bootId], ['w1', 'w2', 'here', 1, 'boot-w1'], 'rows')
      truthy((first?.startedAt as number) >= start && (first?.seenAt as number) >= (first?.startedAt as number) + 100, 'times')
      await store.removeWorkers(['w1', 'nobody'])
      await store.removeWorkers(['w1'])
      same(
        (await store.workers()).map(({ id }) => id),
        ['w2'],
        'one is left',
      )
    },
  ],
  [
    'a job is abandoned when its lease has ended, its worker is dead, or nobody knows its worker',
    async ({ store, clock }) => {
      await add(store, ...Array.from({ length: 4 }, () => ({})))
      for (const name of ['alive', 'slow', 'dead']) await store.renew(worker(name), 1000, [])
      const [, slow] = [await take(store, 1, { worker: 'alive' }), await take(store, 1, { worker: 'slow', leaseMs: 100 })]
      const dead = await take(store, 1, { worker: 'dead' })
      const unknown = await take(store, 1, { worker: 'unknown' })
      const ids = async (names: readonly string[], limit = 10) => (await store.abandoned(names, limit)).map(({ id }) => id)
      same(await ids([]), [unknown[0]?.id], 'no row')
      same(await ids(['dead']), [dead[0]?.id, unknown[0]?.id], 'told to be dead')
      await clock.advance(100)
      same(await ids([]), [slow[0]?.id, unknown[0]?.id], 'lease ended')
      same(await ids(['dead'], 2), [slow[0]?.id, dead[0]?.id], 'at most two')
      const [found] = await store.abandoned([], 1)
      same(found, await get(store, found?.id as string), 'with all that is known')
    },
  ],
]
