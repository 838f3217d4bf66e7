import { describe, expect, it } from 'vitest'
import { type HoldfastEvent, listenerErrors } from '../../src/core/events.ts'
import { compose, type Policy } from '../../src/core/policy.ts'
import { bulkhead } from '../../src/policies/bulkhead/bulkhead.ts'
import { circuitBreaker } from '../../src/policies/circuit-breaker/circuit-breaker.ts'
import { rateLimiter } from '../../src/policies/rate-limiter/rate-limiter.ts'
import { retry } from '../../src/policies/retry/retry.ts'
import { timeout } from '../../src/policies/timeout/timeout.ts'
import { scripted } from '../../src/testing/scripted-operation.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { between, five, names, settled } from './five.ts'

type Scenario = (clock: VirtualClock) => { policy: Policy; play: (stack: Policy) => Promise<void> }

/** For every event of every policy, how to bring it about, whatever else is in the stack. */
const scenarios: Record<string, Scenario> = {
  'retry.scheduled': (clock) => ({
    policy: retry({ maxAttempts: 2, backoff: () => 1, clock, name: 'it' }),
    play: async (stack) => {
      const end = settled(stack.execute(scripted().fails()))
      await clock.advance(100)
      await end
    },
  }),
  'retry.gave-up': (clock) => ({
    policy: retry({ maxAttempts: 1, clock, name: 'it' }),
    play: async (stack) => {
      const end = settled(stack.execute(scripted().fails()))
      await clock.advance(100)
      await end
    },
  }),
  'timeout.expired': (clock) => ({
    policy: timeout({ limit: 20, clock, name: 'it' }),
    play: async (stack) => {
      const end = settled(stack.execute(scripted().hangsUntilAborted()))
      await clock.advance(100)
      await end
    },
  }),
  'timeout.abandoned': (clock) => ({
    policy: timeout({ limit: 20, clock, name: 'it' }),
    play: async (stack) => {
      const end = settled(stack.execute(scripted().hangs()))
      await clock.advance(100)
      await end
    },
  }),
  'timeout.settled': (clock) => ({
    policy: timeout({ limit: 20, clock, name: 'it' }),
    play: async (stack) => {
      const operation = scripted().hangs()
      const end = settled(stack.execute(operation))
      await clock.advance(100)
      operation.release()
      await end
      await clock.advance(100)
    },
  }),
  'circuit-breaker.changed': (clock) => ({
    policy: circuitBreaker({ trip: { consecutive: 1 }, clock, name: 'it' }),
    play: async (stack) => {
      const end = settled(stack.execute(scripted().fails()))
      await clock.advance(100)
      await end
    },
  }),
  'circuit-breaker.rejected': (clock) => {
    const policy = circuitBreaker({ clock, name: 'it' })
    policy.isolate()
    return { policy, play: async (stack) => void (await settled(stack.execute(scripted().thenReturns(1)))) }
  },
  'circuit-breaker.would-change': (clock) => ({
    policy: circuitBreaker({ trip: { consecutive: 1 }, mode: 'shadow', clock, name: 'it' }),
    play: async (stack) => {
      const end = settled(stack.execute(scripted().fails()))
      await clock.advance(100)
      await end
    },
  }),
  'circuit-breaker.would-reject': (clock) => {
    const policy = circuitBreaker({ mode: 'shadow', clock, name: 'it' })
    policy.trip()
    return { policy, play: async (stack) => void (await settled(stack.execute(scripted().thenReturns(1)))) }
  },
  'circuit-breaker.stale': (clock) => {
    const policy = circuitBreaker({ clock, name: 'it' })
    return {
      policy,
      play: async (stack) => {
        const operation = scripted().hangs()
        const end = settled(stack.execute(operation))
        policy.isolate()
        operation.release()
        await end
        await clock.advance(1)
      },
    }
  },
  'rate-limiter.rejected': (clock) => {
    const policy = rateLimiter({ limit: 1, per: '10m', clock, name: 'it' })
    policy.consume()
    return { policy, play: async (stack) => void (await settled(stack.execute(scripted().thenReturns(1)))) }
  },
  'rate-limiter.delayed': (clock) => {
    const policy = rateLimiter({ limit: 1, per: 20, maxWait: 50, clock, name: 'it' })
    policy.consume()
    return {
      policy,
      play: async (stack) => {
        const end = settled(stack.execute(scripted().thenReturns(1)))
        await clock.advance(50)
        await end
      },
    }
  },
  'rate-limiter.would-reject': (clock) => {
    const policy = rateLimiter({ limit: 1, per: '10m', mode: 'shadow', clock, name: 'it' })
    policy.consume()
    return { policy, play: async (stack) => void (await settled(stack.execute(scripted().thenReturns(1)))) }
  },
  'rate-limiter.would-delay': (clock) => {
    const policy = rateLimiter({ limit: 1, per: 20, maxWait: 50, mode: 'shadow', clock, name: 'it' })
    policy.consume()
    return { policy, play: async (stack) => void (await settled(stack.execute(scripted().thenReturns(1)))) }
  },
  'rate-limiter.blocked': (clock) => {
    const policy = rateLimiter({ limit: 1, per: 1, learn: true, clock, name: 'it' })
    const response = { status: 429, headers: { 'retry-after': '1' } }
    return { policy, play: async (stack) => void (await settled(stack.execute(scripted().thenReturns(response)))) }
  },
  'bulkhead.would-reject': (clock) => {
    const policy = bulkhead({ limit: 1, mode: 'shadow', clock, name: 'it' })
    policy.acquire()
    return { policy, play: async (stack) => void (await settled(stack.execute(scripted().thenReturns(1)))) }
  },
  'bulkhead.resized': (clock) => {
    const policy = bulkhead({ limit: 1, clock, name: 'it' })
    return {
      policy,
      play: () => {
        policy.setLimit(2)
        return Promise.resolve()
      },
    }
  },
  'bulkhead.rejected': (clock) => {
    const policy = bulkhead({ limit: 1, clock, name: 'it' })
    policy.acquire()
    return { policy, play: async (stack) => void (await settled(stack.execute(scripted().thenReturns(1)))) }
  },
  'bulkhead.queued': (clock) => {
    const policy = bulkhead({ limit: 1, queue: 1, clock, name: 'it' })
    const held = policy.acquire()
    return {
      policy,
      play: async (stack) => {
        const end = settled(stack.execute(scripted().thenReturns(1)))
        held.succeed()
        await end
      },
    }
  },
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
      for (const name of names) {
        const other = five[name]
        expect(await heardOf((policy, clock) => compose(policy, other(clock))), `> ${name}`).not.toEqual([])
        expect(await heardOf((policy, clock) => compose(other(clock), policy)), `${name} >`).not.toEqual([])
        expect(await heardOf((policy, clock) => compose(policy, between, other(clock))), `> between > ${name}`).not.toEqual([])
        expect(
          await heardOf((policy, clock) => compose(other(clock), compose(between, compose(policy)))),
          `${name} > (…)`,
        ).not.toEqual([])
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
      await expect(play(policy)).resolves.toBeUndefined()
    }
    listenerErrors.report = report
    expect(reported.sort()).toEqual(Object.keys(scenarios).sort())
  })
})
