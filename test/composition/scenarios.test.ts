/**
 * One table of scenarios: a stack, a scripted operation, and what must come of it. Each row runs through `execute`, `explain` and,
 * where its policies can be synchronous, `executeSync`; every run checks outcomes, attempts, executions and which events fired.
 */
import { describe, expect, it } from 'vitest'
import { byOperation } from '../../src/core/by-operation.ts'
import type { HoldfastEvent } from '../../src/core/events.ts'
import { explain, explainSync } from '../../src/core/explain.ts'
import { inspect } from '../../src/core/inspect.ts'
import type { ExecuteOptions, Operation } from '../../src/core/operation.ts'
import { compose, type Policy } from '../../src/core/policy.ts'
import { refusalsAs } from '../../src/core/refusals-as.ts'
import { when } from '../../src/core/when.ts'
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
import { twelve } from './twelve.ts'

interface Call {
  /** A value, or for a failure the error itself or its code. */
  readonly outcome: unknown
  readonly events?: readonly HoldfastEvent['type'][]
  readonly options?: ExecuteOptions
}

interface Scenario {
  readonly what: string
  readonly make: (clock: VirtualClock) => Policy
  readonly script: (operation: ScriptedOperation<unknown>) => unknown
  /** Made one after the other. */
  readonly calls: readonly Call[]
  /** The attempt number of each execution of the operation. */
  readonly attempts: readonly number[]
  /** Why it cannot be synchronous; absent when it can. */
  readonly asyncOnly?: string
}

const down = new Error('down')
const final = new RangeError('final')
const at = (clock: VirtualClock, options = {}) => retry({ backoff: () => 0, clock, ...options })
const times = (count: number, call: Call): readonly Call[] => Array.from({ length: count }, () => call)

