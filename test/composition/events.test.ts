import { describe, expect, it } from 'vitest'
import { type HoldfastEvent, listenerErrors, type PolicyEvent } from '../../src/core/events.ts'
import { compose, type Policy } from '../../src/core/policy.ts'
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
import { type ScriptedOperation, scripted } from '../../src/testing/scripted-operation.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { between, type Name, names, settled, twelve } from './twelve.ts'

interface Scene {
  readonly policy: Policy
  readonly play: (stack: Policy) => Promise<void> | void
  /** Policies that, further in, end the work for their caller when it is aborted, so that nothing is left to tell of. */
  readonly notAround?: readonly Name[]
}

type Scenario = (clock: VirtualClock) => Scene

const by = { name: 'it' } as const
const closedBudget = { noteCall() {}, reserve: () => false, refund() {} }

/** Plays one call of an operation that a test describes, until it is over. */
const calling =
  (clock: VirtualClock, script: (operation: ScriptedOperation<unknown>) => unknown, signal?: AbortSignal) =>
  async (stack: Policy): Promise<void> => {
    const operation = scripted<unknown>({ clock })
    script(operation)
    const end = settled(stack.execute(operation, { signal }))
    await clock.advance(100)
    await clock.advance(100)
    operation.release()
    await end
    await clock.advance(100)
  }
const succeeding = (clock: VirtualClock) => calling(clock, (operation) => operation.thenReturns(1))
const failing = (clock: VirtualClock) => calling(clock, (operation) => operation.fails())

/** Of calls, and of limits that processes share: those are tested beside their stores. */
type Elsewhere = `execution.${string}` | 'rate-limiter.degraded' | 'rate-limiter.restored'

