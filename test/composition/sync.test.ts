/** What can be synchronous is the same synchronously: one table, run through `execute` and `executeSync`. */
import { describe, expect, it } from 'vitest'
import { compose, type Policy } from '../../src/core/policy.ts'
import { bulkhead } from '../../src/policies/bulkhead/bulkhead.ts'
import { circuitBreaker } from '../../src/policies/circuit-breaker/circuit-breaker.ts'
import { rateLimiter } from '../../src/policies/rate-limiter/rate-limiter.ts'
import { attemptsOf, retry } from '../../src/policies/retry/retry.ts'
import { type ScriptedOperation, scripted } from '../../src/testing/scripted-operation.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'

interface Row {
  readonly what: string
  readonly make: (clock: VirtualClock) => Policy
  readonly script: (operation: ScriptedOperation<unknown>) => unknown
  /** How many calls are made one after the other, and what comes of each. */
  readonly expected: readonly unknown[]
  readonly attempts: readonly number[]
}

const real = new Error('real')
const final = new RangeError('final')
const again = (clock: VirtualClock, options = {}) => retry({ backoff: () => 0, clock, ...options })

const table: readonly Row[] = [
  { what: 'a value', make: (clock) => again(clock), script: (it) => it.returns('ok'), expected: ['ok'], attempts: [1] },
  {
    what: 'a success after failures',
    make: (clock) => again(clock),
    script: (it) => it.throwsSync(2, real).returns('ok'),
    expected: ['ok'],
    attempts: [1, 2, 3],
  },
  {
    what: 'the last error itself',
    make: (clock) => again(clock),
    script: (it) => it.throwsSync(9, real),
    expected: [real],
    attempts: [1, 2, 3],
  },
  {
    what: 'an error that is not retried',
    make: (clock) => again(clock),
    script: (it) => it.throwsSync(9, final),
    expected: [final],
    attempts: [1],
  },
  {
    what: 'a filter of errors',
    make: (clock) => again(clock, { retryIf: (error: unknown) => error === final, maxAttempts: 2 }),
    script: (it) => it.throwsSync(1, final).throwsSync(9, real),
    expected: [real, real],
    attempts: [1, 2, 1],
  },
  {
    what: 'an unacceptable result',
    make: (clock) => again(clock, { retryResult: (value: unknown) => value === 'bad' }),
    script: (it) => it.returns('bad', 1).returns('good'),
    expected: ['good'],
    attempts: [1, 2],
  },
  {
    what: 'a breaker that opens',
    make: (clock) => circuitBreaker({ trip: { consecutive: 2 }, clock }),
    script: (it) => it.throwsSync(9, real),
    expected: [real, real, 'ERR_CIRCUIT_OPEN', 'ERR_CIRCUIT_OPEN'],
    attempts: [1, 1],
  },
  {
    what: 'a breaker inside a retry',
    make: (clock) => compose(again(clock), circuitBreaker({ trip: { consecutive: 2 }, clock })),
    script: (it) => it.throwsSync(9, real),
    expected: ['ERR_CIRCUIT_OPEN'],
    attempts: [1, 2],
  },
  {
    what: 'a breaker that ignores some errors',
    make: (clock) => circuitBreaker({ trip: { consecutive: 1 }, isFailure: (error) => error === real, clock }),
    script: (it) => it.throwsSync(2, final).throwsSync(9, real),
    expected: [final, final, real, 'ERR_CIRCUIT_OPEN'],
    attempts: [1, 1, 1],
  },
  {
    what: 'a limiter that is used up',
    make: (clock) => rateLimiter({ limit: 2, per: '1h', clock }),
    script: (it) => it.returns('ok'),
    expected: ['ok', 'ok', 'ERR_RATE_LIMITED'],
    attempts: [1, 1],
  },
  {
    what: 'a bulkhead whose place is free again',
    make: (clock) => compose(again(clock, { maxAttempts: 2 }), bulkhead({ limit: 1, clock })),
    script: (it) => it.throwsSync(1, real).returns('ok'),
    expected: ['ok', 'ok'],
    attempts: [1, 2, 1],
  },
  {
    what: 'odd values and throws',
    make: (clock) => compose(again(clock, { maxAttempts: 1 }), bulkhead({ limit: 1, clock })),
    script: (it) => it.returns(undefined, 1).returns(null, 1).throwsSync(1, 'text').throwsSync(1, 0).returns('ok'),
    expected: [undefined, null, 'text', 0, 'ok'],
    attempts: [1, 1, 1, 1, 1],
  },
]

const code = (error: unknown): unknown => (error as { code?: unknown } | null)?.code ?? error

describe('execute and executeSync agree on', () => {
  for (const { what, make, script, expected, attempts } of table) {
    // R: X1, R1, R3, P2
    // T: 11, 32
    it(what, async () => {
      const stacks = [new VirtualClock(), new VirtualClock()].map((clock) => ({
        clock,
        stack: make(clock),
        operation: scripted<unknown>({ clock }),
      }))
      const [async, sync] = stacks as [(typeof stacks)[0], (typeof stacks)[0]]
      script(async.operation)
      script(sync.operation)
      for (const outcome of expected) {
        const end = async.stack.execute(async.operation).catch(code)
        await async.clock.advance(1)
        expect(await end).toBe(outcome)
        let result: unknown
        try {
          result = sync.stack.executeSync(sync.operation)
        } catch (error) {
          result = code(error)
        }
        expect(result).toBe(outcome)
      }
      expect([async.operation.attempts, sync.operation.attempts]).toEqual([attempts, attempts])
    })
  }

  it('the history of the attempts', () => {
    const errors = [new Error('first'), new Error('second')]
    const operation = scripted().throwsSync(1, errors[0]).throwsSync(1, errors[1])
    expect(() => retry({ backoff: () => 0, maxAttempts: 2 }).executeSync(operation)).toThrow('second')
    expect(attemptsOf(errors[1])).toEqual(errors)
  })
})
