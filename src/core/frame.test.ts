import { describe, expect, it, vi } from 'vitest'
import { bulkhead } from '../policies/bulkhead/bulkhead.ts'
import { rateLimiter } from '../policies/rate-limiter/rate-limiter.ts'
import { retry } from '../policies/retry/retry.ts'
import { timeout } from '../policies/timeout/timeout.ts'
import { scripted } from '../testing/scripted-operation.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { compose, type Policy, policy } from './policy.ts'

const clock = new VirtualClock()
const settled = (promise: Promise<unknown>) =>
  promise.then(
    (value) => ({ value }),
    (error) => ({ error }),
  )

describe('what comes of work at once', () => {
  const down = new Error('down')
  const seenBy = async (stack: Policy, operation: () => unknown): Promise<readonly unknown[]> => {
    const seen: unknown[] = []
    const watching = policy('watching', (next) => (execution) => {
      const answer = next(execution)
      seen.push(answer)
      return answer
    })
    await settled(compose(watching, stack).execute(operation))
    return seen
  }

  it('is passed on at once: a value as it is, an error as a rejection', async () => {
    const slots = bulkhead({ limit: 1, clock })
    for (const stack of [slots, compose(slots, rateLimiter({ limit: 100, per: 1, clock }))]) {
      expect(await seenBy(stack, () => 'now')).toEqual(['now'])
      const failing = seenBy(stack, () => {
        throw down
      })
      expect(await failing).toEqual([expect.any(Promise)])
    }
  })

  it('is heard as soon when it is an error as when it is a value', async () => {
    const stack = compose(bulkhead({ limit: 1, clock }), rateLimiter({ limit: 100, per: 1, clock }))
    const turnsOf = async (operation: () => Promise<unknown>): Promise<number> => {
      let ended = false
      void settled(stack.execute(operation)).then(() => (ended = true))
      let turns = 0
      while (!ended) {
        await Promise.resolve()
        turns++
      }
      return turns
    }
    expect(await turnsOf(() => Promise.reject(down))).toBe(await turnsOf(() => Promise.resolve('ok')))
  })
})

describe('policies in one frame', () => {
  it('read the clock once for all of them, and not at all where none of them asks', async () => {
    const counting = new VirtualClock()
    const read = vi.spyOn(counting, 'now')
    const readsOf = async (...policies: readonly Policy[]): Promise<number> => {
      read.mockClear()
      expect(await compose(...policies).execute(() => 'ok')).toBe('ok')
      return read.mock.calls.length
    }
    const bounded = retry({ maxElapsed: '1m', clock: counting })
    const rate = rateLimiter({ limit: 100, per: '10s', clock: counting })
    const slots = bulkhead({ limit: 1, clock: counting })
    expect(await readsOf(bounded, rate, slots)).toBe(1)
    expect(await readsOf(bounded, rate, slots, timeout({ limit: 100, clock: counting }))).toBe(1)
    expect(await readsOf(retry({ clock: counting }), slots)).toBe(0)
    expect(await readsOf(slots, timeout({ limit: Number.POSITIVE_INFINITY, clock: counting }))).toBe(0)
  })
})

it.each([
  [10, 20],
  [20, 10],
])('of two timeouts side by side, %i and %i, the shorter one ends the call', async (outer, inner) => {
  const stack = compose(timeout({ limit: outer, clock }), bulkhead({ limit: 1, clock }), timeout({ limit: inner, clock }))
  const startedAt = clock.now()
  const end = settled(stack.execute(scripted().hangs(1))).then((answer) => ({ ...answer, at: clock.now() - startedAt }))
  await clock.advance(30)
  expect(await end).toMatchObject({ at: 10, error: { code: 'ERR_TIMEOUT' } })
})

it('the layer of a timeout may be called again with the same execution', async () => {
  const twice = policy('twice', (next) => {
    const bounded = timeout({ limit: 10, clock }).layer(next)
    return async (execution) => {
      try {
        return await bounded(execution)
      } catch {
        return await bounded(execution)
      }
    }
  })
  const end = settled(twice.execute(scripted<string>().hangs(1).thenReturns('ok')))
  await clock.advance(20)
  expect(await end).toEqual({ value: 'ok' })
})
