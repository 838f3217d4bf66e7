import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compose, noop, type Policy, policy } from '../../src/core/policy.ts'
import { bulkhead } from '../../src/policies/bulkhead/bulkhead.ts'
import type { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { CountingGate } from './gate.ts'
import { build, callPlan, type PolicyPlan, policyPlan } from './plans.ts'
import { run, type Story } from './run.ts'

const stackPlan = fc.array(policyPlan, { minLength: 1, maxLength: 5 })
const callPlans = fc.array(callPlan, { minLength: 1, maxLength: 6 })
const visible = ({ calls, events }: Story) => ({ calls, events })
const RUNS = { numRuns: 300 }

/** Gives the composition its clock, also where only layers are drawn, and limits nothing. */
const clocked = (clock: VirtualClock) => bulkhead({ limit: 1_000_000, clock })

const stackOf =
  (plans: readonly PolicyPlan[], keep: Policy[] = []) =>
  (clock: VirtualClock) => {
    const parts = plans.map((plan) => build(plan, clock))
    keep.push(...parts)
    return compose(...parts, clocked(clock))
  }

describe('the laws of composition', () => {
  it('noop is the identity, on both sides and in between', async () => {
    await fc.assert(
      fc.asyncProperty(stackPlan, callPlans, fc.nat(5), async (plans, calls, at) => {
        const plain = await run(stackOf(plans), calls)
        const padded = await run((clock) => {
          const parts = plans.map((plan) => build(plan, clock))
          return compose(noop, ...parts.slice(0, at), compose(noop, noop), ...parts.slice(at), noop, clocked(clock))
        }, calls)
        expect(visible(padded)).toEqual(visible(plain))
      }),
      RUNS,
    )
  })

  it('is associative: same outcomes, same times, same attempts, same events', async () => {
    await fc.assert(
      fc.asyncProperty(stackPlan, callPlans, fc.nat(5), fc.nat(5), async (plans, calls, from, to) => {
        const plain = await run(stackOf(plans), calls)
        const [low, high] = [Math.min(from, to), Math.max(from, to)]
        const nested = await run((clock) => {
          const parts = plans.map((plan) => build(plan, clock))
          return compose(
            ...parts.slice(0, low),
            compose(...parts.slice(low, high)),
            compose(...parts.slice(high), clocked(clock)),
          )
        }, calls)
        expect(visible(nested)).toEqual(visible(plain))
      }),
      RUNS,
    )
  })

  it('fusing changes nothing: a layer that does nothing between any two policies is not seen', async () => {
    await fc.assert(
      fc.asyncProperty(stackPlan, callPlans, async (plans, close) => {
        // Calls that meet at the same moment may be served in another order, by a few turns of the promises in between.
        const calls = close.map((call) => ({ ...call, after: call.after + 1000 }))
        const apart = policy('apart', (next) => next)
        const fused = await run(stackOf(plans), calls)
        const split = await run(
          (clock) => compose(apart, ...plans.flatMap((plan) => [build(plan, clock), apart]), clocked(clock)),
          calls,
        )
        expect(split.calls.map(({ outcome, startedAt, attempts }) => ({ outcome, startedAt, attempts }))).toEqual(
          fused.calls.map(({ outcome, startedAt, attempts }) => ({ outcome, startedAt, attempts })),
        )
        expect([...split.events].sort()).toEqual([...fused.events].sort())
      }),
      RUNS,
    )
  })
})

describe('the laws of a call', () => {
  it('a rejected call never runs the operation', async () => {
    await fc.assert(
      fc.asyncProperty(stackPlan, callPlans, async (plans, calls) => {
        const { operations } = await run((clock) => {
          const gate = new CountingGate(clock, { answers: ['reject'], waitMs: 0 })
          return compose(...plans.map((plan) => build(plan, clock)), gate)
        }, calls)
        for (const operation of operations) expect(operation.calls.length).toBe(0)
      }),
      RUNS,
    )
  })

  // T: 4
  it('every permit is given back exactly once', async () => {
    const gatePlan = policyPlan.filter(({ kind }) => kind === 'gate')
    const plans = fc
      .tuple(stackPlan, gatePlan, stackPlan, gatePlan)
      .map(([before, one, between, two]) => [...before, one, ...between, two])
    await fc.assert(
      fc.asyncProperty(plans, callPlans, async (stack, calls) => {
        const parts: Policy[] = []
        await run(stackOf(stack, parts), calls)
        for (const part of parts) if (part instanceof CountingGate) expect(part.wrong).toEqual([])
      }),
      RUNS,
    )
  })

  it('the call settles, and nothing remains: no timer, no listener, no permit, no place', async () => {
    await fc.assert(
      fc.asyncProperty(stackPlan, callPlans, async (plans, calls) => {
        const parts: Policy[] = []
        const { clock, operations, controllers, calls: stories } = await run(stackOf(plans, parts), calls)
        for (const { outcome } of stories) expect(outcome).not.toBe('never settled')
        expect(clock.pendingTimers({ includeIdle: true })).toBe(0)
        for (const { listeners } of controllers) expect(listeners).toBe(0)
        for (const { running } of operations) expect(running).toBe(0)
        for (const part of parts) {
          if ('snapshot' in part && part.name === 'bulkhead')
            expect((part.snapshot as () => unknown).call(part)).toMatchObject({ inFlight: 0, queued: 0 })
          if ('abandonedCount' in part) expect(part.abandonedCount).toBe(0)
        }
      }),
      RUNS,
    )
  })

  // T: 12, 14
  it('a cancelled caller is answered at that very moment, with its own reason', async () => {
    await fc.assert(
      fc.asyncProperty(stackPlan, callPlans, async (plans, calls) => {
        const { calls: stories } = await run(stackOf(plans), calls)
        let begun = 0
        for (const [index, { after, abortAfter, within }] of calls.entries()) {
          begun += after
          const { outcome, settledAt, startedAt } = stories[index]!
          const bound = Math.min(abortAfter ?? Number.POSITIVE_INFINITY, within ?? Number.POSITIVE_INFINITY)
          expect(settledAt).toBeLessThanOrEqual(begun + bound)
          if (outcome === 'error cancelled') expect(settledAt).toBe(begun + abortAfter!)
          // Nothing begins once the caller has its answer.
          for (const at of startedAt) expect(at).toBeLessThanOrEqual(settledAt)
        }
      }),
      RUNS,
    )
  })
})
