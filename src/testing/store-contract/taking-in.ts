import type { Scenario } from './harness.ts'
import { add, get, newJob, outcome, rejects, running, same, settle, take, truthy } from './harness.ts'

const ODD_PAYLOADS: readonly unknown[] = [
  null,
  true,
  '',
  0,
  -1.5e-7,
  Number.MAX_SAFE_INTEGER,
  1e308,
  'grüße 🌊 \u0000 \u2028 \ud83d "quoted" \\',
  { '': { ключ: ['日本', { a: [[[]]] }] }, 'a.b': null, __proto__x: 1 },
  Array.from({ length: 60 }).reduce<unknown>((inner) => ({ inner }), 'deep'),
  { text: 'x'.repeat(1_000_000) },
]

export const takingIn: readonly Scenario[] = [
  [
    "a job is kept as it was given, and its times are the store's",
    async ({ store }) => {
      const before = await store.now()
      const job = newJob({ priority: 7, maxAttempts: 3, idempotencyKey: 'k', traceparent: '00-aa-bb-01' })
      same(await store.enqueue([job]), [{ id: job.id, state: 'available', duplicate: false }], 'the answer names the job')
      const kept = await get(store, job.id)
      truthy(kept.createdAt >= before && kept.createdAt <= (await store.now()), "createdAt is now by the store's clock")
      same(
        kept,
        {
          id: job.id,
          kind: 'mail',
          target: 'smtp',
          payload: job.payload,
          state: 'available',
          priority: 7,
          attempts: 0,
          maxAttempts: 3,
          idempotencyKey: 'k',
          traceparent: '00-aa-bb-01',
          createdAt: kept.createdAt,
          runAt: kept.createdAt,
          token: 0,
          lostLeases: 0,
          generation: 0,
          cancelRequested: false,
          history: [],
        },
        'nothing else is known about a new job',
      )
    },
  ],
  [
    'payloads and results that are huge or odd come back as they went in',
    async ({ store }) => {
      const jobs = await add(store, ...ODD_PAYLOADS.map((payload) => ({ payload })))
      const claimed = await take(store, 100)
      for (const [index, payload] of ODD_PAYLOADS.entries()) {
        same((await get(store, jobs[index]?.id as string)).payload, payload, `payload ${index} by get`)
        same(claimed[index]?.payload, payload, `payload ${index} by claim`)
      }
      same(await store.settle(claimed.map((job) => outcome(job, { type: 'succeeded', result: job.payload }))), [], 'all succeed')
      for (const [index, payload] of ODD_PAYLOADS.entries())
        same((await get(store, jobs[index]?.id as string)).result, payload, `result ${index}`)
    },
  ],
  [
    'names with quotes, spaces, wildcards and other letters are names like any other',
    async ({ store }) => {
      const lanes = [`it's; DROP TABLE jobs --`, '100%_', 'ü/日本', 'a b', 'a'].map((name) => ({
        kind: name,
        target: `t ${name}`,
      }))
      await add(store, ...lanes)
      for (const lane of lanes) {
        const [found] = await store.readyLanes([lane.kind], 10)
        same([found?.kind, found?.target], [lane.kind, lane.target], 'the lane is found')
        same((await take(store, 10, lane)).length, 1, 'and gives its one job')
      }
    },
  ],
  [
    'what a caller does to a payload later, or to a job it was given, changes nothing in the store',
    async ({ store }) => {
      const payload = { list: [1] }
      const [added] = await add(store, { payload })
      payload.list.push(2)
      const first = await get(store, added?.id as string)
      ;(first.payload as { list: number[] }).list.push(3)
      same((await get(store, added?.id as string)).payload, { list: [1] }, 'the payload')
    },
  ],
  [
    'a batch with one job that is refused stores none of it, and the error names its place',
    async ({ store }) => {
      await add(store, { idempotencyKey: 'known', fingerprint: 'one' })
      const batch = [
        newJob(),
        newJob({ idempotencyKey: 'new' }),
        newJob({ idempotencyKey: 'known', fingerprint: 'two' }),
        newJob(),
      ]
      const details = await rejects(store.enqueue(batch), 'ERR_IDEMPOTENCY_MISMATCH', 'same key, other payload')
      same(details.index, 2, 'details.index')
      for (const job of batch) same(await store.get(job.id), undefined, 'no job of the batch is stored')
      same((await store.enqueue([newJob({ idempotencyKey: 'new', fingerprint: 'x' })]))[0]?.duplicate, false, 'nor any key of it')
    },
  ],
  [
    'a payload that is no JSON stores nothing of its batch',
    async ({ store }) => {
      const batch = [newJob(), newJob({ payload: { big: 1n } })]
      const failed = await store.enqueue(batch).then(
        () => false,
        () => true,
      )
      truthy(failed, 'the batch is refused')
      same(await store.get(batch[0]?.id as string), undefined, 'and nothing is stored')
    },
  ],
  [
    'an empty batch is nothing',
    async ({ store }) => {
      same(await store.enqueue([]), [], 'enqueue')
      same(await store.settle([]), [], 'settle')
      same(await store.claim({ worker: 'w', leaseMs: 1, lanes: [] }), [], 'claim')
    },
  ],
  [
    'a known key answers with the first job, in whatever state it is, until its window is over',
    async ({ store, clock }) => {
      const first = await running(store, { idempotencyKey: 'k', fingerprint: 'f', idempotencyWindowMs: 1000 })
      await settle(store, first, { type: 'succeeded' })
      await clock.advance(999)
      const again = newJob({ idempotencyKey: 'k', fingerprint: 'f' })
      same(await store.enqueue([again]), [{ id: first.id, state: 'succeeded', duplicate: true }], 'inside the window')
      same(await store.get(again.id), undefined, 'nothing was stored')
      await clock.advance(1)
      same(await store.enqueue([again]), [{ id: again.id, state: 'available', duplicate: false }], 'when it is over')
      const other = newJob({ idempotencyKey: 'k', fingerprint: 'f' })
      same((await store.enqueue([other]))[0]?.id, again.id, 'and a new window has begun')
    },
  ],
  [
    'a key is known for its kind alone',
    async ({ store }) => {
      await add(store, { idempotencyKey: 'k', fingerprint: 'f' })
      same(
        (await store.enqueue([newJob({ kind: 'sms', idempotencyKey: 'k', fingerprint: 'g' })]))[0]?.duplicate,
        false,
        'other kind',
      )
    },
  ],
  [
    'duplicates inside one batch are answered with its first, and mismatches refused',
    async ({ store }) => {
      const first = newJob({ idempotencyKey: 'k', fingerprint: 'f' })
      const second = newJob({ idempotencyKey: 'k', fingerprint: 'f' })
      same(
        await store.enqueue([first, second]),
        [
          { id: first.id, state: 'available', duplicate: false },
          { id: first.id, state: 'available', duplicate: true },
        ],
        'the second is a duplicate',
      )
      const batch = [newJob({ idempotencyKey: 'l', fingerprint: 'f' }), newJob({ idempotencyKey: 'l', fingerprint: 'g' })]
      same((await rejects(store.enqueue(batch), 'ERR_IDEMPOTENCY_MISMATCH', 'in one batch')).index, 1, 'details.index')
    },
  ],
  [
    'the same request again, id and all, stores nothing twice',
    async ({ store }) => {
      const batch = [newJob(), newJob({ idempotencyKey: 'k' })]
      const answers = await store.enqueue(batch)
      same(await store.enqueue(batch), answers, 'the same answer')
      same((await take(store, 10)).length, 2, 'two jobs')
    },
  ],
  [
    'work that comes in is told of in this process, until the listener leaves; a listener that throws hurts nobody',
    async ({ store }) => {
      let told = 0
      store.onWork(() => {
        throw new Error('bad listener')
      })
      const leave = store.onWork(() => void told++)
      await add(store, {})
      same(told, 1, 'told once')
      leave()
      await add(store, {})
      same(told, 1, 'not any more')
    },
  ],
]
