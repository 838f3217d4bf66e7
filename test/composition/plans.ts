/** Random stacks of policies and random behaviour of what they call, as plain data that builds the same thing twice. */
import fc from 'fast-check'
import { type Policy, policy } from '../../src/core/policy.ts'
import { bulkhead } from '../../src/policies/bulkhead/bulkhead.ts'
import { circuitBreaker } from '../../src/policies/circuit-breaker/circuit-breaker.ts'
import { rateLimiter } from '../../src/policies/rate-limiter/rate-limiter.ts'
import { retry } from '../../src/policies/retry/retry.ts'
import { timeout } from '../../src/policies/timeout/timeout.ts'
import { seededRandom } from '../../src/testing/index.ts'
import type { ScriptedOperation } from '../../src/testing/scripted-operation.ts'
import { scripted } from '../../src/testing/scripted-operation.ts'
import type { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { CountingGate } from './gate.ts'

const ms = fc.integer({ min: 1, max: 120 })

export const policyPlan = fc.oneof(
  fc.record({
    kind: fc.constant('retry' as const),
    maxAttempts: fc.integer({ min: 1, max: 4 }),
    initial: ms,
    seed: fc.nat(),
    odd: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('breaker' as const), consecutive: fc.integer({ min: 1, max: 3 }), openFor: ms, probeLease: ms }),
  fc.record({ kind: fc.constant('timeout' as const), limit: ms }),
  fc.record({ kind: fc.constant('bulkhead' as const), limit: fc.integer({ min: 1, max: 3 }), queue: fc.nat(2) }),
  fc.record({
    kind: fc.constant('limiter' as const),
    limit: fc.integer({ min: 1, max: 5 }),
    maxWait: fc.constantFrom(0, 50, 500),
    windowed: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('layer' as const), async: fc.boolean() }),
  fc.record({
    kind: fc.constant('gate' as const),
    answers: fc.array(fc.constantFrom('admit' as const, 'admit' as const, 'reject' as const, 'wait' as const), {
      minLength: 1,
      maxLength: 4,
    }),
    waitMs: ms,
  }),
)
export type PolicyPlan = typeof policyPlan extends fc.Arbitrary<infer P> ? P : never

export function build(plan: PolicyPlan, clock: VirtualClock): Policy {
  switch (plan.kind) {
    case 'retry': {
      const { maxAttempts, initial, seed, odd } = plan
      const retryResult = odd ? (value: unknown) => value === 'odd' : undefined
      return retry({ maxAttempts, backoff: { initial }, random: seededRandom(seed), clock, ...(retryResult && { retryResult }) })
    }
    case 'breaker':
      return circuitBreaker({
        trip: { consecutive: plan.consecutive },
        openFor: plan.openFor,
        halfOpen: { probeLease: plan.probeLease },
        clock,
      })
    case 'timeout':
      return timeout({ limit: plan.limit, clock })
    case 'bulkhead':
      return bulkhead({ limit: plan.limit, queue: plan.queue, clock })
    case 'limiter':
      return rateLimiter({
        limit: plan.limit,
        per: 100,
        maxWait: plan.maxWait,
        algorithm: plan.windowed ? 'sliding-window' : 'token-bucket',
        clock,
      })
    case 'layer':
      return policy('layer', plan.async ? (next) => async (execution) => next(execution) : (next) => next)
    case 'gate':
      return new CountingGate(clock, plan)
  }
}

export const stepPlan = fc.oneof(
  fc.record({ kind: fc.constantFrom('returns' as const, 'resolves' as const), value: fc.constantFrom('ok', 'odd') }),
  fc.record({ kind: fc.constantFrom('fails' as const, 'throws' as const), error: fc.constantFrom('transient', 'final') }),
  fc.record({ kind: fc.constantFrom('resolvesAfter' as const, 'rejectsAfter' as const), ms }),
  fc.record({ kind: fc.constantFrom('hangs' as const, 'hangsUntilAborted' as const) }),
)
export type StepPlan = typeof stepPlan extends fc.Arbitrary<infer P> ? P : never

export function operationOf(steps: readonly StepPlan[], clock: VirtualClock): ScriptedOperation<string> {
  const operation = scripted<string>({ clock })
  for (const step of steps) {
    if (step.kind === 'returns') operation.returns(step.value, 1)
    else if (step.kind === 'resolves') operation.resolves(step.value, 1)
    else if (step.kind === 'fails' || step.kind === 'throws') {
      const error = step.error === 'final' ? new RangeError('final') : new Error('transient')
      if (step.kind === 'fails') operation.fails(1, error)
      else operation.throwsSync(1, error)
    } else if (step.kind === 'resolvesAfter') operation.resolvesAfter(step.ms, 'ok', 1)
    else if (step.kind === 'rejectsAfter') operation.rejectsAfter(step.ms, new Error('late'), 1)
    else if (step.kind === 'hangs') operation.hangs(1)
    else operation.hangsUntilAborted(1)
  }
  return operation.thenReturns('ok')
}

export const callPlan = fc.record({
  after: fc.nat(60),
  steps: fc.array(stepPlan, { maxLength: 5 }),
  abortAfter: fc.option(fc.nat(150)),
  within: fc.option(fc.integer({ min: 1, max: 200 })),
})
export type CallPlan = typeof callPlan extends fc.Arbitrary<infer P> ? P : never
