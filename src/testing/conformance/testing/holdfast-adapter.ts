/** Holdfast as the conformance scenarios see it: the plain options of its documentation, and a virtual clock. */
import { type Clock, systemClock } from '../../../core/clock.ts'
import { TimeoutError } from '../../../core/errors.ts'
import { compose, type Policy } from '../../../core/policy.ts'
import { seededRandom } from '../../../core/random.ts'
import { adaptiveLimiter } from '../../../policies/adaptive-limiter/adaptive-limiter.ts'
import { budget } from '../../../policies/budget/budget.ts'
import { bulkhead } from '../../../policies/bulkhead/bulkhead.ts'
import { chaos } from '../../../policies/chaos/chaos.ts'
import { type CircuitBreakerOptions, circuitBreaker } from '../../../policies/circuit-breaker/circuit-breaker.ts'
import { coalesce } from '../../../policies/coalesce/coalesce.ts'
import type { CoalesceOptions } from '../../../policies/coalesce/options.ts'
import { fallback } from '../../../policies/fallback/fallback.ts'
import { hedge } from '../../../policies/hedge/hedge.ts'
import { rateLimiter } from '../../../policies/rate-limiter/rate-limiter.ts'
import { retry } from '../../../policies/retry/retry.ts'
import { throttle } from '../../../policies/throttle/throttle.ts'
import { timeout } from '../../../policies/timeout/timeout.ts'
import { memoryStore } from '../../../stores/memory/memory-store.ts'
import { defineKind } from '../../../work/kind.ts'
import { VirtualClock } from '../../virtual-clock.ts'
import { workRig } from '../../work-rig.ts'
import type { Adapter, AsyncStore, BreakerSpec, Caller, ConformanceTime, RateSpec, RetrySpec, Work } from '../adapter.ts'

