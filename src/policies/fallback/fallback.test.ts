import { getEventListeners } from 'node:events'
import { describe, expect, expectTypeOf, it, vi } from 'vitest'
import { type HoldfastEvent, listenerErrors } from '../../core/events.ts'
import { compose, type Policy } from '../../core/policy.ts'
import { scripted } from '../../testing/scripted-operation.ts'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { budget } from '../budget/budget.ts'
import { circuitBreaker } from '../circuit-breaker/circuit-breaker.ts'
import { retry } from '../retry/retry.ts'
import { timeout } from '../timeout/timeout.ts'
import { type FallbackOptions, fallback } from './fallback.ts'

const down = new Error('down')
const clock = new VirtualClock()
const throwing = () => {
  throw down
}

/** The same for both ways to call. */
const ways = [
  ['async', (policy: Policy, run: () => unknown) => policy.execute(run)],
  ['async, a promise', (policy: Policy, run: () => unknown) => policy.execute(async () => run())],
  ['sync', async (policy: Policy, run: () => unknown) => policy.executeSync(run)],
] as const

describe.each(ways)('a fallback, %s', (_way, call) => {
  it('leaves a success alone, undefined and an error as a value too', async () => {
    const use = vi.fn()
    for (const value of [1, undefined, null, down]) expect(await call(fallback({ use }), () => value)).toBe(value)
    expect(use).not.toHaveBeenCalled()
  })

  // T: 32
  it('answers with a value, also undefined', async () => {
    expect(await call(fallback({ use: 'plan b' }), throwing)).toBe('plan b')
    expect(await call(fallback({ use: undefined }), throwing)).toBeUndefined()
    const bare = () => {
      throw 'not an error'
    }
    expect(await call(fallback({ use: 1 }), bare)).toBe(1)
  })

  it('answers with what a function makes of the error and the execution', async () => {
    const use = vi.fn((error: unknown, { operation }: { operation: string | undefined }) => `${operation}: ${String(error)}`)
    expect(await call(fallback({ use }), throwing)).toBe('undefined: Error: down')
    expect(use.mock.calls[0]).toEqual([down, expect.anything(), undefined])
  })

  it('replaces the errors that it handles and no others', async () => {
    const policy = fallback({ use: 'b', handle: (error) => error === down })
    expect(await call(policy, throwing)).toBe('b')
    const other = new Error('other')
    await expect(
      call(policy, () => {
        throw other
      }),
    ).rejects.toBe(other)
    expect((other as { cause?: unknown }).cause).toBeUndefined()
  })

  it('replaces unacceptable results, and its function gets them', async () => {
    const policy = fallback({ use: (error, _execution, result) => [error, result], handleResult: (value) => value === null })
    expect(await call(policy, () => null)).toEqual([undefined, null])
    expect(await call(policy, () => 1)).toBe(1)
    expect(await call(policy, throwing)).toEqual([down, undefined])
  })

  it('that throws fails with its own error, whose cause is the first', async () => {
    const own = new Error('no cache')
    const use = () => {
      throw own
    }
    await expect(call(fallback({ use }), throwing)).rejects.toBe(own)
    expect(own.cause).toBe(down)
    const rethrown = fallback({
      use: (error) => {
        throw error
      },
    })
    await expect(call(rethrown, throwing)).rejects.toBe(down)
    expect(down.cause).toBeUndefined()
    const ofResult = fallback({ use, handleResult: () => true })
    await expect(call(ofResult, () => null)).rejects.toBe(own)
  })

  it('follows another: the outer gets what the inner failed with', async () => {
    const inner = fallback({
      use: () => {
        throw new Error('second')
      },
    })
    const outer = fallback({ use: (error) => [(error as Error).message, ((error as Error).cause as Error).message] })
    expect(await call(compose(outer, inner), throwing)).toEqual(['second', 'down'])
  })

  it('replaces nothing by a rule that throws: what became of the call stands', async () => {
    const report = vi.spyOn(listenerErrors, 'report').mockImplementation(() => {})
    const handle = () => {
      throw new Error('rule')
    }
    await expect(call(fallback({ use: 1, handle }), throwing)).rejects.toBe(down)
    expect(await call(fallback({ use: 1, handleResult: handle }), () => 2)).toBe(2)
    report.mockRestore()
  })

  it('that is an extra call asks its budget, and leaves the failure where there is none', async () => {
    const extra = budget({ minPerSecond: 0.1, window: '10s', clock })
    const use = vi.fn(() => 'plan b')
    const policy = fallback({ use, budget: extra, clock })
    extra.hydrate({ version: 1, at: clock.wallNow(), calls: 0, extras: 0 })
    expect(await call(policy, throwing)).toBe('plan b')
    await expect(call(policy, throwing)).rejects.toBe(down)
    expect(use).toHaveBeenCalledTimes(1)
    expect(await call(fallback({ use, handleResult: () => true, budget: extra, clock }), () => 'poor')).toBe('poor')
  })
})

