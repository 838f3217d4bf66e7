import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { byOperation } from '../../src/core/by-operation.ts'
import { type ExplainOptions, explain, explainSync } from '../../src/core/explain.ts'
import { formatExplanation } from '../../src/core/explanation-text.ts'
import type { Operation } from '../../src/core/operation.ts'
import { compose, noop, type Policy, policy } from '../../src/core/policy.ts'
import type { Decision } from '../../src/core/trace.ts'
import { when } from '../../src/core/when.ts'
import {
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
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { build, callPlan, policyPlan } from './plans.ts'
import { run, type Story } from './run.ts'

const backoff = { type: 'constant', initial: 10, jitter: 'none' } as const
const told = (decisions: readonly Decision[]) => decisions.map(({ policy, verdict }) => `${policy} ${verdict}`)

/** Plays until it is settled, at most a virtual minute. */
async function played(clock: VirtualClock, stack: Policy, operation: Operation<unknown>, options?: ExplainOptions) {
  const end = explain(stack, operation, options)
  await clock.advance(60_000)
  return end
}

describe('an explanation', () => {
  it('tells what each policy decided, in order, on which numbers, with its ETA', async () => {
    const clock = new VirtualClock()
    const stack = compose(
      retry({ backoff, clock }),
      circuitBreaker({ trip: { consecutive: 2 }, openFor: 5000, clock }),
      timeout({ limit: 100, clock }),
      bulkhead({ limit: 1, clock }),
      rateLimiter({ limit: 5, per: 1000, clock }),
    )
    const operation = scripted({ clock }).fails(1, new Error('busy')).hangsUntilAborted()
    const account = await played(clock, stack, operation, { operation: 'goto' })
    expect(account).toMatchObject({
      operation: 'goto',
      outcome: 'rejected',
      decidedBy: 'circuit-breaker',
      calls: 2,
      durationMs: 120,
      retryAfterMs: 4990,
      summary: { code: 'ERR_CIRCUIT_OPEN' },
    })
    expect(account.hint).toContain('next probe')
    expect(told(account.decisions)).toEqual([
      ...['circuit-breaker admitted', 'timeout armed', 'bulkhead admitted', 'rate-limiter admitted', 'operation failed'],
      ...['bulkhead learnt', 'circuit-breaker learnt', 'retry scheduled'],
      ...['circuit-breaker admitted', 'timeout armed', 'bulkhead admitted', 'rate-limiter admitted', 'timeout expired'],
      ...['circuit-breaker changed', 'circuit-breaker learnt', 'retry scheduled', 'operation failed', 'bulkhead learnt'],
      ...['circuit-breaker rejected', 'retry gave-up'],
    ])
    const [scheduled] = account.decisions.filter(({ verdict }) => verdict === 'scheduled')
    expect(scheduled).toMatchObject({
      atMs: 0,
      type: 'retry',
      attempt: 1,
      etaMs: 10,
      numbers: { delayMs: 10 },
      error: { message: 'busy' },
    })
    expect(scheduled!.reason).toBe('attempt 1 of 3 failed: busy; the next begins in 10ms')
    const limiter = account.decisions.filter(({ type, verdict }) => type === 'rate-limiter' && verdict === 'admitted')
    expect(limiter.map(({ numbers, attempt }) => [attempt, numbers.remaining])).toEqual([
      [1, 5],
      [2, 4],
    ])
    expect(account.decisions.find(({ verdict }) => verdict === 'expired')).toMatchObject({ atMs: 110, numbers: { limitMs: 100 } })
    expect(account.decisions.find(({ verdict }) => verdict === 'rejected')).toMatchObject({
      etaMs: 4990,
      numbers: { state: 'open', retryAfterMs: 4990 },
      error: { code: 'ERR_CIRCUIT_OPEN' },
    })
    expect(account.decisions.at(-1)!.reason).toMatch(/^no attempt after number 3 of 3.*: another try would not help$/)
  })

  it('tells of waiting: why, for how long, and that it ended', async () => {
    const clock = new VirtualClock()
    const limiter = rateLimiter({ limit: 1, per: 100, maxWait: 500, clock })
    const places = bulkhead({ limit: 1, queue: 1, clock })
    limiter.consume()
    const held = places.acquire()
    clock.setTimer(250, () => held.succeed())
    const account = await played(clock, compose(limiter, places), () => 'ok')
    expect(account).toMatchObject({ outcome: 'succeeded', value: 'ok', decidedBy: 'operation', durationMs: 250 })
    const waits = account.decisions.filter(({ verdict }) => verdict === 'waiting' || verdict === 'admitted')
    expect(waits).toMatchObject([
      { policy: 'rate-limiter', verdict: 'waiting', etaMs: 100, reason: 'its turn is in 100ms' },
      { policy: 'rate-limiter', verdict: 'admitted', atMs: 100, numbers: { waitedMs: 100 } },
      { policy: 'bulkhead', verdict: 'waiting', atMs: 100, numbers: { inFlight: 1, queued: 1 } },
      { policy: 'bulkhead', verdict: 'admitted', atMs: 250, numbers: { waitedMs: 150 }, reason: 'may go, after 150ms' },
    ])
  })

  it('names who brought the outcome about', async () => {
    const clock = new VirtualClock()
    const controller = new AbortController()
    const hanging = () => scripted({ clock }).hangs()
    const full = bulkhead({ limit: 1, clock })
    full.acquire()
    const table: readonly (readonly [string, string, Policy, Operation<unknown>, ExplainOptions?])[] = [
      ['operation', 'succeeded', noop, () => 1],
      ['operation', 'failed', retry({ backoff, clock }), () => Promise.reject(new Error('down'))],
      ['timeout', 'timed-out', timeout({ limit: 5, clock }), hanging()],
      ['within', 'timed-out', retry({ clock }), hanging(), { within: 5 }],
      ['caller', 'cancelled', retry({ clock }), hanging(), { signal: controller.signal }],
      ['bulkhead', 'rejected', compose(retry({ clock }), full), () => 1],
      ['fallback', 'succeeded', compose(fallback({ use: 0, clock }), full), () => 1],
      ['chaos', 'failed', chaos({ enabled: () => true, rate: 1, fault: () => new Error('chaos'), clock }), () => 1],
      ['mine', 'failed', policy('mine', () => () => Promise.reject(new Error('no'))), () => 1],
      ['retry', 'failed', retry({ exhausted: 'wrap', backoff, clock }), () => Promise.reject(new Error('down'))],
    ]
    clock.setTimer(3, () => controller.abort('enough'))
    for (const [who, outcome, stack, operation, options] of table)
      expect(await played(clock, stack, operation, options), `${stack.name} ${outcome}`).toMatchObject({
        decidedBy: who,
        outcome,
      })
  })

  it('looks into hedges, shared calls, switches, choices and layers of your own', async () => {
    const clock = new VirtualClock()
    const once = coalesce({ ttl: '1h', clock })
    const twice = policy('twice', (next) => async (execution) => [await next(execution), await next(execution)] as never)
    const stack = compose(once, byOperation({ get: when(() => true, hedge({ delay: 10, clock })) }), twice, throttle({ clock }))
    const slowThenQuick = scripted({ clock }).resolvesAfter(30, 'slow', 1).resolvesAfter(5, 'quick')
    const account = await played(clock, stack, slowThenQuick, { operation: 'get', key: 'a' })
    expect(account).toMatchObject({ outcome: 'succeeded', key: 'a', decidedBy: 'twice' })
    expect(account.decisions.find(({ verdict }) => verdict === 'started')!.reason).toBe(
      'call 2 begins after 10ms: no answer so far',
    )
    expect(account.decisions.find(({ policy: name, verdict }) => name === 'twice' && verdict === 'replaced')).toMatchObject({
      numbers: { calls: 2 },
    })
    const kept = await played(clock, stack, slowThenQuick, { operation: 'get', key: 'a' })
    expect(told(kept.decisions)).toEqual(['coalesce hit', 'coalesce answered'])
    expect(kept).toMatchObject({ decidedBy: 'coalesce', calls: 0 })
  })

  it('tells apart calls that run at the same time through the same policies', async () => {
    const clock = new VirtualClock()
    const stack = compose(retry({ backoff, clock }), bulkhead({ limit: 5, clock }))
    const heard: string[] = []
    const [failing, succeeding] = [
      explain(stack, () => Promise.reject(new Error('down')), {
        onDecision: ({ policy, verdict }) => heard.push(`${policy} ${verdict}`),
      }),
      explain(stack, scripted({ clock }).resolvesAfter(15, 'ok')),
    ]
    await clock.advance(100)
    expect(told((await succeeding).decisions)).toEqual(['bulkhead admitted', 'operation returned', 'bulkhead learnt'])
    expect(told((await failing).decisions).filter((one) => one.startsWith('retry'))).toEqual([
      'retry scheduled',
      'retry scheduled',
      'retry gave-up',
    ])
    expect(heard).toEqual(told((await failing).decisions))
  })

  it('is made for synchronous calls too', () => {
    const breaker = circuitBreaker({ trip: { consecutive: 2 } })
    const stack = compose(retry({ backoff: () => 0 }), breaker)
    const account = explainSync(stack, () => {
      throw new Error('down')
    })
    expect(account).toMatchObject({ outcome: 'rejected', decidedBy: 'circuit-breaker', calls: 2 })
    expect(explainSync(noop, () => 1)).toMatchObject({ outcome: 'succeeded', value: 1 })
    expect(() => explainSync(timeout('1s'), () => 1)).toThrow('synchronous')
    expect(() => explainSync(breaker, 5 as never)).toThrow("'operation' must be a function: got 5")
    expect(() => explainSync(noop, () => Promise.resolve(1))).toThrow('needs policies and an operation that return a value')
  })

  it('bounds synchronous calls as the policy itself does: by `within`, and by a signal that was aborted before', () => {
    const clock = new VirtualClock()
    const fails = () => {
      throw new Error('down')
    }
    const account = explainSync(retry({ backoff: [50], clock }), fails, { within: 40 })
    expect(account.decisions.at(-1)!.reason).toBe('no attempt after number 1 of 3: down: it would not be done in time')
    expect(explainSync(noop, fails, { signal: AbortSignal.abort('before') })).toMatchObject({
      outcome: 'cancelled',
      decidedBy: 'caller',
      calls: 0,
    })
  })

  it('is a page for people', async () => {
    const clock = new VirtualClock()
    const breaker = circuitBreaker({ openFor: '1m', clock })
    breaker.isolate('under repair')
    const account = await played(clock, compose(retry({ clock }), breaker), () => 1, { operation: 'pay', id: 'x1', key: 'ada' })
    expect(formatExplanation(account)).toBe(
      [
        'pay x1 for ada: rejected after 0ms, 0 calls of the operation, decided by circuit-breaker',
        '  CircuitOpenError ERR_CIRCUIT_ISOLATED: circuit is isolated: under repair',
        '  Somebody took this target out of use; reset the breaker to admit calls again.',
        '  at   attempt  who              what      why',
        '  0ms  1        circuit-breaker  rejected  circuit is isolated: under repair (state=isolated, consecutiveFailures=0, calls=0, failures=0)',
        '  0ms  1        retry            gave-up   no attempt after number 1 of 3: circuit is isolated: under repair: another try would not help (elapsedMs=0ms)',
      ].join('\n'),
    )
  })

  it('is JSON but for its value and error, and holds nothing that is not known', async () => {
    const { error, ...account } = await explain(retry({ maxAttempts: 1 }), () => Promise.reject(new Error('down')))
    expect(JSON.parse(JSON.stringify(account))).toStrictEqual(account)
    expect(error).toBeInstanceOf(Error)
  })

  it('lends the operation the caller’s own signal, and ends when that aborts, whatever the operation does', async () => {
    const clock = new VirtualClock()
    const controller = new AbortController()
    const { signal } = controller
    expect((await explain(retry({ clock }), (execution) => execution.signal, { signal })).value).toBe(signal)
    const leaving = explain(noop, scripted().hangs(), { signal })
    controller.abort('enough')
    const { outcome, decisions } = await leaving
    expect([outcome, decisions.map(({ policy: who, reason }) => `${who}: ${reason}`)]).toEqual([
      'cancelled',
      ['caller: the caller cancelled', 'operation: still running'],
    ])
  })

  it('tells of the operation how long it took, how it failed, and what of it still goes on', async () => {
    const clock = new VirtualClock()
    clock.setTimer(7, () => {})
    await clock.advance(7)
    const operation = scripted({ clock }).rejectsAfter(5, new Error('busy'), 1).resolvesAfter(30, 'late')
    const stack = compose(timeout({ limit: 50, clock }), retry({ backoff, clock }))
    const { decisions } = await played(clock, stack, operation)
    const own = decisions.filter(({ policy: who }) => who === 'operation')
    expect(own.map(({ atMs, verdict, numbers, error }) => ({ atMs, verdict, numbers, error: error?.message }))).toEqual([
      { atMs: 5, verdict: 'failed', numbers: { tookMs: 5 }, error: 'busy' },
      { atMs: 45, verdict: 'returned', numbers: { tookMs: 30 }, error: undefined },
    ])
    const hanging = scripted({ clock }).fails(1).hangs()
    const cut = await played(clock, stack, hanging)
    expect(cut.decisions.at(-1)).toMatchObject({ atMs: 50, verdict: 'still-running', attempt: 2, numbers: { forMs: 40 } })
  })

  it('changes nothing: random calls of random stacks end as they do unexplained, at the same time, with the same events', async () => {
    const visible = ({ calls, events }: Story) => ({ calls, events })
    const plans = fc.array(policyPlan, { minLength: 1, maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(plans, fc.array(callPlan, { minLength: 1, maxLength: 6 }), async (stack, calls) => {
        const make = (clock: VirtualClock) => compose(...stack.map((plan) => build(plan, clock)), bulkhead({ limit: 1e6, clock }))
        expect(visible(await run((clock) => explained(make(clock)), calls))).toEqual(visible(await run(make, calls)))
      }),
      { numRuns: 300 },
    )
  })

  it('keeps what stages may have beside: grace, early release, abandoned places, rights that go back', async () => {
    const clock = new VirtualClock()
    const grace = timeout({ limit: 10, grace: 20, clock })
    expect(await played(clock, grace, scripted({ clock }).hangs())).toMatchObject({ outcome: 'timed-out', durationMs: 30 })
    const kept = bulkhead({ limit: 1, clock })
    await played(clock, compose(timeout({ limit: 10, clock }), kept), scripted({ clock }).hangs())
    expect(kept.snapshot()).toMatchObject({ inFlight: 1, abandoned: 1 })
    const released = bulkhead({ limit: 1, clock })
    await played(clock, compose(timeout({ limit: 10, release: 'at-once', clock }), released), scripted({ clock }).hangs())
    expect(released.snapshot().inFlight).toBe(0)
    const extra = budget({ ratio: 0, minPerSecond: 0.1, clock })
    const controller = new AbortController()
    clock.setTimer(5, () => controller.abort('enough'))
    const { signal } = controller
    const leaving = explain(retry({ backoff, budget: extra, clock }), () => Promise.reject(new Error('down')), { signal })
    await clock.advance(4)
    expect(extra.snapshot().extras).toBe(1)
    await clock.advance(2)
    expect(extra.snapshot().extras).toBe(0)
    const left = await leaving
    expect(left).toMatchObject({ outcome: 'cancelled', decidedBy: 'caller', error: 'enough' })
    expect(left.decisions.at(-1)).toMatchObject({ policy: 'caller', verdict: 'cancelled' })
  })

  it('ends with the answer: what happens later is not in it', async () => {
    const clock = new VirtualClock()
    const operation = scripted({ clock }).resolvesAfter(100, 'late')
    const { decisions, durationMs } = await played(
      clock,
      compose(timeout({ limit: 10, clock }), bulkhead({ limit: 1, clock })),
      operation,
    )
    expect(durationMs).toBe(10)
    expect(Math.max(...decisions.map(({ atMs }) => atMs))).toBe(10)
    expect(told(decisions)).toEqual(['timeout armed', 'bulkhead admitted', 'timeout expired', 'operation still-running'])
  })

  it('takes for a cancel only what the caller’s signal says, and tells of `within`', async () => {
    const clock = new VirtualClock()
    const controller = new AbortController()
    const failing = explainSync(
      noop,
      () => {
        controller.abort('too late')
        throw new Error('own')
      },
      { signal: controller.signal },
    )
    expect(failing).toMatchObject({ outcome: 'failed', decidedBy: 'operation' })
    const account = await played(clock, retry({ clock }), scripted({ clock }).hangs(), { within: 5 })
    expect(account.decisions).toMatchObject([
      { policy: 'within', verdict: 'expired', numbers: { limitMs: 5 }, reason: 'the whole call took too long' },
      { policy: 'operation', verdict: 'still-running', numbers: { forMs: 5 } },
    ])
  })

  it('takes for its own `within` no other one: of a call inside, of the caller’s, or of a policy called so', async () => {
    const clock = new VirtualClock()
    const inner = retry({ clock })
    const nested = () => inner.execute(scripted({ clock }).hangs(), { within: 5 })
    const controller = new AbortController()
    const full = bulkhead({ limit: 1, name: 'within', clock })
    full.acquire()
    const late: unknown = (await played(clock, inner, scripted().hangs(), { within: 5 })).error
    clock.setTimer(3, () => controller.abort(late))
    const accounts = [
      await played(clock, retry({ maxAttempts: 1, clock }), nested),
      await played(clock, noop, scripted().hangs(), { signal: controller.signal }),
      await played(clock, full, () => 1),
    ]
    expect(accounts.map(({ outcome, decidedBy }) => [outcome, decidedBy])).toEqual([
      ['timed-out', 'operation'],
      ['cancelled', 'caller'],
      ['rejected', 'within'],
    ])
    expect(accounts.flatMap(({ decisions }) => told(decisions))).not.toContain('within expired')
  })

  it('counts for each passage through a layer its own calls, also under executions that are not its own', async () => {
    const clock = new VirtualClock()
    const mine = policy('mine', (next) => async (execution) => next(execution))
    const shared = coalesce({ clock })
    const stack = compose(retry({ backoff, clock }), mine, shared)
    const { decisions } = await played(clock, stack, scripted({ clock }).fails(2).resolves('ok'), { key: 'a' })
    const passages = decisions.filter(
      ({ policy: name, verdict }) => name === 'mine' || (name === 'coalesce' && verdict === 'passed'),
    )
    expect(passages.map(({ policy: name, verdict, attempt, numbers }) => [name, verdict, attempt, numbers.calls])).toEqual(
      [1, 2, 3].flatMap((attempt) => [
        ['coalesce', 'passed', attempt, 1],
        ['mine', 'passed', attempt, 1],
      ]),
    )
  })

  it('leaves nothing behind: no listener on a policy, none on the caller’s signal, no timer', async () => {
    const clock = new VirtualClock()
    const parts = [
      retry({ backoff, clock }),
      circuitBreaker({ clock }),
      timeout({ limit: 50, clock }),
      bulkhead({ limit: 1, clock }),
    ]
    const { signal } = new AbortController()
    await played(clock, compose(...parts), scripted({ clock }).fails(1).resolvesAfter(5, 'ok'), { signal, within: '10s' })
    expect(parts.map(({ events }) => events.active)).toEqual(parts.map(() => false))
    expect(clock.pendingTimers()).toBe(0)
  })

  // T: 24
  it('leaves no listener behind when the call is refused as misuse, or a layer cannot be applied', async () => {
    const [outer, limit] = [retry(), timeout('1s')]
    const broken = policy('broken', () => {
      throw new Error('cannot be linked')
    })
    expect(() => explainSync(compose(outer, limit), () => 1)).toThrow('synchronous')
    await expect(explain(compose(outer, broken, limit), () => 1)).rejects.toThrow('cannot be linked')
    expect([outer.events.active, limit.events.active]).toEqual([false, false])
  })

  it('is not disturbed by who listens, nor by a policy that cannot describe itself', async () => {
    const mute = retry()
    mute.describe = () => {
      throw new Error('mute')
    }
    const account = await explain(mute, () => 1, {
      onDecision: () => {
        throw new Error('in a listener')
      },
    })
    expect(account).toMatchObject({ outcome: 'succeeded', value: 1 })
  })
})

/** The same policy, each call of which is explained. */
function explained(stack: Policy): Policy {
  const execute: Policy['execute'] = async (operation, options) => {
    const account = await explain(stack, operation, options)
    if ('error' in account) throw account.error
    return account.value as never
  }
  return Object.assign(Object.create(stack) as Policy, { execute, observe: stack.observe.bind(stack) })
}