/** A fresh adapter with a clock of its own. */
export function holdfastAdapter(wanted: 'any' | 'real' = 'any'): Adapter {
  const virtual = wanted === 'real' ? undefined : new VirtualClock()
  const clock: Clock = virtual ?? systemClock
  const makeRetry = (spec: RetrySpec): Caller => through(retry(retryOptions(spec)))
  const retryOptions = ({ attempts, delayMs, factor = 1, maxDelayMs }: RetrySpec) => ({
    maxAttempts: attempts,
    backoff: { initial: delayMs, factor, max: maxDelayMs ?? 3_600_000, jitter: 'none' as const },
    clock,
  })
  const makeBreaker = ({ failures, openMs, probes = 1 }: BreakerSpec, more: CircuitBreakerOptions = {}) => {
    const breaker = circuitBreaker({
      trip: { consecutive: failures },
      openFor: openMs,
      halfOpen: { maxCalls: probes },
      clock,
      ...more,
    })
    return {
      ...through(breaker),
      state: () => breaker.state as 'closed',
      snapshot: () => breaker.snapshot(),
      isolate: () => breaker.isolate(),
      release: () => breaker.reset(),
      hydrate: (stored: unknown) => breaker.hydrate(stored),
      acquire: () => {
        try {
          const permit = breaker.acquire()
          return { release: () => permit[Symbol.dispose]() }
        } catch {
          return undefined
        }
      },
    }
  }
  const makeStored = (spec: BreakerSpec, stored?: unknown) => {
    const breaker = makeBreaker(spec)
    if (stored !== undefined) breaker.hydrate(stored)
    return breaker
  }
  const makeTimeout = (limitMs: number): Caller => through(timeout({ limit: limitMs, clock }))
  const makeBulkhead = (spec: { limit: number; queue: number }): Caller => through(bulkhead({ ...spec, clock }))
  const makeLimiter = ({ limit, perMs, maxKeys }: RateSpec & { maxKeys?: number }) => {
    const limiter = rateLimiter({ limit, per: perMs, clock, ...(maxKeys === undefined ? {} : { maxKeys }) })
    return { take: async (key?: string) => limiter.consume(key), keys: () => limiter.keys }
  }
  const makePacer = ({ limit, perMs }: RateSpec) => {
    const limiter = rateLimiter({ limit, per: perMs, maxWait: 10 * perMs, clock })
    return { ...through(limiter), keys: () => limiter.keys }
  }
  const obedient = (policy: Policy, within?: number) => ({
    ...through(policy, within),
    failure: (headers: Readonly<Record<string, string>>) => Object.assign(overload(), { headers }),
  })

  return {
    name: 'holdfast',
    time: virtual === undefined ? realTime() : virtualTime(virtual),
    isTimeout: (error) => error instanceof TimeoutError,
    breaker: makeBreaker,
    leasedBreaker: (spec) => makeBreaker(spec, { halfOpen: { probeLease: spec.probeMs } }),
    cancellableBreaker: makeBreaker,
    rampingBreaker: (spec) => makeBreaker(spec, { ramp: { over: spec.rampMs }, random: seededRandom(1) }),
    rateBreaker: ({ failureRate, minimumCalls, windowMs, openMs }) =>
      makeBreaker({ failures: 1, openMs }, { trip: { failureRate, minimumCalls, windowTime: windowMs } }),
    storedBreaker: makeStored,
    isolatableBreaker: makeStored,
    probePermits: async () => {
      const breaker = makeBreaker({ failures: 1, openMs: 100 })
      await breaker.call(() => Promise.reject(new Error('down'))).catch(() => {})
      await virtual?.advance(100)
      return breaker
    },
    permits: (limit) => {
      const gate = bulkhead({ limit, clock })
      return {
        acquire: () => {
          try {
            const permit = gate.acquire()
            return { release: () => permit.succeed() }
          } catch {
            return undefined
          }
        },
      }
    },
    timeout: makeTimeout,
    signallingTimeout: makeTimeout,
    cancellableTimeout: makeTimeout,
    timedBulkhead: ({ limit, limitMs }) => through(compose(timeout({ limit: limitMs, clock }), bulkhead({ limit, clock }))),
    retry: makeRetry,
    cancellableRetry: makeRetry,
    jitteredRetry: (spec) =>
      through(retry({ ...retryOptions(spec), backoff: { ...retryOptions(spec).backoff, jitter: 'full' } })),
    growingRetry: makeRetry,
    maxAttempts: (count) => through(retry({ maxAttempts: count, backoff: { initial: 1 }, clock })),
    obedientRetry: (spec) => obedient(retry({ ...retryOptions(spec), retryAfterMax: spec.longestMs })),
    boundedObedientRetry: (spec) => obedient(retry(retryOptions(spec)), spec.withinMs),
    bulkhead: makeBulkhead,
    cancellableBulkhead: makeBulkhead,
    limiter: makeLimiter,
    keyedLimiter: makeLimiter,
    cappedLimiter: makeLimiter,
    pacer: makePacer,
    keyedPacer: makePacer,
    observed: (listener) => {
      const policy = compose(
        retry({ maxAttempts: 2, backoff: { initial: 1 }, clock }),
        circuitBreaker({ trip: { consecutive: 10 }, clock }),
      )
      policy.observe(listener)
      return through(policy)
    },
    observedCompositions: (listener) => {
      const observed = (...policies: Policy[]): Caller => {
        const policy = compose(...policies)
        policy.observe(listener)
        return through(policy)
      }
      const places = () => bulkhead({ limit: 2, clock })
      const again = () => retry({ maxAttempts: 3, backoff: { initial: 1 }, clock })
      return { 'compose(bulkhead, retry)': observed(places(), again()), 'compose(retry, bulkhead)': observed(again(), places()) }
    },
    budgetedRetry: (spec) => {
      // So many in the ten seconds of its window, whatever is called.
      const extra = budget({ ratio: 0, minPerSecond: spec.budget / 10, clock })
      return through(retry({ ...retryOptions(spec), budget: extra }))
    },
    throttle: () => ({ ...through(throttle({ random: seededRandom(1), clock })), refusal: overload() }),
    adaptiveLimiter: (bounds) => {
      const limiter = adaptiveLimiter({ ...bounds, random: seededRandom(1), clock })
      return { ...through(limiter), limit: () => limiter.limit, dropped: overload() }
    },
    hedge: ({ attempts, delayMs }) => through(hedge({ maxHedges: attempts - 1, delay: delayMs, clock })),
    storedCache: (store) => through(coalesce({ ttl: '1h', name: 'answers', store: boxed(store), clock })),
    twins: () => ({
      options: { ttl: '1h', maxEntries: 10, clock },
      make: (options) => {
        const policy = coalesce(options as CoalesceOptions)
        return { call: (work) => policy.execute(work as () => Promise<unknown>, { key: 'the same' }) }
      },
    }),
    ...(virtual === undefined ? {} : { stoppable: () => worker(virtual) }),
    unknownOptions: () => {
      const typo = { maxAtempts: 3 } as object
      return [
        ['retry', () => retry(typo)],
        ['circuitBreaker', () => circuitBreaker(typo)],
        ['timeout', () => timeout({ limit: 1, ...typo })],
        ['bulkhead', () => bulkhead({ limit: 1, ...typo })],
        ['rateLimiter', () => rateLimiter({ limit: 1, per: 1, ...typo })],
        ['hedge', () => hedge(typo)],
        ['adaptiveLimiter', () => adaptiveLimiter(typo)],
        ['throttle', () => throttle(typo)],
        ['budget', () => budget(typo)],
        ['fallback', () => fallback({ use: 1, ...typo })],
        ['chaos', () => chaos({ enabled: () => false, fault: overload, ...typo })],
        ['coalesce', () => coalesce(typo)],
      ]
    },
    callers: () => ({
      retry: makeRetry({ attempts: 1, delayMs: 1 }),
      circuitBreaker: makeBreaker({ failures: 10, openMs: 1000 }),
      timeout: makeTimeout(1000),
      bulkhead: makeBulkhead({ limit: 2, queue: 2 }),
      rateLimiter: makePacer({ limit: 100, perMs: 1000 }),
      hedge: through(hedge({ delay: 1000, clock })),
      coalesce: through(coalesce({ clock })),
      fallback: through(fallback({ use: 'another answer', handle: () => false, clock })),
      adaptiveLimiter: through(adaptiveLimiter({ clock })),
      throttle: through(throttle({ clock })),
      chaos: through(chaos({ enabled: () => false, fault: overload, clock })),
    }),
  }
}

