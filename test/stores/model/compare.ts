import { same } from '../../../src/testing/store-contract/harness.ts'
import type { JobState } from '../../../src/work/job.ts'
import type { JobStore } from '../../../src/work/store.ts'
import type { NaiveJob, NaiveStore } from './naive-store.ts'

const LISTED: readonly JobState[] = ['available', 'running', 'dead', 'cancelled', 'scheduled', 'succeeded', 'parked']
const SHOWN = [
  'id',
  'kind',
  'target',
  'priority',
  'state',
  'runAt',
  'attempts',
  'token',
  'lostLeases',
  'generation',
  'cancelRequested',
  'worker',
  'leaseUntil',
  'finishedAt',
  'concurrencyKey',
  'batchId',
] as const

/** Everything that a store can show is what the naive one holds. */
export async function compareAll(model: NaiveStore, store: JobStore): Promise<void> {
  const jobs = (await store.list({ limit: 1000 })).items
  same(
    jobs.map((job) => ({
      ...Object.fromEntries(SHOWN.map((field) => [field, job[field]])),
      events: job.history.map(({ event }) => event),
    })),
    model.jobs.map((job) => ({ ...Object.fromEntries(SHOWN.map((field) => [field, job[field]])), events: job.events })).reverse(),
    'jobs',
  )
  const letters = (await store.deadLetters({ limit: 1000 })).items
  same(
    letters.map(({ id, kind, target, status, targetDown, generation, nextRetryAt }) => ({
      id,
      kind,
      target,
      status,
      targetDown,
      generation,
      nextRetryAt,
    })),
    [...model.letters].reverse(),
    'letters',
  )
  same(
    (await store.counts()).map((row) => JSON.stringify([row.kind, row.target, row.state, row.count, row.oldestRunAt])).sort(),
    countsOf(model),
    'counts',
  )
  same(
    (await store.deadLetterCounts()).reduce((sum, { count }) => sum + count, 0),
    model.letters.length,
    'dead letters counted',
  )
  const scheduled = model.jobs.filter(({ state }) => state === 'scheduled').map(({ runAt }) => runAt)
  same(await store.nextRunAt(), scheduled.length === 0 ? undefined : Math.min(...scheduled), 'nextRunAt')
  same((await store.runningKeys()).map(({ kind, key, count }) => `${kind} ${key} ${count}`).sort(), model.runningKeys(), 'keys')
  await compareBatches(model, store)
  same(await store.readStates(''), [...model.states].map(([name, state]) => ({ name, ...state })).sort(byName), 'states')
  // One of each in turn: a round trip is most of what a comparison costs.
  const state = LISTED[model.jobs.length % LISTED.length] as JobState
  same(
    (await store.list({ state, kind: 'x', limit: 1000 })).items.map(({ id }) => id),
    model.jobs
      .filter((job) => job.state === state && job.kind === 'x')
      .map(({ id }) => id)
      .reverse(),
    `list of ${state}`,
  )
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1
}

async function compareBatches(model: NaiveStore, store: JobStore): Promise<void> {
  const open = model.batches.filter(({ completedAt }) => completedAt === undefined).map(({ id }) => id)
  same(await store.openBatches('', 100), open.sort(), 'open batches')
  const listedToo = model.jobs.length % (model.batches.length + 1)
  for (const [at, id] of [...model.batches.map((one) => one.id), 'nobody'].entries()) {
    const batch = model.batches.find((one) => one.id === id)
    const summary = batch && model.summary(batch)
    const pending = summary && summary.total - summary.succeeded - summary.dead - summary.cancelled
    const { pruned: _pruned, ...known } = batch ?? { pruned: [] }
    const parked = model.ofBatch(id).filter(({ state }) => state === 'parked').length || undefined
    const callbackKind = batch?.callback && 'x'
    same(await store.batch(id), batch && { ...known, ...summary, pending, parked, callbackKind }, `batch ${id}`)
    if (at !== listedToo) continue
    const listed = (await store.list({ batch: id, limit: 1000 })).items
    same(
      listed.map((job) => job.id),
      model
        .ofBatch(id)
        .map((job) => job.id)
        .reverse(),
      `jobs of ${id}`,
    )
  }
}

function countsOf(model: NaiveStore): string[] {
  const groups = Map.groupBy(model.jobs, ({ kind, target, state }) => JSON.stringify([kind, target, state]))
  return [...groups.values()]
    .map((jobs) => {
      const { kind, target, state, finishedAt } = jobs[0] as NaiveJob
      const oldest = finishedAt === undefined ? Math.min(...jobs.map(({ runAt }) => runAt)) : 0
      return JSON.stringify([kind, target, state, jobs.length, oldest])
    })
    .sort()
}