const scenarios: readonly Scenario[] = [
  {
    what: 'retry: a success at once is silent',
    make: (clock) => at(clock),
    script: (it) => it.returns('ok'),
    calls: [{ outcome: 'ok', events: [] }],
    attempts: [1],
  },
  {
    what: 'retry: succeeds in the end',
    make: (clock) => at(clock),
    script: (it) => it.throwsSync(2, down).returns('ok'),
    calls: [{ outcome: 'ok', events: ['retry.scheduled', 'retry.scheduled'] }],
    attempts: [1, 2, 3],
  },
  {
    what: 'retry: gives up with the last error',
    make: (clock) => at(clock),
    script: (it) => it.throwsSync(9, down),
    calls: [{ outcome: down, events: ['retry.scheduled', 'retry.scheduled', 'retry.gave-up'] }],
    attempts: [1, 2, 3],
  },
  {
    what: 'retry: gives up at once on what no retry mends',
    make: (clock) => at(clock),
    script: (it) => it.throwsSync(9, final),
    calls: [{ outcome: final, events: ['retry.gave-up'] }],
    attempts: [1],
  },
  {
    what: 'retry: wraps when asked',
    make: (clock) => at(clock, { exhausted: 'wrap', maxAttempts: 2 }),
    script: (it) => it.throwsSync(9, down),
    calls: [{ outcome: 'ERR_RETRIES_EXHAUSTED', events: ['retry.scheduled', 'retry.gave-up'] }],
    attempts: [1, 2],
  },
  {
    what: 'retry: repeats an unacceptable result, and returns the last one',
    make: (clock) => at(clock, { retryResult: (value: unknown) => value === 'bad', maxAttempts: 2 }),
    script: (it) => it.returns('bad'),
    calls: [{ outcome: 'bad', events: ['retry.scheduled', 'retry.gave-up'] }],
    attempts: [1, 2],
  },
  {
    what: 'retry: has rules of its own for an operation',
    make: (clock) => at(clock, { byOperation: { pay: { maxAttempts: 1 } } }),
    script: (it) => it.throwsSync(9, down),
    calls: [
      { outcome: down, events: ['retry.gave-up'], options: { operation: 'pay' } },
      { outcome: down, events: ['retry.scheduled', 'retry.scheduled', 'retry.gave-up'], options: { operation: 'get' } },
    ],
    attempts: [1, 1, 2, 3],
  },
  {
    what: 'retry around retry: the attempts multiply, and each tells its own',
    make: (clock) => compose(at(clock, { maxAttempts: 2 }), at(clock, { maxAttempts: 2 })),
    script: (it) => it.throwsSync(9, down),
    calls: [
      {
        outcome: down,
        events: ['retry.scheduled', 'retry.gave-up', 'retry.scheduled', 'retry.scheduled', 'retry.gave-up', 'retry.gave-up'],
      },
    ],
    attempts: [1, 2, 1, 2],
  },
  {
    what: 'breaker: opens, and then refuses',
    make: (clock) => circuitBreaker({ trip: { consecutive: 2 }, clock }),
    script: (it) => it.throwsSync(9, down),
    calls: [
      { outcome: down, events: [] },
      { outcome: down, events: ['circuit-breaker.changed'] },
      ...times(2, { outcome: 'ERR_CIRCUIT_OPEN', events: ['circuit-breaker.rejected'] }),
    ],
    attempts: [1, 1],
  },
  {
    what: 'breaker inside retry: it opens amid the attempts, and its refusal is not retried',
    make: (clock) => compose(at(clock, { maxAttempts: 5 }), circuitBreaker({ trip: { consecutive: 2 }, clock })),
    script: (it) => it.throwsSync(9, down),
    calls: [
      {
        outcome: 'ERR_CIRCUIT_OPEN',
        events: ['retry.scheduled', 'circuit-breaker.changed', 'retry.scheduled', 'circuit-breaker.rejected', 'retry.gave-up'],
      },
    ],
    attempts: [1, 2],
  },
  {
    what: 'breaker outside retry: it counts calls',
    make: (clock) => compose(circuitBreaker({ trip: { consecutive: 2 }, clock }), at(clock, { maxAttempts: 2 })),
    script: (it) => it.throwsSync(9, down),
    calls: [
      { outcome: down, events: ['retry.scheduled', 'retry.gave-up'] },
      { outcome: down, events: ['retry.scheduled', 'retry.gave-up', 'circuit-breaker.changed'] },
      { outcome: 'ERR_CIRCUIT_OPEN', events: ['circuit-breaker.rejected'] },
    ],
    attempts: [1, 2, 1, 2],
  },
  {
    what: 'limiter inside retry: every attempt asks it',
    make: (clock) => compose(at(clock, { retryAfterMax: 0 }), rateLimiter({ limit: 2, per: '1h', clock })),
    script: (it) => it.throwsSync(9, down),
    calls: [
      {
        outcome: 'ERR_RATE_LIMITED',
        events: ['retry.scheduled', 'retry.scheduled', 'rate-limiter.rejected', 'retry.gave-up'],
      },
    ],
    attempts: [1, 2],
  },
  {
    what: 'limiter by key: each has its own',
    make: (clock) => rateLimiter({ limit: 1, per: '1h', clock }),
    script: (it) => it.returns('ok'),
    calls: [
      { outcome: 'ok', options: { key: 'a' }, events: [] },
      { outcome: 'ERR_RATE_LIMITED', options: { key: 'a' }, events: ['rate-limiter.rejected'] },
      { outcome: 'ok', options: { key: 'b' }, events: [] },
    ],
    attempts: [1, 1],
  },
  {
    what: 'bulkhead: its place is free after each end',
    make: (clock) => compose(at(clock, { maxAttempts: 2 }), bulkhead({ limit: 1, clock })),
    script: (it) => it.throwsSync(1, down).returns('ok'),
    calls: [
      { outcome: 'ok', events: ['retry.scheduled'] },
      { outcome: 'ok', events: [] },
    ],
    attempts: [1, 2, 1],
  },
  {
    what: 'adaptive limiter and throttle: let through what they know nothing against',
    make: (clock) => compose(adaptiveLimiter({ clock }), throttle({ clock })),
    script: (it) => it.throwsSync(1, down).returns('ok'),
    calls: [
      { outcome: down, events: [] },
      { outcome: 'ok', events: [] },
    ],
    attempts: [1, 1],
  },
  {
    what: 'fallback outside retry: answers when all attempts failed',
    make: (clock) => compose(fallback({ use: 'instead', clock }), at(clock, { maxAttempts: 2 })),
    script: (it) => it.throwsSync(9, down),
    calls: [{ outcome: 'instead', events: ['retry.scheduled', 'retry.gave-up', 'fallback.used'] }],
    attempts: [1, 2],
  },
  {
    what: 'fallback inside retry: the retry sees no failure',
    make: (clock) => compose(at(clock), fallback({ use: 'instead', clock })),
    script: (it) => it.throwsSync(9, down),
    calls: [{ outcome: 'instead', events: ['fallback.used'] }],
    attempts: [1],
  },
  {
    what: 'fallback of a refusal: the operation never runs',
    make: (clock) => {
      const breaker = circuitBreaker({ clock })
      breaker.isolate()
      return compose(fallback({ use: 'instead', clock }), breaker)
    },
    script: (it) => it.returns('never'),
    calls: [{ outcome: 'instead', events: ['circuit-breaker.rejected', 'fallback.used'] }],
    attempts: [],
  },
  {
    what: 'coalesce: gives a kept result without running',
    make: (clock) => coalesce({ ttl: '1h', clock }),
    script: (it) => it.returns('first', 1).returns('second'),
    calls: [
      { outcome: 'first', options: { key: 'a' }, events: [] },
      { outcome: 'first', options: { key: 'a' }, events: ['coalesce.hit'] },
      { outcome: 'second', options: { key: 'b' }, events: [] },
    ],
    attempts: [1, 1],
  },
  {
    what: 'budget: ends the retrying with the last error',
    make: (clock) => {
      const extra = budget({ ratio: 0, minPerSecond: 0.1, clock })
      return compose(extra, at(clock, { budget: extra }))
    },
    script: (it) => it.throwsSync(9, down),
    calls: [{ outcome: down, events: ['retry.scheduled', 'budget.exhausted', 'retry.gave-up'] }],
    attempts: [1, 2],
  },
  {
    what: 'chaos inside retry: what it breaks is tried again, without running',
    make: (clock) => compose(at(clock), chaos({ enabled: ({ attempt }) => attempt < 3, rate: 1, fault: () => down, clock })),
    script: (it) => it.returns('ok'),
    calls: [{ outcome: 'ok', events: ['chaos.injected', 'retry.scheduled', 'chaos.injected', 'retry.scheduled'] }],
    attempts: [3],
  },
  {
    what: 'chaos: answers in place of the operation',
    make: (clock) => chaos({ enabled: () => true, rate: 1, result: () => 'chaos', clock }),
    script: (it) => it.returns('ok'),
    calls: [{ outcome: 'chaos', events: ['chaos.injected'] }],
    attempts: [],
  },
  {
    what: 'hedge: switched off it is no obstacle',
    make: (clock) => hedge({ maxHedges: 0, clock }),
    script: (it) => it.throwsSync(1, down).returns('ok'),
    calls: [
      { outcome: down, events: [] },
      { outcome: 'ok', events: [] },
    ],
    attempts: [1, 1],
  },
  {
    what: 'timeout: whose limit is no limit for a call lets it take its time',
    make: (clock) => timeout({ limit: Number.POSITIVE_INFINITY, clock }),
    script: (it) => it.returns('ok'),
    calls: [{ outcome: 'ok', events: [] }],
    attempts: [1],
    asyncOnly: 'a timeout in the frame is refused, whatever its limit',
  },
  {
    what: 'adaptive limiter: refuses when its limit is reached',
    make: (clock) => {
      const limiter = adaptiveLimiter({ initial: 1, max: 1, clock })
      limiter.acquire()
      return limiter
    },
    script: (it) => it.returns('never'),
    calls: [{ outcome: 'ERR_LIMIT_REACHED', events: ['adaptive-limiter.rejected'] }],
    attempts: [],
  },
  {
    what: 'throttle: refuses what the target would not accept',
    make: (clock) => {
      const gentle = throttle({ random: () => 0, clock })
      for (let call = 0; call < 20; call++) gentle.acquire(Number.POSITIVE_INFINITY).fail()
      return gentle
    },
    script: (it) => it.returns('never'),
    calls: [{ outcome: 'ERR_THROTTLED', events: ['throttle.rejected'] }],
    attempts: [],
  },
  {
    what: 'bulkhead: refuses when it is full',
    make: (clock) => {
      const slots = bulkhead({ limit: 1, clock })
      slots.acquire()
      return slots
    },
    script: (it) => it.returns('never'),
    calls: [{ outcome: 'ERR_BULKHEAD_FULL', events: ['bulkhead.rejected'] }],
    attempts: [],
  },
  {
    what: 'switches, choices and converted refusals stand anywhere',
    make: (clock) =>
      compose(
        refusalsAs((code) => Object.assign(new Error(code), { code })),
        byOperation({ get: at(clock, { maxAttempts: 2 }) }),
        when(({ attempt }) => attempt > 1, circuitBreaker({ trip: { consecutive: 1 }, clock })),
      ),
    script: (it) => it.throwsSync(9, down),
    calls: [
      { outcome: down, options: { operation: 'get' }, events: ['retry.scheduled', 'circuit-breaker.changed', 'retry.gave-up'] },
      {
        outcome: 'SERVICE_UNAVAILABLE',
        options: { operation: 'get' },
        events: ['retry.scheduled', 'circuit-breaker.rejected', 'retry.gave-up'],
      },
      { outcome: down, options: { operation: 'put' }, events: [] },
    ],
    attempts: [1, 2, 1, 1],
  },
  {
    what: 'timeout inside retry: each attempt has its time',
    make: (clock) => compose(at(clock, { maxAttempts: 2 }), timeout({ limit: 10, clock })),
    script: (it) => it.hangsUntilAborted(1).returns('ok'),
    calls: [{ outcome: 'ok', events: ['timeout.expired', 'retry.scheduled'] }],
    attempts: [1, 2],
    asyncOnly: 'nothing can interrupt a synchronous operation',
  },
  {
    what: 'timeout outside retry: ends the waiting too',
    make: (clock) => compose(timeout({ limit: 10, clock }), at(clock, { backoff: () => 8 })),
    script: (it) => it.throwsSync(9, down),
    calls: [{ outcome: down, events: ['retry.scheduled', 'retry.gave-up'] }],
    attempts: [1, 2],
    asyncOnly: 'nothing can interrupt a synchronous operation',
  },
  {
    what: 'hedge: the second call answers',
    make: (clock) => hedge({ delay: 10, clock }),
    script: (it) => it.hangsUntilAborted(1).returns('ok'),
    calls: [{ outcome: 'ok', events: ['hedge.started', 'hedge.won', 'hedge.cancelled'] }],
    attempts: [1, 1],
    asyncOnly: 'calls run side by side',
  },
  {
    what: 'limiter with a wait: goes in its turn',
    make: (clock) => rateLimiter({ limit: 1, per: 100, maxWait: 50, clock }),
    script: (it) => it.returns('ok'),
    calls: [
      { outcome: 'ok', events: [] },
      { outcome: 'ok', events: ['rate-limiter.delayed'] },
    ],
    attempts: [1, 1],
    asyncOnly: 'nothing waits for its turn synchronously',
  },
]

