import { frozen } from './frozen.ts'
import type { BreakerPreset, LimiterPreset, RetryPreset } from './shapes.ts'

/**
 * Clients of databases, brokers, secret stores and plain networks.
 * The retries have decorrelated jitter: each wait is drawn between `initial` and `max`, never shorter, never longer.
 */
export const infrastructure = frozen({
  breakers: {
    database: { trip: { consecutive: 5 }, openFor: 60_000, halfOpen: { maxCalls: 1, successes: 1 } },
    kafka: { trip: { consecutive: 10 }, openFor: 30_000, halfOpen: { maxCalls: 1, successes: 1 } },
    network: { trip: { consecutive: 3 }, openFor: 45_000, halfOpen: { maxCalls: 1, successes: 1 } },
    vault: { trip: { consecutive: 3 }, openFor: 90_000, halfOpen: { maxCalls: 1, successes: 1 } },
  } satisfies Record<string, BreakerPreset>,
  retries: {
    database: { maxAttempts: 3, backoff: { type: 'exponential', initial: 1000, max: 10_000, jitter: 'decorrelated' } },
    kafka: { maxAttempts: 5, backoff: { type: 'exponential', initial: 1000, max: 30_000, jitter: 'decorrelated' } },
    network: { maxAttempts: 3, backoff: { type: 'exponential', initial: 500, max: 5000, jitter: 'decorrelated' } },
    vault: { maxAttempts: 3, backoff: { type: 'exponential', initial: 2000, max: 20_000, jitter: 'decorrelated' } },
  } satisfies Record<string, RetryPreset>,
  limiters: {
    api: { limit: 10, per: 1000, burst: 20 },
    database: { limit: 50, per: 1000, burst: 100 },
  } satisfies Record<string, LimiterPreset>,
})