describe('a fallback with promises', () => {
  it('awaits its function, and adopts thenables of both', async () => {
    const thenable = (value: unknown) => ({ then: (yes: (value: unknown) => void) => yes(value) })
    expect(await fallback({ use: async () => 'later' }).execute(throwing)).toBe('later')
    expect(await fallback({ use: () => thenable('b') as PromiseLike<string> }).execute(throwing)).toBe('b')
    expect(await fallback({ use: 1 }).execute(() => thenable('a') as PromiseLike<string>)).toBe('a')
    const refusing = { then: (_yes: unknown, no: (error: unknown) => void) => no(down) }
    expect(await fallback({ use: 'b' }).execute(() => refusing as PromiseLike<string>)).toBe('b')
    const unreadable = Object.defineProperty({}, 'then', { get: throwing })
    expect(await fallback({ use: 'b' }).execute(() => unreadable)).toBe('b')
  })

  it('gives a rejection of its function the cause too', async () => {
    const own = new Error('no cache')
    await expect(fallback({ use: () => Promise.reject(own) }).execute(throwing)).rejects.toMatchObject({ cause: down })
  })

  it('is refused for a synchronous call that turns out to be a promise', () => {
    expect(() => fallback({ use: 1 }).executeSync(async () => 1)).toThrow(/value, not a promise/)
    expect(() => fallback({ use: async () => 1 }).executeSync(throwing)).toThrow(/value, not a promise/)
    expect(() => compose(fallback({ use: 1, clock }), retry({ clock })).executeSync(async () => 1)).toThrow(/not a promise/)
  })

  it('tells by its type that the answer may be its own', () => {
    const orNothing = fallback({ use: null })
    expectTypeOf(orNothing.execute(() => 7)).resolves.toEqualTypeOf<number | null>()
    const other = fallback({ use: async () => 'text' })
    expectTypeOf(other.execute(() => 7)).resolves.toEqualTypeOf<number | string>()
    expectTypeOf(compose(orNothing).execute(() => 7)).resolves.toEqualTypeOf<number>()
    expectTypeOf(fallback({ use: (error) => String(error) })).toExtend<Policy>()
  })
})

