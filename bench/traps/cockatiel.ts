import {
  bulkhead,
  CircuitState,
  ConsecutiveBreaker,
  ConstantBackoff,
  circuitBreaker,
  ExponentialBackoff,
  fullJitterGenerator,
  handleAll,
  handleWhen,
  noJitterGenerator,
  retry,
  SamplingBreaker,
  TaskCancelledError,
  TimeoutStrategy,
  timeout,
  wrap,
} from 'cockatiel'
import type { BreakerSpec, BreakerState, Caller, CallOptions, RetrySpec, Work } from '../../src/testing/conformance/index.ts'
import type { Library } from './library.ts'

const states: Readonly<Record<CircuitState, BreakerState>> = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.Open]: 'open',
  [CircuitState.HalfOpen]: 'half-open',
  [CircuitState.Isolated]: 'isolated',
}

const through = (policy: Executor): Caller => ({
  call: (work: Work, options?: CallOptions) =>
    policy.execute(({ signal }) => work({ signal }) as Promise<unknown>, options?.signal),
})

interface Executor {
  execute<T>(fn: (context: { signal: AbortSignal }) => PromiseLike<T> | T, signal?: AbortSignal): Promise<T>
}

type Options = Partial<Parameters<typeof circuitBreaker>[1]>

const makeBreaker = ({ failures, openMs, probes = 1 }: BreakerSpec, more: Options = {}, handled = handleAll) => {
  const policy = circuitBreaker(handled, {
    halfOpenAfter: openMs,
    breaker: new ConsecutiveBreaker(failures),
    // New in 4.0: how many probes.
    halfOpenSampling: { calls: probes, threshold: 0 },
    ...more,
  })
  return { policy, ...through(policy), state: () => states[policy.state], snapshot: () => policy.toJSON() }
}

const makeRetry = (
  { attempts, delayMs, factor = 1, maxDelayMs = 3_600_000 }: RetrySpec,
  generator: typeof noJitterGenerator = noJitterGenerator,
) =>
  // `maxAttempts` counts retries.
  retry(handleAll, {
    maxAttempts: attempts - 1,
    backoff:
      factor === 1
        ? new ConstantBackoff(delayMs)
        : new ExponentialBackoff({ initialDelay: delayMs, maxDelay: maxDelayMs, exponent: factor, generator }),
  })

// Aggressive: the other strategy waits for work that ignores its signal.
const makeTimeout = (limitMs: number) => timeout(limitMs, TimeoutStrategy.Aggressive)
const isAbort = (error: unknown): boolean =>
  (error as Error | undefined)?.name === 'AbortError' || error instanceof TaskCancelledError

