import { bulkhead, circuitBreaker, compose, hedge, type Policy, rateLimiter, retry, timeout } from '../../src/index.ts'
import { answer, type Contender, type Contenders, HOUR, longLived, PLENTY, reading } from './contender.ts'

const success = (policy: Policy): Contender => ({ call: () => policy.execute(answer) })
const refusal = (policy: Policy): Contender => ({ call: () => policy.execute(answer), refuses: true })
const keyed = (): Contender => {
  const limiter = rateLimiter({ limit: PLENTY, per: HOUR, maxKeys: 2_000_000 })
  return { call: (key) => limiter.consume(key), plain: true }
}
const keyedPolicy = (): Contender => {
  const limiter = rateLimiter({ limit: PLENTY, per: HOUR, maxKeys: 2_000_000 })
  return { call: (key) => limiter.execute(answer, { key }) }
}
const five = (): Policy =>
  compose(retry(), circuitBreaker(), timeout(1000), bulkhead({ limit: 10 }), rateLimiter({ limit: PLENTY, per: 1000 }))

export const contenders: Contenders = {
  retry: () => success(retry()),
  breaker: () => success(circuitBreaker()),
  'breaker-rate': () => success(circuitBreaker({ trip: { failureRate: 0.5 } })),
  timeout: () => success(timeout(1000)),
  'timeout-read': () => {
    const policy = timeout(1000)
    return { call: () => policy.execute(reading) }
  },
  'timeout-linked': () => {
    const policy = timeout(1000)
    return { call: () => policy.execute(reading, { signal: longLived }) }
  },
  bulkhead: () => success(bulkhead({ limit: 10 })),
  limiter: () => success(rateLimiter({ limit: PLENTY, per: 1000 })),
  hedge: () => success(hedge({ delay: 1000 })),
  composed: () => success(five()),
  'composed-linked': () => {
    const policy = five()
    return { call: () => policy.execute(reading, { signal: longLived }) }
  },
  'composed-failure': () => {
    const policy = compose(
      retry({ maxAttempts: 1 }),
      circuitBreaker({ isFailure: () => false }),
      timeout(1000),
      bulkhead({ limit: 10 }),
    )
    const down = new Error('the target is down')
    return { call: () => policy.execute(() => Promise.reject(down)), refuses: true }
  },
  'refused-breaker': () => refusal(openBreaker()),
  'refused-limiter': () => {
    const limiter = rateLimiter({ limit: 1, per: HOUR })
    limiter.consume()
    return refusal(limiter)
  },
  'refused-bulkhead': () => {
    const full = bulkhead({ limit: 1 })
    void full.execute(() => new Promise(() => {}))
    return refusal(full)
  },
  'keys-thousand': keyed,
  'keys-thousand/policy': keyedPolicy,
  'keys-million': keyed,
  'keys-million/policy': keyedPolicy,
}

function openBreaker(): Policy {
  const breaker = circuitBreaker({ trip: { consecutive: 1 }, openFor: HOUR })
  breaker.acquire().fail()
  return breaker
}
