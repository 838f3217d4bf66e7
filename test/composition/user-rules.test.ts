/**
 * Every function that a user may give to a policy, broken in every way. What the operation came to is never lost by it: asked
 * about an outcome, or where there is a safe answer, the rule is reported and the call goes on; asked for what only it knows
 * before the operation runs, it fails the call with its own error, and the operation does not run.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { listenerErrors } from '../../src/core/events.ts'
import type { ExecuteOptions } from '../../src/core/operation.ts'
import { compose, type Policy } from '../../src/core/policy.ts'
import * as library from '../../src/index.ts'
import { scripted } from '../../src/testing/scripted-operation.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'

type Rule = () => never
type Make = (rule: Rule, clock: VirtualClock) => Policy

/** Rules with a safe answer: name of the report, the policy, and how often a call that always fails is made. */
const safe: readonly (readonly [name: string, make: Make, calls?: number])[] = [
  ['retry.retryIf', (retryIf, clock) => library.retry({ retryIf, clock })],
  ['retry.retryResult', (retryResult, clock) => library.retry({ retryResult, clock }), 3],
  ['retry.backoff', (backoff, clock) => library.retry({ backoff, clock }), 3],
  ['retry.isFree', (isFree, clock) => library.retry({ isFree, maxElapsed: '1m', clock }), 3],
  ['retry.retryAfterOf', (retryAfterOf, clock) => library.retry({ retryAfterOf, clock }), 3],
  ['retry.budget.reserve', (reserve, clock) => library.retry({ budget: { noteCall() {}, refund() {}, reserve }, clock })],
  ['retry.byOperation.goto.retryIf', (retryIf, clock) => library.retry({ byOperation: { goto: { retryIf } }, clock })],
  ['circuitBreaker.isFailure', (isFailure, clock) => library.circuitBreaker({ isFailure, clock })],
  ['circuitBreaker.classify', (classify, clock) => library.circuitBreaker({ classify, clock })],
  ['circuitBreaker.isFailureResult', (isFailureResult, clock) => library.circuitBreaker({ isFailureResult, clock })],
  ['circuitBreaker.openFor', (openFor, clock) => library.circuitBreaker({ trip: { consecutive: 1 }, openFor, clock })],
  ['rateLimiter.learn', (learn, clock) => library.rateLimiter({ limit: 9, per: 1, learn, clock })],
  ['fallback.handle', (handle, clock) => library.fallback({ use: 'plan b', handle, clock })],
  [
    'fallback.handleResult',
    (handleResult, clock) => library.fallback({ use: 'plan b', handleResult, handle: () => false, clock }),
  ],
  [
    'fallback.budget.reserve',
    (reserve, clock) => library.fallback({ use: () => 'plan b', budget: { noteCall() {}, refund() {}, reserve }, clock }),
  ],
  ['hedge.isAcceptable', (isAcceptable, clock) => library.hedge({ delay: 5, isAcceptable, clock }), 2],
  ['hedge.hedgeIf', (hedgeIf, clock) => library.hedge({ delay: 50, hedgeIf, clock })],
  ['hedge.isFatal', (isFatal, clock) => library.hedge({ delay: 5, isFatal, clock }), 2],
  ['hedge.delay', (delay, clock) => library.hedge({ delay, clock }), 2],
  [
    'hedge.budget.reserve',
    (reserve, clock) => library.hedge({ delay: 0, budget: { noteCall() {}, refund() {}, reserve }, clock }),
  ],
  ['coalesce.ttl', (ttl, clock) => library.coalesce({ key: () => 'same', ttl, clock })],
  ['coalesce.errorTtl', (errorTtl, clock) => library.coalesce({ key: () => 'same', errorTtl, clock })],
  ['adaptiveLimiter.isLoss', (isLoss, clock) => library.adaptiveLimiter({ isLoss, clock })],
  ['adaptiveLimiter.isLossResult', (isLossResult, clock) => library.adaptiveLimiter({ isLossResult, clock })],
  ['throttle.factor', (factor, clock) => library.throttle({ factor, minRequests: 1, clock })],
  ['throttle.isRefused', (isRefused, clock) => library.throttle({ isRefused, clock })],
  ['throttle.isRefusedResult', (isRefusedResult, clock) => library.throttle({ isRefusedResult, clock })],
  ['chaos.enabled', (enabled, clock) => library.chaos({ enabled, rate: 1, result: () => 'chaos', clock })],
  ['chaos.rate', (rate, clock) => library.chaos({ enabled: () => true, rate, result: () => 'chaos', clock })],
  ['chaos.latency', (latency, clock) => library.chaos({ enabled: () => true, rate: 1, latency, clock })],
  [
    'chaos.stopWhen',
    (stopWhen, clock) => library.chaos({ enabled: () => true, rate: 1, result: () => 'chaos', stopWhen, clock }),
  ],
  ['when(timeout)', (enabled, clock) => library.when(enabled, library.timeout({ limit: '1m', clock }))],
]

