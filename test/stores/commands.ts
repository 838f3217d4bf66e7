/**
 * Random things to do to a store, each played on the store and on the naive one, with the answers compared.
 */
import * as fc from 'fast-check'
import { same } from '../../src/testing/store-contract/harness.ts'
import type { VirtualClock } from '../../src/testing/virtual-clock.ts'
import type { NewJob } from '../../src/work/job.ts'
import type { JobStore, Settlement } from '../../src/work/store.ts'
import type { NaiveJob, NaiveRequest, NaiveStore } from './naive-store.ts'

/** The store under test, and its clock. */
export interface Real {
  readonly store: JobStore
  readonly clock: VirtualClock
}

export type Step = (model: NaiveStore, real: Real) => Promise<void>
/** A step that fast-check prints by its name. */
export interface Command {
  readonly step: Step
}

function command(name: string, step: Step): Command {
  return Object.defineProperty({ step }, fc.toStringMethod, { value: () => name })
}

const TARGETS = ['a', 'b', 'c']
const KINDS = ['x', 'y']
const ERROR = { name: 'Error', message: 'no' }
let made = 0

/** The nth of all jobs that exist, counted around; or one that never was. */
function pick(model: NaiveStore, index: number): string {
  return model.jobs[index % (model.jobs.length + 1)]?.id ?? 'nobody'
}

function pickRunning(model: NaiveStore, index: number): NaiveJob | undefined {
  const jobs = model.jobs.filter(({ state }) => state === 'running')
  return jobs[index % Math.max(jobs.length, 1)]
}

const index = fc.nat(40)
const delay = fc.constantFrom(0, 0, 10, 50)
const kind = fc.constantFrom(...KINDS)
const target = fc.constantFrom(...TARGETS)
const rarely = fc.constantFrom(false, false, false, true)

const overs = fc.array(
  fc.record({
    kind,
    target,
    priority: fc.integer({ min: -1, max: 2 }),
    delay,
    key: fc.option(fc.constantFrom('k', 'l'), { nil: undefined }),
    print: fc.constantFrom('p', 'p', 'p', 'q'),
    concurrencyKey: fc.constantFrom(undefined, undefined, '', 'a', 'a', 'b'),
  }),
  { maxLength: 6 },
)
type Overs = typeof overs extends fc.Arbitrary<infer T> ? T : never

function nextId(): string {
  return `j${String(++made).padStart(9, '0')}`
}

/** The same jobs for the model and for the store. */
function jobsOf(model: NaiveStore, list: Overs): { readonly asked: NaiveRequest[]; readonly jobs: NewJob[] } {
  const asked = list.map(({ key, concurrencyKey, ...over }) => ({
    id: nextId(),
    ...over,
    ...(key === undefined ? {} : { key }),
    ...(concurrencyKey === undefined ? {} : { concurrencyKey }),
  }))
  const jobs = asked.map(({ key, print, delay: wait, ...job }) => ({
    ...job,
    payload: { of: job.id },
    runAt: model.now + wait,
    idempotencyKey: key,
    fingerprint: print,
    idempotencyWindowMs: 100,
  }))
  return { asked, jobs }
}

const enqueue = overs.map((list) =>
  command(`enqueue ${JSON.stringify(list)}`, async (model, { store }) => {
    const { asked, jobs } = jobsOf(model, list)
    const answers = await store.enqueue(jobs).catch((error: { code?: string }) => error.code)
    same(answers, model.enqueue(asked) ?? 'ERR_IDEMPOTENCY_MISMATCH', 'enqueue')
  }),
)

const batchId = fc.nat(6).map((n) => `b${n}`)

const enqueueBatch = fc.tuple(batchId, overs, fc.boolean()).map(([id, list, calls]) =>
  command(`enqueue batch ${id} ${calls ? 'calling back ' : ''}${JSON.stringify(list)}`, async (model, { store }) => {
    const { asked, jobs } = jobsOf(model, list)
    const callbackId = nextId()
    const about = { kind: 'x', target: 'a', priority: 0, payload: { of: callbackId }, fingerprint: '', idempotencyWindowMs: 0 }
    const callback = calls ? { id: callbackId, ...about } : undefined
    const answer = await store.enqueueBatch({ id, callback }, jobs).catch((error: { code?: string }) => error.code)
    same(answer, model.enqueueBatch(id, asked, callback?.id) ?? 'ERR_IDEMPOTENCY_MISMATCH', 'enqueue batch')
  }),
)

