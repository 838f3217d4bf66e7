/**
 * Every policy × when the caller cancels × how the operation ends, alone and deep in a stack. The callers' answer, and that
 * nothing remains, do not depend on any of it.
 */
import { describe, expect, it } from 'vitest'
import { compose, noop, type Policy, policy } from '../../src/core/policy.ts'
import { type Bulkhead, bulkhead } from '../../src/policies/bulkhead/bulkhead.ts'
import { circuitBreaker } from '../../src/policies/circuit-breaker/circuit-breaker.ts'
import { type RateLimiter, rateLimiter } from '../../src/policies/rate-limiter/rate-limiter.ts'
import { retry } from '../../src/policies/retry/retry.ts'
import { timeout } from '../../src/policies/timeout/timeout.ts'
import { scripted } from '../../src/testing/scripted-operation.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { CountedController } from './counted-signal.ts'

const between = policy('between', (next) => next)

/** How to make a call of each policy wait before it runs, or between attempts. */
const policies: Record<string, (clock: VirtualClock) => { policy: Policy; makeWait?: () => void; failFirst?: boolean }> = {
  noop: (clock) => ({ policy: bulkhead({ limit: 1_000_000, clock }) }),
  retry: (clock) => ({ policy: retry({ backoff: () => 1000, clock }), makeWait: () => {}, failFirst: true }),
  breaker: (clock) => ({ policy: circuitBreaker({ clock }) }),
  timeout: (clock) => ({ policy: timeout({ limit: 10_000, clock }) }),
  bulkhead: (clock) => {
    const slots = bulkhead({ limit: 1, queue: 1, clock })
    return { policy: slots, makeWait: () => void slots.acquire() }
  },
  limiter: (clock) => {
    const limiter = rateLimiter({ limit: 1, per: 1000, maxWait: 5000, clock })
    return { policy: limiter, makeWait: () => void limiter.consume() }
  },
}

const surroundings: Record<string, (policy: Policy, clock: VirtualClock) => Policy> = {
  alone: (policy) => policy,
  'inside a timeout': (policy, clock) => compose(timeout({ limit: 60_000, clock }), policy),
  'inside a retry, apart': (policy, clock) => compose(retry({ clock, backoff: () => 7 }), between, policy),
  'around a breaker and a timeout': (policy, clock) =>
    compose(policy, circuitBreaker({ clock }), timeout({ limit: 60_000, clock })),
}

const reasons: Record<string, unknown> = { 'an error': new Error('enough'), undefined: undefined, null: null, text: 'enough' }

