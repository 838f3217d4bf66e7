import { frozen } from './frozen.ts'
import type { BackoffPreset, BreakerPreset, RetryPreset } from './shapes.ts'

/** A bot that answers posts: a social API, a language model, a database, and a queue of failed work. */
export const replyBot = frozen({
  /** Any service without a breaker of its own. */
  breaker: { trip: { consecutive: 5 }, openFor: 60_000, halfOpen: { maxCalls: 3, successes: 3 } } satisfies BreakerPreset,
  /** By service. */
  breakers: {
    twitter_api: { trip: { consecutive: 5 }, openFor: 120_000, halfOpen: { maxCalls: 3, successes: 3 } },
    ai_service: { trip: { consecutive: 3 }, openFor: 60_000, halfOpen: { maxCalls: 2, successes: 2 } },
    database: { trip: { consecutive: 3 }, openFor: 30_000, halfOpen: { maxCalls: 2, successes: 2 } },
  } satisfies Record<string, BreakerPreset>,
  /** Three retries after the first call, so four attempts: waits of 1, 2 and 4 s. */
  retry: {
    maxAttempts: 4,
    backoff: { type: 'exponential', initial: 1000, factor: 2, max: 10_000, jitter: 'none' },
  } satisfies RetryPreset,
  /** Before a database operation whose connection is gone. Three retries here too, so four attempts. */
  reconnect: {
    maxAttempts: 4,
    backoff: { type: 'exponential', initial: 1000, factor: 2, max: 10_000, jitter: 'none' },
  } satisfies RetryPreset,
  /** How often the clock redrives a dead letter before it is exhausted, and how long it waits before each. */
  deadLetters: {
    maxRedrives: 5,
    backoff: { type: 'exponential', initial: 60_000, factor: 4, max: 3_600_000, jitter: 'equal' } satisfies BackoffPreset,
  },
  /** At start, work that has been left for so long is taken up again. */
  recovery: { staleAfter: 1_800_000 },
})