type Run = (stack: Policy, operation: Operation<unknown>, options: ExecuteOptions | undefined, clock: VirtualClock) => unknown

/** Each takes no virtual time of its own; both answer the value, or throw. */
const ways: Readonly<Record<string, { readonly run: Run; readonly sync: boolean }>> = {
  execute: {
    sync: false,
    run: async (stack, operation, options, clock) => {
      const end = stack.execute(operation, options)
      end.catch(() => {})
      await clock.advance(60)
      return end
    },
  },
  explain: {
    sync: false,
    run: async (stack, operation, options, clock) => {
      const end = explain(stack, operation, options)
      await clock.advance(60)
      const account = await end
      if ('error' in account) throw account.error
      return account.value
    },
  },
  executeSync: { sync: true, run: (stack, operation, options) => stack.executeSync(operation, options) },
  explainSync: {
    sync: true,
    run: (stack, operation, options) => {
      const account = explainSync(stack, operation, options)
      if ('error' in account) throw account.error
      return account.value
    },
  },
}

for (const [way, { run, sync }] of Object.entries(ways))
  describe(`through ${way}`, () => {
    // R: X1, R1, R3, P2
    for (const { what, make, script, calls, attempts } of scenarios.filter(({ asyncOnly }) => !sync || asyncOnly === undefined))
      it(what, async () => {
        const clock = new VirtualClock()
        const stack = make(clock)
        const operation = scripted<unknown>({ clock })
        script(operation)
        const events: string[] = []
        stack.observe(({ type }) => events.push(type))
        for (const [index, { outcome, events: expected, options }] of calls.entries()) {
          events.length = 0
          let end: unknown
          try {
            end = await run(stack, operation, options, clock)
          } catch (error) {
            end = typeof outcome === 'string' ? (error as { code?: unknown }).code : error
          }
          expect(end, `call ${index + 1}`).toBe(outcome)
          if (expected !== undefined) expect(events, `events of call ${index + 1}`).toEqual(expected)
        }
        expect(operation.attempts).toEqual(attempts)
        expect(operation.running).toBe(0)
        expect(clock.pendingTimers()).toBe(0)
      })
  })

it('the table has every policy, and each that can be synchronous in a row that is', () => {
  const types = (rows: readonly Scenario[]) =>
    new Set(rows.flatMap(({ make }) => inspect(make(new VirtualClock())).parts.map(({ type }) => type)))
  const all = types(scenarios)
  const policies = Object.values(twelve).map((make) => inspect(make(new VirtualClock())).parts[0]!.type)
  expect(policies.filter((type) => !all.has(type))).toEqual([])
  const sync = types(scenarios.filter(({ asyncOnly }) => asyncOnly === undefined))
  expect(policies.filter((type) => !sync.has(type))).toEqual(['timeout'])
})

describe('what cannot be synchronous', () => {
  for (const { what, make, calls, asyncOnly } of scenarios.filter(({ asyncOnly }) => asyncOnly !== undefined))
    it(`says so, or refuses: ${what}: ${asyncOnly}`, () => {
      const stack = make(new VirtualClock())
      const outcomes = calls.map(({ options }) => {
        try {
          return stack.executeSync(() => 'ok', options)
        } catch (error) {
          return (error as { code?: unknown }).code
        }
      })
      expect(['ERR_OPTION', 'ERR_RATE_LIMITED']).toContain(outcomes.at(-1))
    })
})
