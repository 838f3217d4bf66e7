/**
 * Every policy × when the caller cancels × how the operation ends, alone and deep in a stack. The callers' answer, and that
 * nothing remains, do not depend on any of it.
 */
import { describe, expect, it } from 'vitest'
import { compose, noop, type Policy, policy } from '../../src/core/policy.ts'
import { circuitBreaker } from '../../src/policies/circuit-breaker/circuit-breaker.ts'
import { retry } from '../../src/policies/retry/retry.ts'
import { timeout } from '../../src/policies/timeout/timeout.ts'
import { scripted } from '../../src/testing/scripted-operation.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { inFlight, names } from '../composition/twelve.ts'
import { CountedController } from './counted-signal.ts'
import { type Made, subjects } from './twelve.ts'

const between = policy('between', (next) => next)

const surroundings: Record<string, (policy: Policy, clock: VirtualClock) => Policy> = {
  alone: (policy) => policy,
  'inside a timeout': (policy, clock) => compose(timeout({ limit: 60_000, clock }), policy),
  'inside a retry, apart': (policy, clock) => compose(retry({ clock, backoff: () => 7 }), between, policy),
  'around a breaker and a timeout': (policy, clock) =>
    compose(policy, circuitBreaker({ clock }), timeout({ limit: 60_000, clock })),
}

const reasons: Record<string, unknown> = { 'an error': new Error('enough'), undefined: undefined, null: null, text: 'enough' }

const thenable = { then: (resolve: (value: string) => void) => resolve('from a thenable') } as PromiseLike<string>

/** The ways in which an operation may come to an end, good and bad. */
const endings: Readonly<Record<string, () => unknown>> = {
  'throws an error': () => {
    throw new Error('failed')
  },
  'throws what is no error': () => {
    throw 'failed'
  },
  'throws undefined': () => {
    throw undefined
  },
  'rejects with an error': () => Promise.reject(new Error('failed')),
  'rejects with what is no error': () => Promise.reject('failed'),
  'rejects with undefined': () => Promise.reject(undefined),
  'returns undefined': () => undefined,
  'returns a thenable': () => thenable,
  'returns a thenable that rejects': () => ({
    then: (_: unknown, reject: (error: unknown) => void) => reject('failed'),
  }),
  'returns what throws when it is looked at': () => ({
    get then() {
      throw new Error('not to be read')
    },
  }),
  'resolves to an error': () => Promise.resolve(new Error('a value')),
}

it('has every policy in its table', () => {
  expect(Object.keys(subjects)).toEqual(names)
})

