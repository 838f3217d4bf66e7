/** p-retry, p-timeout, p-queue and p-limit: each does one thing, and each has a column of its own. */
import pLimit from 'p-limit'
import PQueue, { TimeoutError as QueueTimeoutError } from 'p-queue'
import pRetry from 'p-retry'
import pTimeout, { TimeoutError } from 'p-timeout'
import { type Caller, type CallOptions, RefusedOptions, type RetrySpec, type Work } from '../../src/testing/conformance/index.ts'
import type { Library } from './library.ts'

const makeRetry = ({ attempts, delayMs, factor = 1, maxDelayMs }: RetrySpec, randomize = false): Caller => ({
  call: (work, { signal } = {}) =>
    pRetry((attempt) => work({ attempt, ...(signal === undefined ? {} : { signal }) }), {
      retries: attempts - 1,
      minTimeout: delayMs,
      factor,
      randomize,
      ...(maxDelayMs === undefined ? {} : { maxTimeout: maxDelayMs }),
      ...(signal === undefined ? {} : { signal }),
    }),
})

export const pRetryLibrary: Library = {
  name: 'p-retry',
  notes: { 13: 'unless the work itself ends by its signal' },
  evidence: {
    10: { file: 'index.js', text: 'return Math.min(timeout, Math.ceil(options.maxTimeout), maximumDelay);' },
    13: { file: 'index.js', text: 'const result = await input(attemptNumber);' },
    32: { file: 'index.js', text: 'new TypeError(`Non-error was thrown' },
  },
  adapter: () => ({
    retry: makeRetry,
    cancellableRetry: makeRetry,
    jitteredRetry: (spec) => makeRetry(spec, true),
    growingRetry: makeRetry,
    twins: () => ({ options: { retries: 1 }, make: (options) => ({ call: (work) => pRetry(() => work({}), options) }) }),
    callers: () => ({ pRetry: makeRetry({ attempts: 1, delayMs: 1 }) }),
  }),
}

/** It takes a promise, so the work is begun for it, with the caller's own signal. */
const makeTimeout = (milliseconds: number): Caller => ({
  call: (work, { signal } = {}) => {
    const given = signal === undefined ? {} : { signal }
    return pTimeout((async () => work(given))(), { milliseconds, ...given })
  },
})

export const pTimeoutLibrary: Library = {
  name: 'p-timeout',
  notes: { 9: 'such a timeout never fires' },
  adapter: () => ({
    isTimeout: (error) => error instanceof TimeoutError,
    timeout: makeTimeout,
    cancellableTimeout: makeTimeout,
    twins: () => ({
      options: { milliseconds: 1000 },
      make: (options) => ({ call: (work) => pTimeout(work({}) as Promise<unknown>, options as { milliseconds: number }) }),
    }),
  }),
}

const makeLimit = (limit: number): Caller => {
  const limited = pLimit(limit)
  return { call: (work) => limited(() => work({})) }
}

export const pLimitLibrary: Library = {
  name: 'p-limit',
  notes: { 16: 'with p-timeout outside' },
  adapter: () => ({
    // Its queue has no bound.
    bulkhead: ({ limit }) => makeLimit(limit),
    timedBulkhead: ({ limit, limitMs }) => {
      const limited = pLimit(limit)
      // p-timeout outside: the place is then held until the work ends.
      return {
        call: (work) =>
          pTimeout(
            limited(() => work({})),
            { milliseconds: limitMs },
          ),
      }
    },
    twins: () => ({
      options: { concurrency: 2 },
      make: (options) => {
        const limited = pLimit(options as { concurrency: number })
        return { call: (work) => limited(() => work({})) }
      },
    }),
    callers: () => ({ pLimit: makeLimit(2) }),
  }),
}

const makeQueue = (options: ConstructorParameters<typeof PQueue>[0]) => {
  const queue = build(() => new PQueue(options))
  return {
    queue,
    call: (work: Work, { signal }: CallOptions = {}) =>
      queue.add((given) => work(given as { signal?: AbortSignal }), signal === undefined ? {} : { signal }) as Promise<unknown>,
  }
}

export const pQueueLibrary: Library = {
  name: 'p-queue',
  notes: {
    16: 'by its own `timeout`; p-timeout around `add()` would hold the place',
    19: "the listener's error comes out as an uncaught exception, which ends the process unless it is caught",
  },
  evidence: {
    8: { file: 'dist/index.js', text: 'const delay = this.#intervalEnd - now;' },
    16: { file: 'dist/index.js', text: 'operation = Promise.race([abortPromise' },
  },
  adapter: () => ({
    isTimeout: (error) => error instanceof QueueTimeoutError,
    timeout: (limitMs) => makeQueue({ timeout: limitMs }),
    signallingTimeout: (limitMs) => makeQueue({ timeout: limitMs }),
    cancellableTimeout: (limitMs) => makeQueue({ timeout: limitMs }),
    timedBulkhead: ({ limit, limitMs }) => makeQueue({ concurrency: limit, timeout: limitMs }),
    // Its queue has no bound.
    bulkhead: ({ limit }) => makeQueue({ concurrency: limit }),
    cancellableBulkhead: ({ limit }) => makeQueue({ concurrency: limit }),
    pacer: ({ limit, perMs }) => makeQueue({ intervalCap: limit, interval: perMs }),
    observed: (listener) => {
      const one = makeQueue({ concurrency: 2 })
      for (const event of ['add', 'active', 'next', 'completed', 'error', 'empty', 'idle'])
        one.queue.addEventListener(event as 'add', listener)
      return one
    },
    twins: () => ({ options: { concurrency: 2 }, make: (options) => makeQueue(options) }),
    callers: () => ({ pQueue: makeQueue({ concurrency: 2 }) }),
  }),
}

function build<T>(make: () => T): T {
  try {
    return make()
  } catch (error) {
    throw new RefusedOptions(String(error))
  }
}