describe('a fallback and the caller who cancels', () => {
  // T: 12, 14
  it.each(['before', 'while running', 'while settling'])('never answers a call that was cancelled %s', async (when) => {
    const use = vi.fn(() => 'b')
    const controller = new AbortController()
    const { signal } = controller
    if (when === 'before') controller.abort('bye')
    const operation = async () => {
      if (when === 'while settling') {
        controller.abort('bye')
        throw down
      }
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(down), { once: true }))
    }
    const call = fallback({ use }).execute(operation, { signal })
    if (when === 'while running') controller.abort('bye')
    await expect(call).rejects.toBe('bye')
    expect(use).not.toHaveBeenCalled()
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })

  it('while its function runs, is released at once, and the function sees the signal', async () => {
    const controller = new AbortController()
    const events: HoldfastEvent[] = []
    let seen: AbortSignal | undefined
    const policy = fallback({
      use: (_error, execution) => {
        seen = execution.signal
        return new Promise<never>((_, reject) => seen!.addEventListener('abort', () => reject(seen!.reason), { once: true }))
      },
    })
    policy.observe((event) => events.push(event))
    const call = policy.execute(throwing, { signal: controller.signal })
    controller.abort('bye')
    await expect(call).rejects.toBe('bye')
    await Promise.resolve()
    expect(events.map(({ type }) => type)).toEqual(['fallback.used'])
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
  })

  it('does not answer a timeout that stands outside of it, and does answer one inside', async () => {
    const use = vi.fn(() => 'b')
    const outside = compose(timeout({ limit: 10, clock }), fallback({ use, clock })).execute(scripted().hangsUntilAborted())
    const inside = compose(fallback({ use, clock }), timeout({ limit: 10, clock })).execute(scripted().hangs())
    outside.catch(() => {})
    await clock.advance(10)
    await expect(outside).rejects.toThrow('timed out after 10 ms')
    expect(await inside).toBe('b')
    expect(use).toHaveBeenCalledTimes(1)
  })
})

describe('a fallback among others', () => {
  it('answers for an open breaker, and when all attempts have failed', async () => {
    const breaker = circuitBreaker({ clock, trip: { consecutive: 2 } })
    const stack = compose(fallback({ use: 'b', clock }), retry({ maxAttempts: 2, backoff: () => 1, clock }), breaker)
    const operation = scripted().fails()
    const first = stack.execute(operation)
    await clock.advance(5)
    expect([await first, await stack.execute(operation), operation.calls.length]).toEqual(['b', 'b', 2])
  })

  // T: 24
  it('tells of what it did, alone and composed', async () => {
    for (const alone of [true, false]) {
      const policy = fallback({ use: () => Promise.reject(new Error('no cache')), handleResult: (value) => value === 0, clock })
      const watched = alone ? policy : compose(retry({ maxAttempts: 1, clock }), policy)
      const events: HoldfastEvent[] = []
      watched.observe((event) => events.push(event))
      await watched.execute(throwing, { operation: 'search', key: 'k', id: 'x9' }).catch(() => {})
      await watched.execute(() => 0).catch(() => {})
      const about = { policy: 'fallback', at: clock.wallNow() }
      const named = { ...about, operation: 'search', key: 'k', execution: 'x9' }
      const failed = { name: 'Error', message: 'no cache' }
      expect(events.filter(({ type }) => type.startsWith('fallback'))).toEqual([
        { ...named, type: 'fallback.used', error: { name: 'Error', message: 'down' } },
        { ...named, type: 'fallback.failed', error: failed },
        { ...about, type: 'fallback.used', execution: expect.any(String) as string },
        { ...about, type: 'fallback.failed', execution: expect.any(String) as string, error: failed },
      ])
    }
  })
})

describe('the options of a fallback', () => {
  // T: 11
  it.each([
    [{}, 'fallback.use'],
    [{ value: 1 }, 'fallback.value'],
    [{ use: 1, handle: true }, 'fallback.handle'],
    [{ use: 1, handleResult: null }, 'fallback.handleResult'],
    [{ use: 1, name: '' }, 'fallback.name'],
    [{ use: () => 1, budget: {} }, 'fallback.budget'],
    [{ use: 1, budget: budget() }, 'fallback.budget'],
  ])('refuses %j and names %s', (options, option) => {
    expect(() => fallback(options as FallbackOptions<number>)).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION', option }) as Error,
    )
  })

  // T: 20
  it('are copied when it is made', async () => {
    const options = { use: 'b' as string }
    const policy = fallback(options)
    options.use = 'c'
    expect(await policy.execute(throwing)).toBe('b')
  })
})