/** For every event of every policy, how to bring it about, whatever else is in the stack. */
const scenarios: Readonly<Record<Exclude<PolicyEvent['type'], Elsewhere>, Scenario>> = {
  'retry.scheduled': (clock) => ({
    policy: retry({ ...by, maxAttempts: 2, backoff: () => 1, clock }),
    play: failing(clock),
  }),
  'retry.gave-up': (clock) => ({ policy: retry({ ...by, maxAttempts: 1, clock }), play: failing(clock) }),
  'timeout.expired': (clock) => ({
    policy: timeout({ ...by, limit: 20, clock }),
    play: calling(clock, (operation) => operation.hangsUntilAborted()),
  }),
  'timeout.abandoned': (clock) => ({
    policy: timeout({ ...by, limit: 20, clock }),
    play: calling(clock, (operation) => operation.hangs()),
    notAround: ['hedge', 'coalesce'],
  }),
  'timeout.settled': (clock) => ({
    policy: timeout({ ...by, limit: 20, clock }),
    play: calling(clock, (operation) => operation.hangs()),
    notAround: ['hedge', 'coalesce'],
  }),
  'circuit-breaker.changed': (clock) => ({
    policy: circuitBreaker({ ...by, trip: { consecutive: 1 }, clock }),
    play: failing(clock),
  }),
  'circuit-breaker.rejected': (clock) => {
    const policy = circuitBreaker({ ...by, clock })
    policy.isolate()
    return { policy, play: succeeding(clock) }
  },
  'circuit-breaker.would-change': (clock) => ({
    policy: circuitBreaker({ ...by, trip: { consecutive: 1 }, mode: 'shadow', clock }),
    play: failing(clock),
  }),
  'circuit-breaker.would-reject': (clock) => {
    const policy = circuitBreaker({ ...by, mode: 'shadow', clock })
    policy.trip()
    return { policy, play: succeeding(clock) }
  },
  'circuit-breaker.stale': (clock) => {
    const policy = circuitBreaker({ ...by, clock })
    return {
      policy,
      play: calling(clock, (operation) =>
        operation.plays(() => {
          policy.isolate()
          return Promise.resolve(1)
        }),
      ),
    }
  },
  'rate-limiter.rejected': (clock) => {
    const policy = rateLimiter({ ...by, limit: 1, per: '10m', clock })
    policy.consume()
    return { policy, play: succeeding(clock) }
  },
  'rate-limiter.delayed': (clock) => {
    const policy = rateLimiter({ ...by, limit: 1, per: 20, maxWait: 50, clock })
    policy.consume()
    return { policy, play: succeeding(clock) }
  },
  'rate-limiter.would-reject': (clock) => {
    const policy = rateLimiter({ ...by, limit: 1, per: '10m', mode: 'shadow', clock })
    policy.consume()
    return { policy, play: succeeding(clock) }
  },
  'rate-limiter.would-delay': (clock) => {
    const policy = rateLimiter({ ...by, limit: 1, per: 20, maxWait: 50, mode: 'shadow', clock })
    policy.consume()
    return { policy, play: succeeding(clock) }
  },
  'rate-limiter.blocked': (clock) => {
    const response = { status: 429, headers: { 'retry-after': '1' } }
    return {
      policy: rateLimiter({ ...by, limit: 1, per: 1, learn: true, clock }),
      play: calling(clock, (operation) => operation.thenReturns(response)),
    }
  },
  'bulkhead.rejected': (clock) => {
    const policy = bulkhead({ ...by, limit: 1, clock })
    policy.acquire()
    return { policy, play: succeeding(clock) }
  },
  'bulkhead.would-reject': (clock) => {
    const policy = bulkhead({ ...by, limit: 1, mode: 'shadow', clock })
    policy.acquire()
    return { policy, play: succeeding(clock) }
  },
  'bulkhead.queued': (clock) => {
    const policy = bulkhead({ ...by, limit: 1, queue: 1, clock })
    const held = policy.acquire()
    clock.setTimer(20, () => held.succeed())
    return { policy, play: succeeding(clock) }
  },
  'bulkhead.resized': (clock) => {
    const policy = bulkhead({ ...by, limit: 1, clock })
    return { policy, play: () => policy.setLimit(2) }
  },
  'fallback.used': (clock) => ({ policy: fallback({ ...by, use: 'instead', clock }), play: failing(clock) }),
  'fallback.failed': (clock) => ({
    policy: fallback({ ...by, use: () => Promise.reject(new Error('no plan b')), clock }),
    play: failing(clock),
  }),
  'hedge.started': (clock) => ({
    policy: hedge({ ...by, delay: 20, clock }),
    play: calling(clock, (operation) => operation.resolvesAfter(30)),
  }),
  'hedge.won': (clock) => ({
    policy: hedge({ ...by, delay: 20, clock }),
    play: calling(clock, (operation) => operation.hangsUntilAborted(1).thenReturns(1)),
  }),
  'hedge.cancelled': (clock) => ({
    policy: hedge({ ...by, delay: 20, clock }),
    play: calling(clock, (operation) => operation.hangsUntilAborted(1).thenReturns(1)),
  }),
  'hedge.denied': (clock) => ({
    policy: hedge({ ...by, delay: 20, budget: closedBudget, clock }),
    play: calling(clock, (operation) => operation.resolvesAfter(30)),
  }),
  'hedge.abandoned': (clock) => ({
    policy: hedge({ ...by, delay: 20, clock }),
    play: calling(clock, (operation) => operation.hangs(1).thenReturns(1)),
    notAround: ['hedge', 'coalesce'],
  }),
  'coalesce.joined': (clock) => ({
    policy: coalesce({ ...by, key: () => 'same', clock }),
    play: async (stack) => {
      const play = calling(clock, (operation) => operation.resolvesAfter(20))
      await Promise.all([play(stack), play(stack)])
    },
  }),
  'coalesce.hit': (clock) => ({
    policy: coalesce({ ...by, key: () => 'same', ttl: '1h', clock }),
    play: async (stack) => {
      await succeeding(clock)(stack)
      await succeeding(clock)(stack)
    },
  }),
  'coalesce.cancelled': (clock) => {
    const controller = new AbortController()
    clock.setTimer(20, () => controller.abort('enough'))
    return {
      policy: coalesce({ ...by, key: () => 'same', clock }),
      play: calling(clock, (operation) => operation.hangsUntilAborted(), controller.signal),
    }
  },
  'coalesce.store-failed': (clock) => {
    const lost = () => Promise.reject(new Error('store lost'))
    return {
      policy: coalesce({ ...by, key: () => 'same', ttl: '1h', store: { get: lost, set: lost, delete: lost }, clock }),
      play: succeeding(clock),
    }
  },
  'budget.exhausted': (clock) => {
    const policy = budget({ ...by, ratio: 0, minPerSecond: 0, clock })
    return {
      policy,
      play: calling(clock, (operation) =>
        operation.plays(() => {
          policy.reserve()
          return 1
        }),
      ),
    }
  },
  'adaptive-limiter.changed': (clock) => {
    const policy = adaptiveLimiter({ ...by, clock })
    return { policy, play: () => policy.hydrate({ version: 1, limit: 5 }) }
  },
  'adaptive-limiter.rejected': (clock) => {
    const policy = adaptiveLimiter({ ...by, initial: 1, max: 1, clock })
    policy.acquire()
    return { policy, play: succeeding(clock) }
  },
  'adaptive-limiter.would-reject': (clock) => {
    const policy = adaptiveLimiter({ ...by, initial: 1, max: 1, mode: 'shadow', clock })
    policy.acquire()
    return { policy, play: succeeding(clock) }
  },
  'adaptive-limiter.queued': (clock) => {
    const policy = adaptiveLimiter({ ...by, initial: 1, max: 1, queue: 1, clock })
    const held = policy.acquire()
    clock.setTimer(20, () => held.succeed())
    return { policy, play: succeeding(clock) }
  },
  'throttle.rejected': (clock) => {
    const policy = throttle({ ...by, random: () => 0, clock })
    for (let call = 0; call < 20; call++) policy.acquire(Number.POSITIVE_INFINITY).fail()
    return { policy, play: succeeding(clock) }
  },
  'throttle.would-reject': (clock) => {
    const policy = throttle({ ...by, random: () => 0, mode: 'shadow', clock })
    for (let call = 0; call < 20; call++) policy.acquire(Number.POSITIVE_INFINITY).fail()
    return { policy, play: succeeding(clock) }
  },
  'chaos.injected': (clock) => ({
    policy: chaos({ ...by, enabled: () => true, rate: 1, fault: () => new Error('chaos'), clock }),
    play: succeeding(clock),
  }),
  'chaos.stopped': (clock) => ({
    policy: chaos({ ...by, enabled: () => true, rate: 1, latency: 1, maxInjected: 1, clock }),
    play: succeeding(clock),
  }),
}

