/** What is measured of each system, each time on a fresh place. */
import { median } from '../statistics.ts'
import { prepare, send, sentBy, start, type Worked, work } from './crew.ts'
import type { Places } from './places.ts'
import type { Entry } from './systems.ts'

export interface Scale {
  readonly jobs: number
  readonly slowJobs: number
  readonly backlogs: readonly number[]
}

/** Rates are jobs a second; latencies, from sending to start, are ms. A system that did not finish has no figure. */
export interface Measured {
  readonly enqueueMany: number
  readonly enqueueOne: number
  readonly noop1: number | undefined
  readonly noop4: number | undefined
  readonly slow1: number | undefined
  readonly slow4: number | undefined
  readonly idleP50: number | undefined
  readonly idleP99: number | undefined
  readonly loadP50: number | undefined
  readonly loadP99: number | undefined
}

/** Jobs at once in one process: what each system's own guides advise for work that costs nothing, and for 5 ms of waiting. */
const NOOP = { concurrency: 500 }
const SLOW = { concurrency: 100, jobMs: 5 }

/** Workers live for days: their first moments, while the engine compiles and statements are prepared, are left out. */
const WARM_UP = 0.2

export async function measureSystem(entry: Entry, places: Places, { jobs, slowJobs }: Scale): Promise<Measured> {
  const throughput = async (
    processes: number,
    count: number,
    task: object,
  ): Promise<{ sent: number; worked: number | undefined }> => {
    const place = await places.fresh(entry.place)
    await prepare(entry, place)
    const warmUp = Math.round(count * WARM_UP)
    const ms = await send(entry, place, { count: count + warmUp })
    const worked = await work(entry, place, { processes, count: count + warmUp, warmUp: warmUp / processes, ...task })
    return { sent: ((count + warmUp) * 1000) / ms, worked: worked && rate(worked) }
  }
  const noop1 = await throughput(1, jobs, NOOP)
  const noop4 = await throughput(4, jobs, NOOP)
  const slow1 = await throughput(1, slowJobs, SLOW)
  const slow4 = await throughput(4, slowJobs, SLOW)
  const idle = await latencies(entry, places, 20, 5000)
  const load = await latencies(entry, places, 500, 4000)
  return {
    enqueueMany: median([noop1.sent, noop4.sent]),
    enqueueOne: await oneByOne(entry, places),
    noop1: noop1.worked,
    noop4: noop4.worked,
    slow1: slow1.worked,
    slow4: slow4.worked,
    idleP50: quantile(idle, 0.5),
    idleP99: quantile(idle, 0.99),
    loadP50: quantile(load, 0.5),
    loadP99: quantile(load, 0.99),
  }
}

async function oneByOne(entry: Entry, places: Places): Promise<number> {
  const place = await places.fresh(entry.place)
  await prepare(entry, place)
  return 1_000_000 / (await send(entry, place, { count: 1000, one: true }))
}

async function latencies(entry: Entry, places: Places, perSecond: number, ms: number): Promise<readonly number[]> {
  const place = await places.fresh(entry.place)
  await prepare(entry, place)
  const count = (perSecond * ms) / 1000
  const sender = start('send', entry, place, { count, perSecond })
  const sent = sentBy(sender)
  await sender.ready
  const meanwhile = async (): Promise<void> => {
    // Workers settle first: what is measured is not their start.
    await new Promise((resolve) => setTimeout(resolve, 1500))
    sender.go()
    await sent
  }
  const worked = await work(entry, place, { processes: 1, count, meanwhile, latencies: true, ...SLOW })
  return worked?.latencies ?? []
}

export interface Backlog {
  readonly id: string
  readonly name: string
  readonly rows: readonly { readonly waiting: number; readonly rate: number | undefined }[]
}

/** The rate at which one process works while so many more jobs wait. */
export async function measureBacklog(
  entries: readonly Entry[],
  places: Places,
  { backlogs }: Scale,
  say: (line: string) => void,
): Promise<readonly Backlog[]> {
  const all: Backlog[] = []
  for (const entry of entries.filter(({ id }) => ['holdfast-sqlite', 'holdfast-postgres', 'graphile-worker'].includes(id))) {
    const rows: { waiting: number; rate: number | undefined }[] = []
    for (const waiting of backlogs) {
      const place = await places.fresh(entry.place)
      await prepare(entry, place)
      const count = Math.min(20_000, Math.max(...backlogs))
      await send(entry, place, { count: waiting + count, batch: 1000 })
      const worked = await work(entry, place, { processes: 1, count, ...NOOP })
      rows.push({ waiting, rate: worked && rate(worked) })
      say(`backlog ${entry.id} ${waiting}: ${Math.round(rows.at(-1)?.rate ?? Number.NaN)}`)
    }
    all.push({ id: entry.id, name: entry.name, rows })
  }
  return all
}

function rate({ count, ms }: Worked): number {
  return (count * 1000) / ms
}

function quantile(values: readonly number[], share: number): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))]
}
