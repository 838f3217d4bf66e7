/**
 * One process of a measurement: prepares, sends or works, as it is told.
 *
 *     node bench/durable/process.ts ROLE SYSTEM PLACE JSON
 *
 * Says `ready`, waits for `go`, and tells what it did as messages to its parent.
 */
import { type Load, moment } from './contender.ts'
import { systems } from './systems.ts'

export interface Task {
  readonly count?: number
  readonly batch?: number
  /** Sends so many a second, one by one; absent: as fast as it goes, in batches. */
  readonly perSecond?: number
  readonly one?: boolean
  readonly concurrency?: number
  readonly jobMs?: number
  /** So many jobs before those that count. */
  readonly warmUp?: number
  /** Tells how long each job waited. */
  readonly latencies?: boolean
}

export type Message =
  | { readonly type: 'ready' }
  | { readonly type: 'sent'; readonly ms: number }
  /** `first` and `last` are when the first job after the warm-up and the latest one started. */
  | {
      readonly type: 'worked'
      readonly count: number
      readonly first: number
      readonly last: number
      readonly latencies: readonly number[]
    }
  | { readonly type: 'done' }

const [role = '', id = '', place = '', text = '{}'] = process.argv.slice(2)
const task = JSON.parse(text) as Task
const entry = systems.find((one) => one.id === id)
if (entry === undefined) throw new Error(`there is no system '${id}'`)
const system = await (await entry.open())(place)
const go = new Promise<void>((resolve) => process.once('message', () => resolve()))

if (role === 'prepare') await system.prepare()
else if (role === 'send') await send()
else await work()
tell({ type: 'done' })
await system.close()
process.exit(0)

async function send(): Promise<void> {
  const { count = 0, batch = 500, perSecond } = task
  tell({ type: 'ready' })
  await go
  const started = moment()
  if (perSecond !== undefined) {
    // Paced by the clock, not by the answers: a slow system does not slow those who send.
    const sending: Promise<void>[] = []
    for (let n = 0; n < count; n++) {
      const wait = started + (n * 1000) / perSecond - moment()
      if (wait > 1) await new Promise((resolve) => setTimeout(resolve, wait))
      sending.push(system.enqueueOne({ n, at: moment() }))
    }
    await Promise.all(sending)
  } else if (task.one) for (let n = 0; n < count; n++) await system.enqueueOne({ n, at: moment() })
  else for (let n = 0; n < count; n += batch) await system.enqueueMany(loads(n, Math.min(batch, count - n)))
  tell({ type: 'sent', ms: moment() - started })
}

function loads(from: number, count: number): Load[] {
  const at = moment()
  return Array.from({ length: count }, (_, index) => ({ n: from + index, at }))
}

async function work(): Promise<void> {
  const { concurrency = 100, jobMs = 0, warmUp = 0 } = task
  let [count, told, first, last] = [0, 0, 0, 0]
  let latencies: number[] = []
  tell({ type: 'ready' })
  await go
  const stop = await system.work({
    concurrency,
    handle: ({ at }) => {
      last = moment()
      if (count++ === warmUp) first = last
      if (task.latencies) latencies.push(last - at)
      return jobMs === 0 ? undefined : new Promise((resolve) => setTimeout(resolve, jobMs))
    },
  })
  const telling = setInterval(() => {
    if (count === told) return
    told = count
    tell({ type: 'worked', count, first, last, latencies })
    latencies = []
  }, 20)
  await new Promise<void>((resolve) => process.once('message', () => resolve()))
  clearInterval(telling)
  await stop()
}

function tell(message: Message): void {
  process.send?.(message)
}