describe('every event of every policy', () => {
  for (const [type, scenario] of Object.entries(scenarios)) {
    const heardOf = async (around: (policy: Policy, clock: VirtualClock) => Policy): Promise<HoldfastEvent[]> => {
      const clock = new VirtualClock()
      const { policy, play } = scenario(clock)
      const stack = around(policy, clock)
      const events: HoldfastEvent[] = []
      const stop = stack.observe((event) => events.push(event))
      await play(stack)
      stop()
      expect(stack.parts.some((part) => (part as unknown as { events: { active: boolean } }).events.active)).toBe(false)
      return events.filter((event) => event.type === type && event.policy === 'it')
    }

    // T: 24
    it(`${type} is told alone, fused with any other, apart from it, and within a composition of compositions`, async () => {
      const [alone] = await heardOf((policy) => policy)
      expect(alone).toMatchObject({ type, policy: 'it' })
      expect(alone!.at).toBeGreaterThan(0)
      const { notAround = [] } = scenario(new VirtualClock())
      for (const name of names) {
        const other = twelve[name]
        const hidden = notAround.includes(name)
        const heard = async (around: (policy: Policy, clock: VirtualClock) => Policy, what: string, silent = false) => {
          const events = await heardOf(around)
          if (silent) expect(events, what).toEqual([])
          else expect(events, what).not.toEqual([])
        }
        await heard((policy, clock) => compose(policy, other(clock)), `> ${name}`, hidden)
        await heard((policy, clock) => compose(other(clock), policy), `${name} >`)
        await heard((policy, clock) => compose(policy, between, other(clock)), `> between > ${name}`, hidden)
        await heard((policy, clock) => compose(other(clock), compose(between, compose(policy))), `${name} > (…)`)
      }
    })
  }

  // T: 19
  it('may be listened to by somebody who throws: the outcome is the same', async () => {
    const { report } = listenerErrors
    const reported: string[] = []
    listenerErrors.report = (_, type) => reported.push(type)
    for (const scenario of Object.values(scenarios)) {
      const clock = new VirtualClock()
      const { policy, play } = scenario(clock)
      policy.observe(() => {
        throw new Error('in a listener')
      })
      await play(policy)
    }
    listenerErrors.report = report
    expect(reported.sort()).toEqual(Object.keys(scenarios).sort())
  })
})