/** As everybody does who settles, cancels or sweeps. */
const completeBatches = fc.uniqueArray(batchId, { minLength: 1, maxLength: 7 }).map((ids) =>
  command(`complete ${ids.join()}`, async (model, { store }) => {
    const ended = await store.completeBatches(ids)
    const expected = model.completeBatches(ids).map((summary) => JSON.stringify(summary))
    same(ended.map(({ summary }) => JSON.stringify(summary)).sort(), expected.sort(), 'batches that ended')
    for (const { callback, summary } of ended)
      if (callback !== undefined)
        same((await store.get(callback.id))?.payload, { of: callback.id, batch: summary }, 'the callback')
  }),
)

const claim = fc
  .tuple(
    kind,
    target,
    fc.integer({ min: 1, max: 5 }),
    fc.constantFrom('w1', 'w2'),
    fc.constantFrom(undefined, undefined, 1, 1, 2),
  )
  .map(([ofKind, at, limit, worker, perKey]) =>
    command(`claim ${limit} of ${ofKind} ${at} for ${worker}, per key ${perKey}`, async (model, { store }) => {
      const lane = { kind: ofKind, target: at, limit, ...(perKey === undefined ? {} : { perKey }) }
      const jobs = await store.claim({ worker, leaseMs: 60, lanes: [lane] })
      same(
        jobs.map(({ id }) => id),
        model.claim(worker, 60, ofKind, at, limit, perKey),
        'claimed',
      )
      for (const job of jobs) {
        same([(job.payload as { of: string }).of, job.token], [job.id, model.job(job.id)?.token], 'payload and token')
        same([job.concurrencyKey, job.batchId], [model.job(job.id)?.concurrencyKey, model.job(job.id)?.batchId], 'key and batch')
      }
    }),
  )

const bare = fc.oneof(
  fc.constant({ type: 'succeeded' as const }),
  fc.constant({ type: 'succeeded' as const, result: { ok: true } }),
  delay.map((delayMs) => ({ type: 'retry' as const, delayMs, error: ERROR })),
  delay.map((delayMs) => ({ type: 'returned' as const, delayMs, reason: 'held' })),
  delay.map((delayMs) => ({ type: 'rescued' as const, delayMs, reason: 'gone' })),
  fc.constant({ type: 'parked' as const, reason: 'unknown' }),
  fc.constant({ type: 'cancelled' as const }),
  fc.record({
    type: fc.constant('dead' as const),
    cause: fc.constant('attempts' as const),
    error: fc.constant(ERROR),
    targetDown: fc.boolean(),
    retryInMs: fc.constantFrom(20, 40),
  }),
  fc.constant({ type: 'dead' as const, cause: 'rejected' as const, error: ERROR, targetDown: false }),
)

const settle = fc.array(fc.tuple(index, bare, fc.constantFrom(0, 0, 0, 0, 1)), { minLength: 1, maxLength: 5 }).map((picks) =>
  command(`settle ${JSON.stringify(picks)}`, async (model, { store }) => {
    const settlements = picks.map(([at, what, old]): Settlement => {
      const job = pickRunning(model, at)
      return { id: job?.id ?? 'nobody', token: (job?.token ?? 1) - old, ...what }
    })
    same(
      await store.settle(settlements),
      settlements.filter((one) => !model.settle(one)).map(({ id }) => id),
      'refused',
    )
  }),
)

const renew = fc.tuple(fc.constantFrom('w1', 'w2', 'w3'), fc.array(index, { maxLength: 4 })).map(([worker, picks]) =>
  command(`renew ${worker} ${picks.join()}`, async (model, { store }) => {
    const ids = new Set(picks.map((at) => pickRunning(model, at)?.id ?? 'nobody'))
    const held = [...ids].map((id) => ({ id, token: model.job(id)?.token ?? 1 }))
    const row = { id: worker, host: 'h', pid: 1, bootId: 'b', startedAt: 0, seenAt: 0 }
    same(await store.renew(row, 60, held), model.renew(worker, 60, held), 'renew')
  }),
)

