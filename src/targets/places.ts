/** How many calls a target takes at once, and how many are under way, whether somebody said so or it is learnt. */
import { AdaptiveLimiter } from '../policies/adaptive-limiter/adaptive-limiter.ts'
import type { Bulkhead } from '../policies/bulkhead/bulkhead.ts'

export interface Places {
  readonly inFlight: number
  readonly limit: number
  readonly queued: number
}

export function placesOf(policy: Bulkhead | AdaptiveLimiter): Places {
  const { inFlight, limit, queued } = policy instanceof AdaptiveLimiter ? policy.status() : policy.snapshot()
  return { inFlight, limit, queued }
}
