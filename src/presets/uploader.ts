import { frozen } from './frozen.ts'
import type { BreakerPreset, RetryPreset } from './shapes.ts'

/** Uploads of files to several storage providers. */
export const uploader = frozen({
  retry: {
    maxAttempts: 3,
    backoff: { type: 'exponential', initial: 1000, factor: 2, max: 60_000, jitter: 'full' },
  } satisfies RetryPreset,
  /** The HTTP answers worth another attempt; connection and timeout errors are too, everything else fails at once. */
  retryStatuses: [429, 500, 502, 503, 504],
  /** One for each provider. Its two successes come from one trial call after the other. */
  breaker: { trip: { consecutive: 5 }, openFor: 60_000, halfOpen: { maxCalls: 1, successes: 2 } } satisfies BreakerPreset,
  /** What the environment variables stand at; delays in seconds. */
  settings: {
    RESILIENCE_ENABLED: true,
    RESILIENCE_RETRY_ENABLED: true,
    RETRY_MAX_ATTEMPTS: 3,
    RETRY_BASE_DELAY: 1,
    RETRY_MAX_DELAY: 60,
    RETRY_EXPONENTIAL_BASE: 2,
    RETRY_JITTER: true,
    RESILIENCE_CIRCUIT_BREAKER_ENABLED: true,
    CIRCUIT_BREAKER_FAILURE_THRESHOLD: 5,
    CIRCUIT_BREAKER_SUCCESS_THRESHOLD: 2,
    CIRCUIT_BREAKER_TIMEOUT: 60,
    CIRCUIT_BREAKER_HALF_OPEN_MAX_CALLS: 1,
  },
  /** What is measured against: shares from 0 to 1, time in ms. Goals for a report, not options of a policy. */
  goals: {
    successRateBefore: 0.85,
    minSuccessRate: 0.99,
    maxMeanTimeToRecovery: 60_000,
    maxRetryOverhead: 0.05,
    maxBreakerFalsePositives: 0.01,
  },
})
