import CircuitBreaker from 'opossum'
import type { BreakerSpec, Caller, Work } from '../../src/testing/conformance/index.ts'
import type { Library } from './library.ts'

type Options = CircuitBreaker.Options

/** Percentiles and snapshots are off: they cost, and nobody reads them here. */
const LEAN: Options = { enableSnapshots: false, rollingPercentilesEnabled: false }

const make = (options: Options, signal = false) => {
  const breaker: CircuitBreaker<[Work], unknown> = new CircuitBreaker(
    (work: Work) =>
      work(signal ? { signal: (breaker as unknown as { getSignal(): AbortSignal }).getSignal() } : {}) as Promise<unknown>,
    options,
  )
  return {
    breaker,
    call: (work: Work) => breaker.fire(work),
    state: () => (breaker.opened ? 'open' : breaker.halfOpen ? 'half-open' : 'closed') as 'open',
    snapshot: () => breaker.toJSON(),
  }
}

/** It knows rates alone; 1 % with a minimum of calls is nearest to so many failures in a row. */
const inARow = ({ failures, openMs }: BreakerSpec, more: Options = {}): Options => ({
  ...LEAN,
  // As long as the slowest call may take.
  timeout: 10_000,
  resetTimeout: openMs,
  errorThresholdPercentage: 1,
  volumeThreshold: failures,
  ...more,
})

/** Never opens. */
const TIMEOUT_ALONE: Options = { ...LEAN, errorThresholdPercentage: 100 }

export const opossum: Library = {
  name: 'opossum',
  notes: {
    1: 'with a timeout above resetTimeout, for calls that may take longer than the open time; by default it is below',
    2: 'by its own timeout; with `timeout: false` it waits for ever',
    30: 'with `rollingPercentilesEnabled: false`; by default each failure sorts all latencies of the window',
  },
  evidence: {
    1: { file: 'lib/circuit.js', text: 'if (errorRate > circuit.options.errorThresholdPercentage ||' },
    7: { file: 'lib/circuit.js', text: 'const errorRate = stats.failures / stats.fires * 100;' },
    9: { file: 'lib/circuit.js', text: '}, this.options.timeout);' },
    15: { file: 'lib/circuit.js', text: 'this.options.abortController.abort();' },
    16: { file: 'lib/circuit.js', text: 'this.semaphore.release();' },
    19: { file: 'lib/circuit.js', text: "this.emit('success', result, (Date.now() - latencyStartTime));" },
    20: { file: 'lib/circuit.js', text: 'this.options.cacheTransport = new MemoryCache(options.cacheSize);' },
    21: { file: 'lib/circuit.js', text: 'circuit[LAST_TIMER_AT] = Date.now();' },
    22: { file: 'lib/circuit.js', text: 'const timer = setInterval(check, interval);' },
    32: { file: 'lib/circuit.js', text: "const promise = (typeof result.then === 'function')" },
  },
  adapter: () => ({
    isTimeout: (error) => (error as { code?: unknown } | undefined)?.code === 'ETIMEDOUT',
    breaker: (spec) => make(inARow(spec)),
    // Its own timeout ends a hung probe.
    leasedBreaker: (spec) => make(inARow(spec, { timeout: spec.probeMs })),
    rateBreaker: ({ failureRate, minimumCalls, windowMs, openMs }) =>
      make({
        ...LEAN,
        timeout: 10_000,
        resetTimeout: openMs,
        errorThresholdPercentage: failureRate * 100,
        volumeThreshold: minimumCalls,
        rollingCountTimeout: windowMs,
      }),
    storedBreaker: (spec, stored) => {
      const { state, status } = (stored ?? {}) as { state?: never; status?: never }
      return make(inARow(spec, stored === undefined ? {} : ({ state, status } as Options)))
    },
    timeout: (limitMs) => make({ ...TIMEOUT_ALONE, timeout: limitMs }),
    // Renews the shared controller when the circuit closes or half-opens.
    signallingTimeout: (limitMs) => make({ ...TIMEOUT_ALONE, timeout: limitMs, autoRenewAbortController: true } as Options, true),
    timedBulkhead: ({ limit, limitMs }) => make({ ...TIMEOUT_ALONE, capacity: limit, timeout: limitMs }),
    observed: (listener) => {
      const one = make({ ...inARow({ failures: 10, openMs: 1000 }) })
      for (const event of ['fire', 'success', 'failure', 'reject', 'timeout', 'open', 'close'] as const)
        one.breaker.on(event as 'open', listener)
      return one
    },
    twins: () => ({ options: { cache: true }, make: (options) => make(options) }),
    stoppable: ({ checkEveryMs, check }) => {
      const one = make(inARow({ failures: 2, openMs: 100 }))
      one.breaker.healthCheck(check, checkEveryMs)
      return { ...one, stop: () => one.breaker.shutdown() }
    },
    callers: (): Record<string, Caller> => ({ circuitBreaker: make(LEAN) }),
  }),
}
