import { RateLimiterMemory } from 'rate-limiter-flexible'
import { answer, type Contender, type Contenders, PLENTY } from './contender.ts'

const keyed = (): Contender => {
  const limiter = new RateLimiterMemory({ points: PLENTY, duration: 3600 })
  return { call: (key) => limiter.consume(key) }
}

export const contenders: Contenders = {
  limiter: () => {
    const limiter = new RateLimiterMemory({ points: PLENTY, duration: 1 })
    return { call: () => limiter.consume('all').then(answer) }
  },
  'refused-limiter': async () => {
    const limiter = new RateLimiterMemory({ points: 1, duration: 3600 })
    await limiter.consume('all')
    return { call: () => limiter.consume('all').then(answer), refuses: true }
  },
  'keys-thousand': keyed,
  'keys-million': keyed,
}