const byId = fc.tuple(fc.constantFrom('cancel', 'cancel', 'retry', 'discard'), index).map(([what, at]) =>
  command(`${what} ${at}`, async (model, { store }) => {
    const id = pick(model, at)
    model[what as 'cancel'](id)
    await store[what as 'cancel'](id)
  }),
)

const redrive = fc
  .record({
    target: fc.option(target, { nil: undefined }),
    dueOnly: rarely,
    targetDownOnly: rarely,
    limit: fc.integer({ min: 1, max: 5 }),
    dryRun: rarely,
  })
  .map((request) =>
    command(`redrive ${JSON.stringify(request)}`, async (model, { store }) => {
      same(
        await store.redrive({ ...request, by: 'person' }),
        model.redrive(request as Parameters<NaiveStore['redrive']>[0]),
        'redriven',
      )
    }),
  )

const prune = fc
  .tuple(fc.constantFrom(0, 30, 1000), fc.constantFrom(0, 2, 100), fc.constantFrom(1, 3, 100))
  .map(([age, keep, limit]) =>
    command(`prune ${age} ${keep} ${limit}`, async (model, { store }) => {
      // Which of several expired keys go first is nobody's business.
      const expired = [...model.keys.values()].some(({ until }) => until <= model.now)
      const most = expired ? 100 : limit
      same(await store.prune({ olderThanMs: age, keep, limit: most }), model.prune(age, keep, most), 'pruned')
    }),
  )

const advance = fc.constantFrom(1, 10, 45, 100).map((ms) =>
  command(`advance ${ms}`, async (model, { clock }) => {
    await clock.advance(ms)
    model.now += ms
  }),
)

const lanes = fc.constantFrom(['x'], ['y', 'x']).map((kinds) =>
  command(`lanes of ${kinds.join()}`, async (model, { store }) => {
    model.promote()
    const expected = kinds
      .flatMap((of) => TARGETS.flatMap((at) => model.lane(of, at).slice(0, 1)))
      .map(({ kind: of, target: at, priority, runAt }) => ({ kind: of, target: at, priority, runAt }))
    expected.sort(
      (a, b) => b.priority - a.priority || a.runAt - b.runAt || (`${a.kind}${a.target}` < `${b.kind}${b.target}` ? -1 : 1),
    )
    same(await store.readyLanes(kinds, 100), expected, 'lanes')
  }),
)

const abandoned = fc.subarray(['w1', 'w2']).map((dead) =>
  command(`abandoned ${dead.join()}`, async (model, { store }) => {
    same(
      (await store.abandoned(dead, 100)).map(({ id }) => id),
      model.abandoned(dead),
      'abandoned',
    )
  }),
)

/** A worker vanishes, and somebody takes up what it left behind. */
const kill = fc.constantFrom('w1', 'w2', 'w3').map((worker) =>
  command(`kill ${worker}`, async (model, { store }) => {
    await store.removeWorkers([worker])
    model.workers.delete(worker)
    const left = await store.abandoned([worker], 100)
    same(
      left.map(({ id }) => id),
      model.abandoned([worker]),
      'left behind',
    )
    const settlements = left.map(({ id, token }): Settlement => ({ id, token, type: 'rescued', delayMs: 0, reason: 'gone' }))
    same(await store.settle(settlements), [], 'rescued')
    for (const settlement of settlements) model.settle(settlement)
  }),
)

export const commands: fc.Arbitrary<Command> = fc.oneof(
  { weight: 4, arbitrary: enqueue },
  { weight: 2, arbitrary: enqueueBatch },
  { weight: 2, arbitrary: completeBatches },
  { weight: 1, arbitrary: kill },
  { weight: 4, arbitrary: claim },
  { weight: 5, arbitrary: settle },
  { weight: 2, arbitrary: advance },
  { weight: 1, arbitrary: renew },
  { weight: 2, arbitrary: byId },
  { weight: 2, arbitrary: redrive },
  { weight: 1, arbitrary: prune },
  { weight: 1, arbitrary: lanes },
  { weight: 1, arbitrary: abandoned },
)
