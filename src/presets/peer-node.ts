import { frozen } from './frozen.ts'
import type { BreakerPreset, LimiterPreset, RetryPreset } from './shapes.ts'

/** A node of a peer-to-peer network. Limits and breaker are for each peer. */
export const peerNode = frozen({
  /** For connecting. */
  retry: {
    maxAttempts: 3,
    backoff: { type: 'exponential', initial: 1000, factor: 2, max: 60_000, jitter: 'equal' },
  } satisfies RetryPreset,
  breaker: { trip: { consecutive: 5 }, openFor: 60_000, halfOpen: { maxCalls: 1, successes: 1 } } satisfies BreakerPreset,
  /** The token bucket: 100 a minute as an even flow, 10 at once. */
  limiter: { limit: 100, per: 60_000, burst: 10 } satisfies LimiterPreset,
  /** The sliding window: 100 in any minute, however bunched. */
  window: { limit: 100, per: 60_000 } satisfies LimiterPreset,
})