export const cockatiel: Library = {
  name: 'cockatiel',
  notes: {
    2: 'with a timeout inside of the breaker; the breaker alone waits for ever',
    3: 'with cancellations left out of what it handles; handled, they open it again',
    10: 'with the full jitter generator; the default one is capped after its jitter',
    16: 'with the timeout outside of the bulkhead; the other way round the place is given away',
  },
  evidence: {
    1: { file: 'dist/CircuitBreakerPolicy.js', text: 'if (this.options.breaker.failure(state.value)) {' },
    3: { file: 'dist/CircuitBreakerPolicy.js', text: 'this.recordHalfOpenSuccess(state);' },
    5: { file: 'dist/CircuitBreakerPolicy.js', text: 'await state.decision.promise;' },
    6: { file: 'dist/breaker/SamplingBreaker.js', text: 'window = this.rotateWindow(now);' },
    8: { file: 'dist/CircuitBreakerPolicy.js', text: 'if (Date.now() - state.openedAt < state.backoff.duration) {' },
    9: { file: 'dist/TimeoutPolicy.js', text: 'setTimeout(() => aborter.abort(), this.duration)' },
    11: { file: 'dist/backoff/ExponentialBackoffGenerators.js', text: 'options.initialDelay * 2 ** attempts' },
    12: { file: 'dist/RetryPolicy.js', text: 'await delayPromise;' },
    13: { file: 'dist/RetryPolicy.js', text: 'const result = await this.executor.invoke(fn' },
    14: { file: 'dist/TimeoutPolicy.js', text: 'new TaskCancelledError(`Operation timed out after' },
    17: { file: 'dist/BulkheadPolicy.js', text: 'this.queue.push({ signal, fn, resolve, reject });' },
    18: { file: 'dist/BulkheadPolicy.js', text: 'Promise.resolve().then(() => {' },
    19: { file: 'dist/common/Executor.js', text: 'this.successEmitter.emit({ duration: stopwatch() });' },
    21: { file: 'dist/CircuitBreakerPolicy.js', text: 'this.innerState.counters++;' },
    24: { file: 'dist/BulkheadPolicy.js', text: 'return await fn({ signal });' },
    33: { file: 'dist/RetryPolicy.js', text: 'retries < this.options.maxAttempts' },
  },
  adapter: () => ({
    isTimeout: (error) => error instanceof TaskCancelledError,
    breaker: makeBreaker,
    // The breaker has no lease for a probe; a timeout inside of it is one.
    leasedBreaker: (spec) => {
      const breaker = makeBreaker(spec)
      return { ...breaker, ...through(wrap(breaker.policy, makeTimeout(spec.probeMs))) }
    },
    // Cancellations are left out of what it handles; otherwise they count as failures.
    cancellableBreaker: (spec) =>
      makeBreaker(
        spec,
        {},
        handleWhen((error) => !isAbort(error)),
      ),
    rateBreaker: ({ failureRate, minimumCalls, windowMs, openMs }) =>
      makeBreaker(
        { failures: 1, openMs },
        {
          breaker: new SamplingBreaker({
            threshold: failureRate,
            duration: windowMs,
            minimumRps: (minimumCalls * 1000) / windowMs,
          }),
        },
      ),
    storedBreaker: (spec, stored) => makeBreaker(spec, stored === undefined ? {} : { initialState: stored as never }),
    isolatableBreaker: (spec, stored) => {
      const breaker = makeBreaker(spec, stored === undefined ? {} : { initialState: stored as never })
      let handle: { dispose(): void } | undefined
      return {
        ...breaker,
        isolate: () => {
          handle = breaker.policy.isolate()
        },
        // A handle is all there is to release it by; a new one is given by isolating again.
        release: () => (handle ?? breaker.policy.isolate()).dispose(),
      }
    },
    timeout: (limitMs) => through(makeTimeout(limitMs)),
    signallingTimeout: (limitMs) => through(makeTimeout(limitMs)),
    cancellableTimeout: (limitMs) => through(makeTimeout(limitMs)),
    // The timeout outside of the bulkhead: the place is then held until the work ends.
    timedBulkhead: ({ limit, limitMs }) => through(wrap(makeTimeout(limitMs), bulkhead(limit))),
    retry: (spec) => through(makeRetry(spec)),
    cancellableRetry: (spec) => through(makeRetry(spec)),
    // The default generator, decorrelated, is capped after its jitter; full jitter is not.
    jitteredRetry: (spec) => through(makeRetry(spec, fullJitterGenerator)),
    growingRetry: (spec) => through(makeRetry(spec)),
    maxAttempts: (count) => through(retry(handleAll, { maxAttempts: count, backoff: new ConstantBackoff(1) })),
    bulkhead: ({ limit, queue }) => through(bulkhead(limit, queue)),
    cancellableBulkhead: ({ limit, queue }) => through(bulkhead(limit, queue)),
    observed: (listener) => {
      const policy = makeRetry({ attempts: 2, delayMs: 1 })
      for (const event of [policy.onSuccess, policy.onFailure, policy.onRetry, policy.onGiveUp]) event(listener)
      return through(policy)
    },
    observedCompositions: (listener) => {
      const places = () => bulkhead(2)
      const again = () => makeRetry({ attempts: 3, delayMs: 1 })
      const observe = (policy: Executor & Pick<ReturnType<typeof places>, 'onSuccess' | 'onFailure'>): Caller => {
        policy.onSuccess(listener)
        policy.onFailure(listener)
        return through(policy)
      }
      return {
        'wrap(retry, bulkhead)': observe(wrap(again(), places())),
        'wrap(bulkhead, retry)': observe(wrap(places(), again())),
      }
    },
    twins: () => ({
      options: { maxAttempts: 1, backoff: new ConstantBackoff(1) },
      make: (options) => through(retry(handleAll, options)),
    }),
    callers: () => ({
      retry: through(makeRetry({ attempts: 1, delayMs: 1 })),
      circuitBreaker: makeBreaker({ failures: 10, openMs: 1000 }),
      timeout: through(makeTimeout(1000)),
      bulkhead: through(bulkhead(2, 2)),
    }),
  }),
}
