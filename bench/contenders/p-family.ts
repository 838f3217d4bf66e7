/** p-retry, p-timeout, p-limit and p-queue, each for what it does; composed as people do, with opossum for the breaker. */
import { answer, type Contender, type Contenders, longLived, PLENTY, reading } from './contender.ts'

export const contenders: Contenders = {
  retry: async () => {
    const { default: pRetry } = await import('p-retry')
    const options = { retries: 2 }
    return { call: () => pRetry(answer, options) }
  },
  timeout: async () => {
    const { default: pTimeout } = await import('p-timeout')
    const options = { milliseconds: 1000 }
    return { call: () => pTimeout(answer(), options) }
  },
  'timeout-linked': async () => {
    const { default: pTimeout } = await import('p-timeout')
    const options = { milliseconds: 1000, signal: longLived }
    return { call: () => pTimeout(reading(options), options) }
  },
  bulkhead: async () => {
    const { default: pLimit } = await import('p-limit')
    const limited = pLimit(10)
    return { call: () => limited(answer) }
  },
  'bulkhead/queue': async () => {
    const { default: PQueue } = await import('p-queue')
    const queue = new PQueue({ concurrency: 10 })
    return { call: () => queue.add(answer) }
  },
  limiter: async () => {
    const { default: PQueue } = await import('p-queue')
    const queue = new PQueue({ intervalCap: PLENTY, interval: 1000 })
    return { call: () => queue.add(answer) }
  },
  composed: async (): Promise<Contender> => {
    const [{ default: pRetry }, { default: CircuitBreaker }, { default: pLimit }] = await Promise.all([
      import('p-retry'),
      import('opossum'),
      import('p-limit'),
    ])
    const limited = pLimit(10)
    // Its own timeout, which is cheaper than p-timeout.
    const breaker = new CircuitBreaker(() => limited(answer), {
      timeout: 1000,
      enableSnapshots: false,
      rollingPercentilesEnabled: false,
    })
    const options = { retries: 2 }
    return { call: () => pRetry(() => breaker.fire(), options) }
  },
}
