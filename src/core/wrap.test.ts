import { describe, expect, expectTypeOf, it } from 'vitest'
import { circuitBreaker, rateLimiter, retry } from '../policies/index.ts'
import { compose, noop, type Policy, policy } from './policy.ts'
import { resilient } from './resilient.ts'

describe('a wrapped function', () => {
  it('keeps its parameters, its this and its result, as types too', async () => {
    const add = noop.wrap(function (this: unknown, a: number, b?: number, ...more: number[]) {
      return [this, a + (b ?? 0) + more.length]
    })
    expectTypeOf(add).toEqualTypeOf<(a: number, b?: number, ...more: number[]) => Promise<unknown[]>>()
    expect(await add.call('me', 1, 2, 9, 9)).toEqual(['me', 5])
  })

  // R: P3, I3
  it('tells of each call what follows from its arguments, such as whose limit it falls under', async () => {
    const perPeer = rateLimiter({ limit: 1, per: '1h' })
    const told: unknown[] = []
    const seen = policy('seen', (next) => (execution) => {
      told.push([execution.operation, execution.key])
      return next(execution)
    })
    const send = compose(seen, perPeer).wrap(
      (peer: string, text: string) => `${text} to ${peer}`,
      (peer) => ({ operation: 'send', key: peer }),
    )
    expect([await send('ada', 'hello'), await send('bob', 'hello')]).toEqual(['hello to ada', 'hello to bob'])
    await expect(send('ada', 'again')).rejects.toMatchObject({ code: 'ERR_RATE_LIMITED' })
    expect(told).toEqual([
      ['send', 'ada'],
      ['send', 'bob'],
      ['send', 'ada'],
    ])
    expect(await noop.wrap(() => 1, { within: '1s' })()).toBe(1)
    await expect(noop.wrap(() => 1, { within: 0 })()).rejects.toMatchObject({ code: 'ERR_DEADLINE_EXCEEDED' })
  })

  it('rejects, and does not throw, when nobody can say what a call is about', async () => {
    let calls = 0
    const load = noop.wrap(
      () => ++calls,
      () => {
        throw new Error('who is this?')
      },
    )
    await expect(load()).rejects.toThrow('who is this?')
    expect(calls).toBe(0)
  })
})

describe('what is no function', () => {
  it('is refused before any policy hears of it, with a word on what was meant', async () => {
    const breaker = circuitBreaker({ trip: { consecutive: 1 } })
    const wrong = {
      code: 'ERR_OPTION',
      message: expect.stringContaining("'operation' must be a function"),
      hint: 'Pass what makes the call: `execute(() => fetch(url))`.',
    }
    const promise = Promise.resolve(1)
    const careless = compose(retry(), breaker) as unknown as Record<'execute' | 'executeSync' | 'wrap', (it: unknown) => unknown>
    for (const operation of [promise, undefined, null, 'https://example.com']) {
      await expect(careless.execute(operation)).rejects.toMatchObject(wrong)
      expect(() => careless.executeSync(operation)).toThrow('must be a function')
      expect(() => careless.wrap(operation)).toThrow('must be a function')
    }
    expect(breaker.status()).toMatchObject({ state: 'closed', failures: 0 })
  })
})

it('a decorated method keeps its type, a generic one too', () => {
  const decorate = resilient(noop as Policy)
  type Echo = <T>(value: T) => Promise<T>
  const context = { kind: 'method', name: 'echo' } as ClassMethodDecoratorContext<unknown, Echo>
  const echo = decorate(async <T>(value: T): Promise<T> => value, context)
  expectTypeOf(echo).toEqualTypeOf<Echo>()
  expectTypeOf(decorate).parameter(0).returns.toEqualTypeOf<Promise<unknown>>()
})
