import { describe, expect, it } from 'vitest'
import { adaptiveLimiter, budget, circuitBreaker, coalesce, hedge, rateLimiter, retry, throttle, timeout } from './index.ts'
import { backoff } from './retry/machine.ts'

/** What each part says of what it was given wrongly, word by word: option, rule and value. */
const said: Record<string, readonly [take: (given: never) => unknown, ...(readonly [given: unknown, message: string])[]]> = {
  retry: [
    retry,
    [{ isFree: () => true }, "'retry.isFree' needs 'maxElapsed', or the attempts might never end: got function isFree"],
    [{ retryAfterMax: -1 }, "'retry.retryAfterMax' must be finite and at least 0ms: got -1"],
    [{ retryAfterMin: -1 }, "'retry.retryAfterMin' must be finite and at least 0ms: got -1"],
    [
      { maxElapsed: 'soon' },
      `'retry.maxElapsed' must be a number of milliseconds or a string such as '250ms', '30s', '1h30m': got "soon"`,
    ],
    [{ retryAfterOf: 5 }, "'retry.retryAfterOf' must be a function: got 5"],
    [{ retryIf: 5 }, "'retry.retryIf' must be a function: got 5"],
    [{ maxElapsed: 1, isFree: 5 }, "'retry.isFree' must be a function: got 5"],
    [{ retryOn: {} }, "'retry.retryOn' must name something in 'errors', 'statuses' or 'codes': got an object ()"],
    [{ neverOn: {} }, "'retry.neverOn' must name something in 'errors', 'statuses' or 'codes': got an object ()"],
    [{ budget: {} }, "'retry.budget' must be a budget, such as 'budget()' makes: got an object ()"],
    [{ exhausted: 'both' }, `'retry.exhausted' must be one of 'last-error', 'wrap': got "both"`],
    [{ backoff: { initial: -1 } }, "'retry.backoff.initial' must be finite and at least 0ms: got -1"],
    [{ backoff: [] }, "'retry.backoff.delays' must be an array of at least one duration: got an array of 0"],
    [{ byOperation: 5 }, "'retry.byOperation' must be options by the name of an operation: got 5"],
    [{ byOperation: { goto: 5 } }, "'retry.byOperation.goto' must be an object of options: got 5"],
    [
      { byOperation: { goto: { maxAttempts: 0 } } },
      "'retry.byOperation.goto.maxAttempts' must be a whole number of at least 1: got 0",
    ],
  ],
  backoff: [
    backoff,
    [
      { initial: 'soon' },
      `'backoff.initial' must be a number of milliseconds or a string such as '250ms', '30s', '1h30m': got "soon"`,
    ],
    [{ factor: 0 }, "'backoff.factor' must be a number from 1 to 1000: got 0"],
    [{ delays: [] }, "'backoff.delays' must be an array of at least one duration: got an array of 0"],
    [{ type: 'constant', factor: 2 }, "'backoff.factor' does nothing with type 'constant': got 2"],
    [{ jitter: 'decorrelated', factor: 2 }, "'backoff.factor' does nothing with decorrelated jitter: got 2"],
    [
      { jitter: 'decorrelated', type: 'linear' },
      `'backoff.type' does nothing with decorrelated jitter, which grows by itself: got "linear"`,
    ],
    [{ type: 'linear', delays: [1] }, "'backoff.delays' does nothing with type 'linear': got an array of 1"],
    [{ delays: [1], initial: 1 }, "'backoff.initial' does nothing with type 'sequence': got 1"],
    [{ delays: [1], max: 1 }, "'backoff.max' does nothing with type 'sequence': got 1"],
  ],
  timeout: [
    timeout,
    [{ limit: 1, byOperation: 5 }, "'timeout.byOperation' must be limits by the name of an operation: got 5"],
    [{ limit: 1, byOperation: { goto: 0 } }, "'timeout.byOperation.goto' must be finite and at least 1ms: got 0"],
    [{ limit: 0 }, "'timeout.limit' must be finite and at least 1ms: got 0"],
  ],
  circuitBreaker: [
    circuitBreaker,
    [{ trip: {} }, "'circuitBreaker.trip' needs 'consecutive', 'failures', 'failureRate' or 'slowRate': got an object ()"],
    [
      { trip: { consecutive: 5, windowTime: 1000 } },
      "'circuitBreaker.trip' has options of a window, or of a rate, without one: got an object (consecutive, windowTime)",
    ],
    [
      { trip: { failures: 5, minimumCalls: 2 } },
      "'circuitBreaker.trip' has options of a window, or of a rate, without one: got an object (failures, minimumCalls)",
    ],
    [
      { trip: { failures: 5, windowTime: 1000, windowCalls: 5 } },
      "'circuitBreaker.trip.windowCalls' cannot be combined with 'windowTime': got 5",
    ],
    [{ trip: { slowRate: 0.5 } }, "'circuitBreaker.trip' needs 'slowRate' and 'slowAfter' together: got an object (slowRate)"],
    [
      { trip: { failureRate: 0.5, slowAfter: 100 } },
      "'circuitBreaker.trip' needs 'slowRate' and 'slowAfter' together: got an object (failureRate, slowAfter)",
    ],
    [
      { trip: { failureRate: 0.5, windowCalls: 0 } },
      "'circuitBreaker.trip.windowCalls' must be a whole number from 1 to 1000000: got 0",
    ],
    [
      { trip: { failureRate: 0.5, windowCalls: 5, minimumCalls: 6 } },
      "'circuitBreaker.trip.minimumCalls' must not exceed windowCalls (5), or it never opens: got 6",
    ],
    [
      { trip: { failureRate: 0.5, minimumCalls: 0 } },
      "'circuitBreaker.trip.minimumCalls' must be a whole number of at least 1: got 0",
    ],
    [
      { trip: { failures: 6, windowCalls: 5 } },
      "'circuitBreaker.trip.failures' must not exceed windowCalls (5), or it never opens: got 6",
    ],
    [{ trip: { failures: 0 } }, "'circuitBreaker.trip.failures' must be a whole number of at least 1: got 0"],
    [{ trip: { consecutive: 0 } }, "'circuitBreaker.trip.consecutive' must be a whole number of at least 1: got 0"],
    [{ trip: { failureRate: 0 } }, "'circuitBreaker.trip.failureRate' must be a number from 0.001 to 1: got 0"],
    [{ trip: { slowRate: 2, slowAfter: 100 } }, "'circuitBreaker.trip.slowRate' must be a number from 0.001 to 1: got 2"],
    [{ trip: { slowRate: 0.5, slowAfter: 0 } }, "'circuitBreaker.trip.slowAfter' must be finite and at least 1ms: got 0"],
    [{ trip: { failures: 5, windowTime: 9 } }, "'circuitBreaker.trip.windowTime' must be finite and at least 10ms: got 9"],
    [{ trip: { failures: 5, window: 9 } }, "'circuitBreaker.trip.window' is not an option: got 9"],
  ],
  coalesce: [
    coalesce,
    [
      { store: { get() {} }, ttl: 1, name: 'users' },
      "'coalesce.store' must have the methods get, set and delete: got an object (get)",
    ],
  ],
  isolate: [
    (given) => circuitBreaker().isolate(given),
    ['', `'isolate.reason' must be a non-empty string: got ""`],
    [{ why: 'x' }, `'isolate.why' is not an option: got "x"`],
    [{ reason: '' }, `'isolate.reason' must be a non-empty string: got ""`],
    [{ for: 1, until: 2 }, "'isolate.until' cannot be combined with 'for': got 2"],
    [{ for: 'soon' }, `'isolate.for' must be a number of milliseconds or a string such as '250ms', '30s', '1h30m': got "soon"`],
    [{ until: 'noon' }, `'isolate.until' must be epoch milliseconds: got "noon"`],
    [{ until: Number.NaN }, "'isolate.until' must be epoch milliseconds: got NaN"],
  ],
  'a snapshot of circuitBreaker': [
    (given) => circuitBreaker().hydrate(given),
    [
      { version: 3, state: 'open' },
      "'snapshot' must be a circuit breaker snapshot of version 1 or 2: got an object (version, state)",
    ],
    [
      { version: 2, state: 'ajar' },
      "'snapshot' must be a circuit breaker snapshot of version 1 or 2: got an object (version, state)",
    ],
  ],
  'a snapshot of throttle': [
    (given) => throttle().hydrate(given),
    [{ version: 2 }, "'snapshot' must be a throttle snapshot of version 1: got an object (version)"],
    [null, "'snapshot' must be a throttle snapshot of version 1: got null"],
  ],
  'a snapshot of budget': [
    (given) => budget().hydrate(given),
    [{ version: 2 }, "'snapshot' must be a budget snapshot of version 1: got an object (version)"],
  ],
  'a snapshot of adaptiveLimiter': [
    (given) => adaptiveLimiter().hydrate(given),
    [{ version: 2 }, "'snapshot' must be an adaptive limiter snapshot of version 1: got an object (version)"],
  ],
  'a snapshot of rateLimiter': [
    (given) => rateLimiter({ limit: 1, per: 1 }).hydrate(given),
    [{ version: 2 }, "'snapshot' must be a rate limiter snapshot of version 1: got an object (version)"],
  ],
  'a snapshot of hedge': [
    (given) => hedge({ delay: 5 }).hydrate(given),
    [{ version: 2 }, "'snapshot' must be a hedge snapshot of version 1: got an object (version)"],
  ],
  'a snapshot of coalesce': [
    (given) => coalesce({ ttl: 5 }).hydrate(given),
    [{ version: 2 }, "'snapshot' must be a coalesce snapshot of version 1: got an object (version)"],
  ],
}

// T: 11
describe('a wrong option', () => {
  it.each(Object.entries(said))('of %s is named, with its rule and its value', (_, [take, ...cases]) => {
    for (const [given, message] of cases) expect(() => take(given as never), message).toThrow(message)
  })
})
