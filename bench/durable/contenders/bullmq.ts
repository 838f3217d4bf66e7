/** BullMQ on Redis; done jobs are removed, as its documentation advises for speed. */
import { Queue, Worker } from 'bullmq'
import type { Load, System } from '../contender.ts'

export const bullmq = async (url: string): Promise<System> => {
  const { hostname, port } = new URL(url)
  const connection = { host: hostname, port: Number(port), maxRetriesPerRequest: null }
  const queue = new Queue<Load>('load', { connection })
  const opts = { removeOnComplete: true }
  return {
    async prepare() {
      await queue.waitUntilReady()
    },
    async enqueueMany(loads) {
      await queue.addBulk(loads.map((data) => ({ name: 'load', data, opts })))
    },
    async enqueueOne(load) {
      await queue.add('load', load, opts)
    },
    async work({ concurrency, handle }) {
      const worker = new Worker<Load>('load', async (job) => handle(job.data), { connection, concurrency })
      worker.on('error', () => {})
      await worker.waitUntilReady()
      return () => worker.close(true)
    },
    async close() {
      await queue.close()
    },
  }
}
