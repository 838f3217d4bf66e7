/**
 * A worker in a process of its own, to be killed, stopped and cut off: a whole Runtime whose one kind writes what it does to a
 * ledger outside of the store.
 *
 *     node worker-process.ts '{"store": …, "ledger": …, …}'
 *
 * Says `ready` when it works. SIGTERM drains. SIGUSR2 takes the next of its clock steps, see shifted-clock.ts.
 */
import { writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../src/core/random.ts'
import { Runtime } from '../../src/runtime/runtime.ts'
import { redisSharedState } from '../../src/stores/redis/index.ts'
import type { TargetOptions } from '../../src/targets/settings.ts'
import type { JobContext } from '../../src/work/kind.ts'
import { defineKind } from '../../src/work/kind.ts'
import type { JobStore } from '../../src/work/store.ts'
import { Ledger, monotonic } from './ledger.ts'
import { shiftedClock } from './shifted-clock.ts'
import { storeAt } from './store-address.ts'
import type { Task, WorkerOrders } from './worker-orders.ts'
import { NOT_STARTED } from './worker-orders.ts'

const orders = JSON.parse(process.argv[2] as string) as WorkerOrders
const ledger = new Ledger(orders.ledger)
const tokens = new Map<string, number>()
const clock = shiftedClock(Number(process.env.CLOCK_AT ?? 0))
const random: Random = () => Math.random()

const kind = defineKind<Task>({
  name: 'task',
  target: 'somewhere',
  lease: orders.leaseMs,
  timeout: '1m',
  // Workers are killed here all the time: no job is to blame.
  maxLostLeases: 1_000_000,
  backoff: { initial: 50, max: 500 },
  handler: work,
})

async function work(task: Task, context: JobContext): Promise<void> {
  // The claim's token: read now, because the job may be claimed here again while a deaf handler still runs.
  const token = tokens.get(context.id) as number
  ledger.write('begin', context.id, token)
  await (task.deaf ? sleep(task.ms) : sleep(task.ms, undefined, { signal: context.signal }))
  if (task.fails && context.attempt === 1) throw new Error('the first time does not work')
  ledger.write('effect', context.id, token)
}

/** The same store, with a note of every claim and renewal, and of every success that it took. */
function noted(store: JobStore): JobStore {
  const { claim, settle, renew } = store
  return Object.assign(store, {
    async claim(...args: Parameters<JobStore['claim']>) {
      const asked = monotonic()
      const jobs = await claim.apply(store, args)
      if (jobs.length > 0) ledger.write('claimed', asked.toFixed(2), 0)
      for (const { id, token } of jobs) tokens.set(id, token)
      return jobs
    },
    async renew(...args: Parameters<JobStore['renew']>) {
      const asked = monotonic()
      const answer = await renew.apply(store, args)
      ledger.write('renewed', asked.toFixed(2), 0)
      return answer
    },
    async settle(...args: Parameters<JobStore['settle']>) {
      const refused = new Set(await settle.apply(store, args))
      for (const { id, token, type } of args[0]) if (type === 'succeeded' && !refused.has(id)) ledger.write('acked', id, token)
      return [...refused]
    },
  })
}

/** Jobs fail here now and then, which is no outage; the limit is one that has to be asked for, and seldom holds anything. */
const SHARED_LIMITS: TargetOptions = { breaker: { failures: 100 }, rate: { limit: 500, per: '1s', burst: 200, shared: 'leased' } }

const runtime = new Runtime({
  store: noted(storeAt(orders.store, clock)),
  kinds: [kind],
  ...(orders.redis === undefined
    ? { targetDefaults: { breaker: false } }
    : { shared: redisSharedState({ url: orders.redis }), targetDefaults: SHARED_LIMITS }),
  concurrency: orders.concurrency,
  pollMax: 200,
  recovery: { every: 250, unresponsiveAfter: '2s' },
  ...(orders.host === undefined ? {} : { host: orders.host }),
  clock,
  random,
})

process.on('SIGTERM', () => {
  void runtime.stop(5000).then(() => process.exit(0))
})

try {
  await runtime.start()
  writeSync(1, 'ready\n')
} catch (error) {
  writeSync(2, `${(error as Error).message}\n`)
  process.exit(NOT_STARTED)
}
// Its timers are idle ones: what keeps it alive is its work, and there may be none for a while.
setInterval(() => {}, 1 << 30)