/** Rules that alone know the answer, before the operation runs. */
const needed: readonly (readonly [name: string, make: Make])[] = [
  ['timeout.limit', (limit, clock) => library.timeout({ limit, clock })],
  ['rateLimiter.cost', (cost, clock) => library.rateLimiter({ limit: 9, per: 1, cost, clock })],
  ['rateLimiter.keyOf', (keyOf, clock) => library.rateLimiter({ limit: 9, per: 1, keyOf, clock })],
  ['coalesce.key', (key, clock) => library.coalesce({ key, clock })],
  ['keyed.by', (by, clock) => library.keyed(() => library.bulkhead({ limit: 1, clock }), { by, clock })],
  ['keyed.make', (make, clock) => library.keyed(make, { clock })],
]

const call: ExecuteOptions = { operation: 'goto' }

describe('a rule that is broken', () => {
  const reported: string[] = []
  const report = listenerErrors.report
  beforeEach(() => {
    reported.length = 0
    listenerErrors.report = (_error, where) => reported.push(where)
  })
  afterEach(() => {
    listenerErrors.report = report
  })

  for (const [name, make, calls = 1] of safe) {
    describe(name, () => {
      const slip = new Error(`slip in ${name}`)
      const throws: Rule = () => {
        throw slip
      }
      const nonsense = (() => Promise.reject(slip)) as unknown as Rule

      it('takes nothing away from a value or an error, and is reported once', async () => {
        for (const rule of [throws, nonsense]) {
          for (const around of [
            (policy: Policy) => policy,
            (policy: Policy) =>
              compose(
                library.policy('out', (next) => next),
                policy,
              ),
          ]) {
            const clock = new VirtualClock()
            const settle = async (promise: Promise<unknown>) => {
              const end = promise.then(
                (value) => ({ value }),
                (error: unknown) => ({ error }),
              )
              await clock.advance(120_000)
              return end
            }
            const failing = scripted({ clock }).rejectsAfter(10, 'own error')
            const policy = around(make(rule, clock))
            expect(await settle(policy.execute(failing, call))).toEqual({ error: 'own error' })
            // A rule that answers by a promise is as wrong, but where it enables what is meant to disturb.
            if (rule === throws) expect(failing.calls.length).toBe(calls)
            const fine = scripted<unknown>({ clock }).resolvesAfter(10, 'own value')
            expect(await settle(around(make(rule, clock)).execute(fine, call))).toEqual({ value: 'own value' })
            expect(clock.pendingTimers({ includeIdle: true })).toBe(0)
          }
        }
        expect(reported).toEqual([name])
      })
    })
  }

  for (const [name, make] of needed)
    it(`${name}, which only it can answer, fails the call before the operation runs`, async () => {
      const clock = new VirtualClock()
      const slip = new Error('slip')
      const policy = make(() => {
        throw slip
      }, clock)
      const operation = scripted({ clock }).returns('own value')
      await expect(policy.execute(operation, call)).rejects.toBe(slip)
      expect([operation.calls.length, reported, clock.pendingTimers()]).toEqual([0, [], 0])
    })

  it('bulkhead.priority does not lose the call its place in the line', async () => {
    const clock = new VirtualClock()
    const slots = library.bulkhead({
      limit: 1,
      queue: 1,
      priority: () => {
        throw new Error('slip')
      },
      clock,
    })
    const held = slots.acquire()
    const waiting = slots.execute(() => 'own value')
    held.succeed()
    expect([await waiting, reported]).toEqual(['own value', ['bulkhead.priority']])
  })

  it('keyed.keep keeps', () => {
    const clock = new VirtualClock()
    const peers = library.keyed(() => library.bulkhead({ limit: 1, clock }), {
      idleAfter: 1,
      keep: () => {
        throw new Error('slip')
      },
      clock,
    })
    peers.at('a')
    void clock.advance(100)
    peers.at('b')
    expect([peers.size, reported]).toEqual([2, ['keyed.keep']])
  })

  it('makes a copy for one caller alone: only that call fails', async () => {
    const slip = new Error('not to be copied')
    let copies = 0
    const once = library.coalesce({
      copy: (value) => {
        if (++copies === 1) throw slip
        return value
      },
    })
    const options = { key: 'same' }
    const both = await Promise.allSettled([once.execute(async () => 1, options), once.execute(async () => 2, options)])
    expect(both).toEqual([
      { status: 'rejected', reason: slip },
      { status: 'fulfilled', value: 1 },
    ])
  })

  it('takes no error from a synchronous call either', () => {
    const clock = new VirtualClock()
    for (const [name, make] of safe.filter(([name]) => /^(retry\.retry|circuit|fallback\.handle|adaptive|throttle)/.test(name))) {
      const policy = make(() => {
        throw new Error('slip')
      }, clock)
      const own = new TypeError('own error')
      const failing = () => {
        throw own
      }
      expect(() => policy.executeSync(failing, call), name).toThrow(own)
      expect(
        make(() => [][0] as never, clock).executeSync(() => 'own value', call),
        name,
      ).toBe('own value')
    }
  })
})
