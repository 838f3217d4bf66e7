import Bottleneck from 'bottleneck'
import type { Caller, RetrySpec, Work } from '../../src/testing/conformance/index.ts'
import type { Library } from './library.ts'

const make = (options: Bottleneck.ConstructorOptions, job: Bottleneck.JobOptions = {}) => {
  const limiter = new Bottleneck(options)
  return { limiter, call: (work: Work) => limiter.schedule(job, async () => work({})) }
}

/** A reservoir, and not `minTime`, whose timer is one of the platform's. */
const paced = ({ limit, perMs }: { limit: number; perMs: number }): Bottleneck.ConstructorOptions => ({
  reservoir: limit,
  reservoirRefreshAmount: limit,
  reservoirRefreshInterval: perMs,
})

const makeRetry = ({ attempts, delayMs }: RetrySpec): Caller => {
  const one = make({})
  one.limiter.on('failed', (_error, { retryCount }) => (retryCount < attempts - 1 ? delayMs : undefined) as never)
  return one
}

export const bottleneck: Library = {
  name: 'bottleneck',
  notes: { 31: 'with the `timeout` of the group set to the window; by default it is five minutes' },
  evidence: {
    8: { file: 'lib/LocalDatastore.js', text: 'now >= this._lastReservoirRefresh + this.storeOptions.reservoirRefreshInterval' },
    9: { file: 'lib/Bottleneck.js', text: 'wait + job.options.expiration' },
    16: { file: 'lib/Job.js', text: 'doExpire(clearGlobalState, run, free) {' },
    30: { file: 'lib/Bottleneck.js', text: 'timeout: setTimeout(() => {' },
  },
  adapter: () => ({
    isTimeout: (error) => error instanceof Bottleneck.BottleneckError && /timed out/.test(error.message),
    timeout: (limitMs) => make({}, { expiration: limitMs }),
    timedBulkhead: ({ limit, limitMs }) => make({ maxConcurrent: limit }, { expiration: limitMs }),
    retry: makeRetry,
    // Its queue has no bound unless `highWater` sets one.
    bulkhead: ({ limit }) => make({ maxConcurrent: limit }),
    pacer: (spec) => make(paced(spec)),
    keyedPacer: (spec) => {
      // Its own default keeps idle keys for five minutes.
      const group = new Bottleneck.Group({ ...paced(spec), timeout: spec.perMs })
      return {
        call: (work, { key = '' } = {}) => group.key(key).schedule(async () => work({})),
        keys: () => group.keys().length,
      }
    },
    observed: (listener) => {
      const one = make({})
      for (const event of ['received', 'queued', 'scheduled', 'executing', 'failed', 'done', 'empty', 'idle'] as const)
        one.limiter.on(event as 'idle', listener)
      return one
    },
    twins: () => ({ options: { maxConcurrent: 2 }, make: (options) => make(options) }),
    stoppable: () => {
      const one = make({ maxConcurrent: 1 })
      return { ...one, stop: () => one.limiter.stop() }
    },
    callers: () => ({ bottleneck: make({ maxConcurrent: 2 }) }),
  }),
}
