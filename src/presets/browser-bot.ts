import { frozen } from './frozen.ts'
import type { BreakerPreset, LimiterPreset, RetryPreset } from './shapes.ts'

/** A bot that drives a browser, calls an HTTP service and publishes to a broker. */
export const browserBot = frozen({
  /** Any operation without a profile of its own. */
  retry: {
    maxAttempts: 3,
    backoff: { type: 'exponential', initial: 200, factor: 2, max: 2000, jitter: 'equal' },
    maxElapsed: 10_000,
  } satisfies RetryPreset,
  /**
   * By operation. Each `maxElapsed` has room for two attempts (one where there are two in all) that run into their timeout,
   * the waits after them, and the start of the next.
   */
  retries: {
    goto: {
      maxAttempts: 3,
      backoff: { type: 'exponential', initial: 500, factor: 2, max: 4000, jitter: 'equal' },
      maxElapsed: 65_000,
    },
    /** Once more only: a click that timed out may have landed. */
    click: {
      maxAttempts: 2,
      backoff: { type: 'constant', initial: 200, jitter: 'equal' },
      maxElapsed: 15_000,
    },
    /** The wait is itself a poll, so pausing between two of them is enough. */
    wait_for_selector: {
      maxAttempts: 3,
      backoff: { type: 'constant', initial: 250, jitter: 'equal' },
      maxElapsed: 25_000,
    },
    http_get: {
      maxAttempts: 4,
      backoff: { type: 'exponential', initial: 200, factor: 2, max: 2000, jitter: 'equal' },
      maxElapsed: 20_000,
    },
    /** Once more only: what answered too late may have been done. */
    http_post: {
      maxAttempts: 2,
      backoff: { type: 'exponential', initial: 500, factor: 2, max: 2000, jitter: 'equal' },
      maxElapsed: 10_000,
    },
    /** Long enough for a channel or a connection to come back. */
    rmq_publish: {
      maxAttempts: 5,
      backoff: { type: 'exponential', initial: 200, factor: 3, max: 5000, jitter: 'equal' },
      maxElapsed: 35_000,
    },
  } satisfies Record<string, RetryPreset>,
  timeouts: { short: 3000, normal: 10_000, long: 30_000, io: 15_000, http: 8000 },
  /** Which of `timeouts` an operation gets. */
  timeoutFor: {
    goto: 'long',
    click: 'normal',
    wait_for_selector: 'normal',
    http_get: 'http',
    http_post: 'http',
    rmq_publish: 'io',
  },
  /** One for each endpoint. */
  breaker: { trip: { consecutive: 5 }, openFor: 60_000, halfOpen: { maxCalls: 1, successes: 1 } } satisfies BreakerPreset,
  /** By action class. One reply in 180 s is 20 an hour. */
  limiters: {
    reply_post: { limit: 1, per: 180_000, burst: 1 },
    like_post: { limit: 1, per: 90_000, burst: 3 },
    dm: { limit: 1, per: 300_000, burst: 1 },
    http_calls: { limit: 5, per: 1000, burst: 10 },
  } satisfies Record<string, LimiterPreset>,
  /** What the environment variables stand at; delays in seconds. The limits of `RATE_*` are in `limiters`. */
  settings: { RETRY_MAX_ATTEMPTS: 3, RETRY_MAX_DELAY: 2, CB_FAIL_THRESHOLD: 5, CB_COOLDOWN_S: 60 },
})
