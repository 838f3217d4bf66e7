/**
 * The twelve policies as the matrix of cancellation needs them: letting everything through, and, where a policy makes calls
 * wait, made to wait. Where none waits the table says why.
 */
import type { Policy } from '../../src/core/policy.ts'
import {
  adaptiveLimiter,
  budget,
  bulkhead,
  chaos,
  circuitBreaker,
  coalesce,
  fallback,
  hedge,
  rateLimiter,
  retry,
  throttle,
  timeout,
} from '../../src/policies/index.ts'
import { scripted } from '../../src/testing/scripted-operation.ts'
import type { VirtualClock } from '../../src/testing/virtual-clock.ts'

export interface Made {
  readonly policy: Policy
  /** The operation fails first with this, and its call waits then. */
  readonly failFirst?: unknown
  /** Gives back what the test holds to make others wait. */
  readonly letGo?: () => void
}

export interface Subject {
  readonly make: (clock: VirtualClock) => Made
  /** The same, so that the next call has to wait for long; or why no call ever waits in it. */
  readonly waits: ((clock: VirtualClock) => Made) | string
}

const FIRST = new Error('waits after this')

export const subjects: Readonly<Record<string, Subject>> = {
  retry: {
    make: (clock) => ({ policy: retry({ backoff: () => 1000, clock }) }),
    waits: (clock) => ({ policy: retry({ backoff: () => 1000, clock }), failFirst: FIRST }),
  },
  timeout: { make: (clock) => ({ policy: timeout({ limit: 10_000, clock }) }), waits: 'it watches while the call runs' },
  breaker: { make: (clock) => ({ policy: circuitBreaker({ clock }) }), waits: 'it decides at once' },
  limiter: {
    make: (clock) => ({ policy: rateLimiter({ limit: 1, per: 1000, maxWait: 5000, clock }) }),
    waits: (clock) => {
      const policy = rateLimiter({ limit: 1, per: 1000, maxWait: 5000, clock })
      policy.consume()
      return { policy }
    },
  },
  bulkhead: {
    make: (clock) => ({ policy: bulkhead({ limit: 1, queue: 1, clock }) }),
    waits: (clock) => {
      const policy = bulkhead({ limit: 1, queue: 1, clock })
      const held = policy.acquire()
      return { policy, letGo: () => held.succeed() }
    },
  },
  fallback: {
    make: (clock) => ({ policy: fallback({ use: 'instead', handle: (error) => error === FIRST, clock }) }),
    waits: (clock) => ({
      policy: fallback({ use: () => new Promise(() => {}), handle: (error) => error === FIRST, clock }),
      failFirst: FIRST,
    }),
  },
  hedge: { make: (clock) => ({ policy: hedge({ delay: 1000, clock }) }), waits: 'it waits beside a call that runs' },
  coalesce: {
    make: (clock) => ({ policy: coalesce({ key: () => 'same', clock }) }),
    waits: (clock) => {
      const policy = coalesce({ key: () => 'same', clock })
      const another = scripted({ clock }).hangs()
      void policy.execute(another)
      return { policy, letGo: () => void another.release() }
    },
  },
  adaptive: {
    make: (clock) => ({ policy: adaptiveLimiter({ initial: 1, max: 1, queue: 1, clock }) }),
    waits: (clock) => {
      const policy = adaptiveLimiter({ initial: 1, max: 1, queue: 1, clock })
      const held = policy.acquire()
      return { policy, letGo: () => held.succeed() }
    },
  },
  throttle: { make: (clock) => ({ policy: throttle({ clock }) }), waits: 'it decides at once' },
  budget: { make: (clock) => ({ policy: budget({ clock }) }), waits: 'it only counts' },
  chaos: {
    make: (clock) => ({ policy: chaos({ enabled: () => false, latency: 1000, clock }) }),
    waits: (clock) => ({ policy: chaos({ enabled: () => true, rate: 1, latency: 1000, clock }) }),
  },
}
