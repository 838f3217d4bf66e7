/** graphile-worker in the configuration that its documentation gives for speed: local queue, batched completion. */
import { type AddJobsJobSpec, Logger, makeWorkerUtils, run } from 'graphile-worker'
import type { Load, System } from '../contender.ts'

const quiet = new Logger(() => () => {})

export const graphileWorker = async (url: string): Promise<System> => {
  const utils = await makeWorkerUtils({ connectionString: url, logger: quiet })
  return {
    prepare: () => utils.migrate(),
    async enqueueMany(loads) {
      await utils.addJobs(loads.map((payload): AddJobsJobSpec => ({ identifier: 'load', payload })))
    },
    async enqueueOne(load) {
      await utils.addJob('load', load)
    },
    async work({ concurrency, handle }) {
      const runner = await run({
        connectionString: url,
        logger: quiet,
        noHandleSignals: true,
        taskList: { load: (payload) => handle(payload as Load) },
        preset: {
          worker: {
            concurrentJobs: concurrency,
            maxPoolSize: 10,
            pollInterval: 2000,
            localQueue: { size: 500, refetchDelay: { durationMs: 100, threshold: 1 } },
            completeJobBatchDelay: 0,
            failJobBatchDelay: 0,
          },
        },
      })
      return () => runner.stop()
    },
    close: async () => {
      await utils.release()
    },
  }
}