for (const [name, make] of Object.entries(policies)) {
  for (const [where, around] of Object.entries(surroundings)) {
    describe(`${name}, ${where}`, () => {
      const begin = (waiting = false) => {
        const clock = new VirtualClock()
        const made = make(clock)
        if (waiting) made.makeWait?.()
        const controller = new CountedController()
        const stack = around(made.policy, clock)
        const operation = scripted<unknown>({ clock })
        if (waiting && made.failFirst) operation.fails(1)
        const call = (within?: number) => {
          const end = { settled: false, error: undefined as unknown, value: undefined as unknown }
          stack.execute(operation, { signal: controller.signal, within }).then(
            (value) => Object.assign(end, { settled: true, value }),
            (error: unknown) => Object.assign(end, { settled: true, error }),
          )
          return end
        }
        const nothingRemains = (): void => {
          expect([controller.listeners, clock.pendingTimers()]).toEqual([0, 0])
          if (made.policy.name === 'bulkhead') expect((made.policy as Bulkhead).snapshot().queued).toBe(0)
          if (made.policy.name === 'rate-limiter' && waiting)
            expect((made.policy as RateLimiter).decide().retryAfterMs).toBeLessThanOrEqual(1000)
        }
        return { clock, controller, operation, call, nothingRemains, waits: made.makeWait !== undefined }
      }

      // T: 12
      it('cancelled beforehand never runs', async () => {
        for (const reason of Object.values(reasons)) {
          const { clock, controller, operation, call, nothingRemains } = begin()
          controller.abort(reason)
          const end = call()
          await clock.advance(0)
          expect(end).toMatchObject({ settled: true, error: controller.signal.reason })
          expect([operation.calls.length, controller.added]).toEqual([0, 0])
          nothingRemains()
        }
      })

      // T: 12, 17
      it('cancelled while it waits is answered at once, and never runs, or not again', async () => {
        const { clock, controller, operation, call, nothingRemains, waits } = begin(true)
        if (!waits) return
        operation.thenReturns('ok')
        const end = call()
        await clock.advance(5)
        const before = operation.calls.length
        controller.abort('enough')
        await clock.advance(0)
        expect(end).toMatchObject({ settled: true, error: 'enough' })
        nothingRemains()
        await clock.advance(100_000)
        expect(operation.calls.length).toBe(before)
      })

      // T: 12, 13, 14
      it('cancelled while it runs is answered at once, whether the operation obeys or not', async () => {
        for (const obeys of [true, false]) {
          const { clock, controller, operation, call, nothingRemains } = begin()
          if (obeys) operation.hangsUntilAborted()
          else operation.hangs()
          const end = call()
          await clock.advance(5)
          controller.abort('enough')
          await clock.advance(0)
          expect(end).toMatchObject({ settled: true, error: 'enough' })
          operation.release('late')
          await clock.advance(100_000)
          expect(operation.calls.length).toBe(1)
          nothingRemains()
          expect(clock.pendingTimers({ includeIdle: true })).toBe(0)
        }
      })

      // T: 12, 14
      it('cancelled while it settles has one answer, and nothing is run again', async () => {
        for (const settle of ['value', 'error'] as const) {
          const { clock, controller, operation, call, nothingRemains } = begin()
          operation.plays(() => {
            // Both happen within one turn: the operation settles, and before anybody hears of it the caller cancels.
            controller.abort('enough')
            return settle === 'value' ? Promise.resolve('ok') : Promise.reject(new Error('failed'))
          })
          const end = call()
          await clock.advance(100_000)
          expect(end).toMatchObject({ settled: true, error: 'enough' })
          expect(operation.calls.length).toBe(1)
          nothingRemains()
        }
      })

      it('cancelled after it settled changes nothing', async () => {
        const { clock, controller, operation, call, nothingRemains } = begin()
        operation.thenReturns('ok')
        const end = call()
        await clock.advance(0)
        expect(end).toMatchObject({ settled: true, value: 'ok' })
        nothingRemains()
        controller.abort('enough')
        await clock.advance(100_000)
        expect(end).toMatchObject({ value: 'ok', error: undefined })
      })

      // T: 26
      it('out of its whole time is answered at that moment, waiting or running', async () => {
        for (const waiting of [false, true]) {
          const { clock, controller, operation, call, waits } = begin(waiting)
          if (waiting && !waits) continue
          operation.hangs()
          const end = call(50)
          await clock.advance(50)
          expect(end.settled).toBe(true)
          expect(end.error).toSatisfy(
            (error: { code?: string; message: string }) =>
              ['ERR_TIMEOUT', 'ERR_RATE_LIMITED'].includes(String(error.code)) || error.message.startsWith('scripted failure'),
          )
          operation.release()
          await clock.advance(100_000)
          expect([controller.listeners, clock.pendingTimers()]).toEqual([0, 0])
        }
      })

      // T: 32
      it('passes any value, and any thrown thing, thrown at once or later', async () => {
        const thenable = { then: (resolve: (value: string) => void) => resolve('from a thenable') }
        for (const value of [undefined, null, 0, '', false, Number.NaN, Symbol.iterator, [], () => 1]) {
          for (const wrapped of [value, Promise.resolve(value)]) {
            const { clock, operation, call, nothingRemains } = begin()
            operation.plays(() => wrapped)
            const end = call()
            await clock.advance(0)
            expect([end.settled, end.value]).toEqual([true, value])
            nothingRemains()
          }
        }
        const { clock: waiting, operation: odd, call: callOdd } = begin()
        odd.plays(() => thenable as PromiseLike<string>)
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
            nothingRemains()
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
