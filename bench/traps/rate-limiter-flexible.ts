import { RateLimiterMemory, RateLimiterQueue, RateLimiterRes } from 'rate-limiter-flexible'
import type { RateSpec } from '../../src/testing/conformance/index.ts'
import type { Library } from './library.ts'

const make = ({ limit, perMs }: RateSpec) => {
  const limiter = new RateLimiterMemory({ points: limit, duration: perMs / 1000 })
  return {
    limiter,
    async take(key = 'all') {
      try {
        await limiter.consume(key)
        return { allowed: true }
      } catch (answer) {
        if (!(answer instanceof RateLimiterRes)) throw answer
        return { allowed: false, retryAfterMs: answer.msBeforeNext }
      }
    },
    // There is no public way to count them.
    keys: () => (limiter as unknown as { _memoryStorage: { _storage: Map<string, unknown> } })._memoryStorage._storage.size,
  }
}

const makeQueue = (spec: RateSpec) => {
  const queue = new RateLimiterQueue(make(spec).limiter)
  const inner = (queue as unknown as { _queueLimiters: Record<string, unknown> })._queueLimiters
  return {
    call: async (work: (context: object) => unknown, { key }: { readonly key?: string } = {}) => {
      await queue.removeTokens(1, key)
      return work({})
    },
    keys: () => Object.keys(inner).length,
  }
}

export const rateLimiterFlexible: Library = {
  name: 'rate-limiter-flexible',
  notes: { 31: 'RateLimiterMemory alone forgets them; RateLimiterQueue does not' },
  evidence: {
    8: { file: 'lib/component/MemoryStorage/MemoryStorage.js', text: '? record.expiresAt - Date.now()' },
    9: { file: 'lib/component/MemoryStorage/MemoryStorage.js', text: 'record.timeoutId = setTimeout(() => {' },
    31: { file: 'lib/RateLimiterQueue.js', text: 'this._queueLimiters[key] = new RateLimiterQueueInternal(' },
  },
  adapter: () => ({
    limiter: make,
    keyedLimiter: make,
    pacer: makeQueue,
    keyedPacer: makeQueue,
    twins: () => ({
      options: { points: 5, duration: 60 },
      make: (options) => {
        const limiter = new RateLimiterMemory(options as { points: number; duration: number })
        return { call: (work) => limiter.consume('all').then(() => work({})) }
      },
    }),
  }),
}
