/** pg-boss with batches of 500 that are fetched again at once while they come back full. */
import { PgBoss } from 'pg-boss'
import type { Load, System } from '../contender.ts'

export const pgBoss = async (url: string): Promise<System> => {
  const boss = new PgBoss({ connectionString: url, max: 10 })
  boss.on('error', () => {})
  let started: Promise<unknown> | undefined
  const start = async (): Promise<void> => {
    started ??= boss.start()
    await started
  }
  return {
    async prepare() {
      await start()
      await boss.createQueue('load', { notify: true })
    },
    async enqueueMany(loads) {
      await start()
      await boss.insert(
        'load',
        loads.map((data) => ({ data })),
      )
    },
    async enqueueOne(load) {
      await start()
      await boss.send('load', load)
    },
    async work({ concurrency, handle }) {
      await start()
      // Its unit of work is a batch: all of it runs at once, and is completed together.
      const options = { batchSize: Math.min(concurrency, 500), pollingIntervalSeconds: 0.5, burstWhenBatchFull: true }
      await boss.work<Load>('load', options, async (jobs) => {
        await Promise.all(jobs.map(async (job) => handle(job.data)))
      })
      return () => boss.stop({ graceful: false })
    },
    async close() {
      await boss.stop({ graceful: false }).catch(() => {})
    },
  }
}