function through(policy: Policy, within?: number): Caller {
  return { call: (work, options) => policy.execute((execution) => work(execution) as Promise<unknown>, { ...options, within }) }
}

function virtualTime(clock: VirtualClock): ConformanceTime {
  return {
    now: () => clock.now(),
    wallNow: () => clock.wallNow(),
    advance: (ms) => clock.advance(ms),
    stepWall: (ms) => clock.stepWall(ms),
    exact: true,
    pendingTimers: () => clock.pendingTimers(),
  }
}

function realTime(): ConformanceTime {
  return {
    now: () => systemClock.now(),
    wallNow: () => systemClock.wallNow(),
    advance: (ms) => new Promise((resolve) => systemClock.setTimer(ms, resolve)),
    stepWall: () => {
      throw new Error('the wall clock of the system stays alone')
    },
    exact: false,
  }
}

/** As HTTP clients say it. */
function overload(): Error {
  return Object.assign(new Error('overloaded'), { status: 503 })
}

/** The port of coalesce wants what is kept in an object, so that `undefined` can be kept too. */
function boxed(store: AsyncStore) {
  return {
    get: async (key: string) => {
      const value = await store.get(key)
      return value === undefined ? undefined : { value }
    },
    set: (key: string, value: unknown) => store.set(key, value),
    delete: () => undefined,
  }
}

/** What has an end in Holdfast is the worker: policies hold no timer and need none. Its calls are jobs. */
function worker(clock: VirtualClock): Caller & { stop(): Promise<void> } {
  const jobs: Work[] = []
  const kind = defineKind({ name: 'call', target: () => 'target', handler: () => jobs.shift()?.({}) })
  const store = memoryStore({ clock })
  const rig = workRig({ clock, store, kinds: [kind] })
  const ready = store.open().then(() => rig.worker.start())
  return {
    async call(work) {
      await ready
      jobs.push(work)
      await rig.queue.enqueue([{ kind: 'call', payload: {} }])
      return new Promise(() => {})
    },
    stop: () => rig.worker.stop(),
  }
}