for (const [name, subject] of Object.entries(subjects)) {
  for (const [where, around] of Object.entries(surroundings)) {
    describe(`${name}, ${where}`, () => {
      const begin = (make: (clock: VirtualClock) => Made = subject.make) => {
        const clock = new VirtualClock()
        const made = make(clock)
        const controller = new CountedController()
        const stack = around(made.policy, clock)
        const operation = scripted<unknown>({ clock })
        if ('failFirst' in made) operation.fails(1, made.failFirst)
        const call = (within?: number) => {
          const end = { settled: false, error: undefined as unknown, value: undefined as unknown }
          stack.execute(operation, { signal: controller.signal, within }).then(
            (value) => Object.assign(end, { settled: true, value }),
            (error: unknown) => Object.assign(end, { settled: true, error }),
          )
          return end
        }
        /** No listener and no timer at once; no place once all that was held is given back, and no timer of any kind. */
        const nothingRemains = async (): Promise<void> => {
          expect([controller.listeners, clock.pendingTimers()]).toEqual([0, 0])
          made.letGo?.()
          await clock.advance(100_000)
          for (const [what, count] of Object.entries(inFlight(made.policy))) expect(count, what).toBe(0)
          expect([controller.listeners, clock.pendingTimers({ includeIdle: true })]).toEqual([0, 0])
        }
        return { clock, controller, operation, call, nothingRemains }
      }

      // T: 12
      it('cancelled beforehand never runs', async () => {
        for (const reason of Object.values(reasons)) {
          for (const end of Object.values(endings)) {
            const { clock, controller, operation, call, nothingRemains } = begin()
            operation.plays(end)
            controller.abort(reason)
            const cancelled = call()
            await clock.advance(0)
            expect(cancelled).toMatchObject({ settled: true, error: controller.signal.reason })
            expect([operation.calls.length, controller.added]).toEqual([0, 0])
            await nothingRemains()
          }
        }
      })

      if (typeof subject.waits === 'string')
        it(`never waits, since ${subject.waits}`, async () => {
          const { operation, call, nothingRemains, clock } = begin()
          operation.returns('ok')
          call()
          expect(operation.calls.length).toBe(1)
          await clock.advance(0)
          await nothingRemains()
        })
      else {
        const { waits } = subject
        // T: 12, 17
        it('cancelled while it waits is answered at once, and never runs, or not again', async () => {
          for (const end of Object.values(endings)) {
            const { clock, controller, operation, call, nothingRemains } = begin(waits)
            operation.plays(end)
            const cancelled = call()
            await clock.advance(5)
            expect(cancelled.settled).toBe(false)
            const before = operation.calls.length
            controller.abort('enough')
            await clock.advance(0)
            expect(cancelled).toMatchObject({ settled: true, error: 'enough' })
            await nothingRemains()
            expect(operation.calls.length).toBe(before)
          }
        })
      }

      // T: 12, 13, 14
      it('cancelled while it runs is answered at once, and however the operation ends then', async () => {
        for (const [how, end] of Object.entries({ ...endings, 'when told to': undefined })) {
          const { clock, controller, operation, call, nothingRemains } = begin()
          if (end === undefined) operation.hangsUntilAborted()
          else operation.plays(() => new Promise((resolve) => clock.setTimer(20, () => resolve(undefined))).then(end))
          const cancelled = call()
          await clock.advance(5)
          controller.abort('enough')
          await clock.advance(0)
          expect(cancelled, how).toMatchObject({ settled: true, error: 'enough' })
          await clock.advance(100)
          expect(operation.calls.length, how).toBe(1)
          await nothingRemains()
        }
      })

      // T: 12, 14
      it('cancelled while it settles has one answer, and nothing is run again', async () => {
        for (const [how, end] of Object.entries(endings)) {
          const { clock, controller, operation, call, nothingRemains } = begin()
          operation.plays(() => {
            // Both happen within one turn: the operation settles, and before anybody hears of it the caller cancels.
            controller.abort('enough')
            return end()
          })
          const cancelled = call()
          await clock.advance(100_000)
          expect(cancelled, how).toMatchObject({ settled: true, error: 'enough' })
          expect(operation.calls.length, how).toBe(1)
          await nothingRemains()
        }
      })

      it('cancelled after it settled changes nothing', async () => {
        const { clock, controller, operation, call, nothingRemains } = begin()
        operation.thenReturns('ok')
        const end = call()
        await clock.advance(0)
        expect(end).toMatchObject({ settled: true, value: 'ok' })
        await nothingRemains()
        controller.abort('enough')
        await clock.advance(100_000)
        expect(end).toMatchObject({ value: 'ok', error: undefined })
      })

      // T: 26
      it('out of its whole time is answered at that moment, waiting or running', async () => {
        for (const make of [subject.make, ...(typeof subject.waits === 'string' ? [] : [subject.waits])]) {
          const { clock, operation, call, nothingRemains } = begin(make)
          operation.hangs()
          const end = call(50)
          await clock.advance(50)
          expect(end.settled).toBe(true)
          expect(end.error).toSatisfy(
            (error: { code?: string; message: string }) =>
              ['ERR_TIMEOUT', 'ERR_RATE_LIMITED'].includes(String(error.code)) || error.message === 'waits after this',
          )
          operation.release()
          await clock.advance(0)
          await nothingRemains()
        }
      })

      // T: 32
      it('passes any value, and any thrown thing, thrown at once or later', async () => {
        for (const value of [undefined, null, 0, '', false, Number.NaN, Symbol.iterator, [], () => 1]) {
          for (const wrapped of [value, Promise.resolve(value)]) {
            const { clock, operation, call, nothingRemains } = begin()
            operation.plays(() => wrapped)
            const end = call()
            await clock.advance(0)
            expect([end.settled, end.value]).toEqual([true, value])
            await nothingRemains()
          }
        }
        const { clock: waiting, operation: odd, call: callOdd } = begin()
        odd.plays(() => thenable)
        const fromThenable = callOdd()
        await waiting.advance(1)
        expect(fromThenable.value).toBe('from a thenable')
        for (const thrown of [undefined, null, 0, 'text', Symbol.iterator, { plain: true }, new Error('real')]) {
          for (const sync of [true, false]) {
            const { clock, operation, call, nothingRemains } = begin()
            operation.plays(() => {
              if (sync) throw thrown
              return Promise.reject(thrown)
            })
            const end = call()
            await clock.advance(100_000)
            expect([end.settled, Object.is(end.error, thrown)]).toEqual([true, true])
            await nothingRemains()
          }
        }
      })
    })
  }
}

it('noop is cancelled and passes values like any other', async () => {
  const controller = new CountedController()
  const end = noop.execute(scripted().hangs(), { signal: controller.signal })
  controller.abort('enough')
  await expect(end).rejects.toBe('enough')
})
