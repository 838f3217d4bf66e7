import {
  bulkhead,
  ConsecutiveBreaker,
  circuitBreaker,
  ExponentialBackoff,
  handleAll,
  handleWhen,
  retry,
  SamplingBreaker,
  TimeoutStrategy,
  timeout,
  wrap,
} from 'cockatiel'
import { answer, type Contender, type Contenders, HOUR, longLived, reading } from './contender.ts'

interface Executor {
  execute<T>(fn: (context: { signal: AbortSignal }) => PromiseLike<T> | T, signal?: AbortSignal): Promise<T>
}

const success = (policy: Executor): Contender => ({ call: () => policy.execute(answer) })
const makeRetry = () => retry(handleAll, { maxAttempts: 2, backoff: new ExponentialBackoff() })
const makeBreaker = () => circuitBreaker(handleAll, { halfOpenAfter: 60_000, breaker: new ConsecutiveBreaker(5) })
const makeTimeout = () => timeout(1000, TimeoutStrategy.Aggressive)
const makeBulkhead = () => bulkhead(10)
const four = (): Executor => wrap(makeRetry(), makeBreaker(), makeTimeout(), makeBulkhead())

export const contenders: Contenders = {
  retry: () => success(makeRetry()),
  breaker: () => success(makeBreaker()),
  'breaker-rate': () =>
    success(
      circuitBreaker(handleAll, {
        halfOpenAfter: 60_000,
        breaker: new SamplingBreaker({ threshold: 0.5, duration: 10_000, minimumRps: 1 }),
      }),
    ),
  timeout: () => success(makeTimeout()),
  // The strategy that only aborts the signal, and waits for the work.
  'timeout/cooperative': () => success(timeout(1000, TimeoutStrategy.Cooperative)),
  'timeout-read': () => {
    const policy = makeTimeout()
    return { call: () => policy.execute(reading) }
  },
  'timeout-linked': () => {
    const policy = makeTimeout()
    return { call: () => policy.execute(reading, longLived) }
  },
  bulkhead: () => success(makeBulkhead()),
  // It has no rate limiter: four policies against five.
  composed: () => success(four()),
  'composed-linked': () => {
    const policy = four()
    return { call: () => policy.execute(reading, longLived) }
  },
  'composed-failure': () => {
    const policy: Executor = wrap(
      retry(handleAll, { maxAttempts: 0, backoff: new ExponentialBackoff() }),
      circuitBreaker(
        handleWhen(() => false),
        { halfOpenAfter: 60_000, breaker: new ConsecutiveBreaker(5) },
      ),
      makeTimeout(),
      makeBulkhead(),
    )
    const down = new Error('the target is down')
    return { call: () => policy.execute(() => Promise.reject(down)), refuses: true }
  },
  'refused-breaker': async () => {
    const policy = circuitBreaker(handleAll, { halfOpenAfter: HOUR, breaker: new ConsecutiveBreaker(1) })
    await policy.execute(() => Promise.reject(new Error('the target is down'))).catch(() => {})
    return { call: () => policy.execute(answer), refuses: true }
  },
  'refused-bulkhead': () => {
    const full = bulkhead(1)
    void full.execute(() => new Promise(() => {}))
    return { call: () => full.execute(answer), refuses: true }
  },
}
