import { describe, expect, it, vi } from 'vitest'
import { bulkhead } from '../policies/bulkhead/bulkhead.ts'
import { circuitBreaker } from '../policies/circuit-breaker/circuit-breaker.ts'
import { retry } from '../policies/retry/retry.ts'
import { timeout } from '../policies/timeout/timeout.ts'
import { scripted } from '../testing/scripted-operation.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import type { HoldfastEvent } from './events.ts'
import type { Execution } from './operation.ts'
import { compose, noop, type Policy, policy } from './policy.ts'

const clock = new VirtualClock()
const settled = (promise: Promise<unknown>) =>
  promise.then(
    (value) => ({ value }),
    (error) => ({ error }),
  )

const thrownBy = (run: () => unknown): unknown => {
  try {
    run()
  } catch (error) {
    return error
  }
  return undefined
}

describe('compose', () => {
  it('runs the outermost first, and names its parts', async () => {
    const order: string[] = []
    const logged = (name: string) =>
      policy(name, (next) => async (execution) => {
        order.push(`+${name}`)
        const value = await next(execution)
        order.push(`-${name}`)
        return value
      })
    const stack = compose(logged('a'), compose(logged('b'), logged('c')))
    expect(await stack.execute(() => 1)).toBe(1)
    expect(order).toEqual(['+a', '+b', '+c', '-c', '-b', '-a'])
    expect([stack.name, stack.parts.map(({ name }) => name)]).toEqual(['a > b > c', ['a', 'b', 'c']])
  })

  it('is its only part, and noop when it has none', () => {
    const one = bulkhead({ limit: 1 })
    expect([compose(one), compose(one, noop), compose(noop, one), compose(compose(one), noop, noop)]).toEqual([
      one,
      one,
      one,
      one,
    ])
    expect([compose().parts, compose().name, noop.name]).toEqual([[], 'noop', 'noop'])
  })

  it('refuses what is not a policy, and policies of different clocks', () => {
    expect(() => compose({} as Policy)).toThrow("'policies[0]' must be a policy")
    expect(() => compose(noop, undefined as unknown as Policy)).toThrow("'policies[1]'")
    expect(() => compose(bulkhead({ limit: 1, clock }), bulkhead({ limit: 1 }))).toThrow(
      '\'clock\' must be the same for all policies of a composition: got "2 clocks"',
    )
    expect(() => policy('x', 5 as never)).toThrow("'layer' must be a function")
    expect(() => policy('', (next) => next)).toThrow("'name' must be a non-empty string")
  })

  it('takes a foreign implementation of Policy', async () => {
    const layered = policy('foreign', (next) => async (execution) => `[${await next(execution)}]` as never)
    const foreign: Policy = {
      ...layered,
      name: 'foreign',
      layer: layered.layer,
      parts: [] as never,
      observe: () => () => {},
    } as Policy
    const own: Policy = Object.assign(foreign, { parts: [foreign] })
    const stack = compose(retry({ backoff: () => 0, clock }), own, bulkhead({ limit: 1, clock }))
    expect(await stack.execute(() => 'x')).toBe('[x]')
  })
})

describe('a policy of one function', () => {
  it('runs beside policies of any clock, since it never asks one', () => {
    const layered = policy('layer', (next) => next)
    expect(layered).toMatchObject({ name: 'layer', usesClock: false })
    expect(() => compose(layered, bulkhead({ limit: 1, clock }), layered)).not.toThrow()
  })

  it('is linked with what its layer is given, and not with the operation of the call', async () => {
    const marked = policy(
      'marked',
      (next) => async (execution) => `<${await bulkhead({ limit: 1, clock }).layer(next)(execution)}>` as never,
    )
    const inner = policy('inner', (next) => async (execution) => `[${await next(execution)}]` as never)
    expect(await compose(marked, inner).execute(() => 'x')).toBe('<[x]>')
  })

  it('may use the layer of others, and the same breaker as they do', async () => {
    const breaker = circuitBreaker({ trip: { consecutive: 2 }, clock })
    const slots = bulkhead({ limit: 1, clock })
    const guarded = policy('guarded', (next) => compose(breaker, slots).layer(next))
    const [stack, other] = [
      compose(retry({ backoff: () => 0, clock, maxAttempts: 2 }), guarded),
      compose(breaker, timeout({ limit: 5, clock })),
    ]
    const end = settled(stack.execute(scripted().fails()))
    await clock.advance(1)
    expect(await end).toMatchObject({ error: { message: 'scripted failure 2' } })
    expect([breaker.state, slots.snapshot().inFlight]).toEqual(['open', 0])
    await expect(other.execute(() => 1)).rejects.toMatchObject({ code: 'ERR_CIRCUIT_OPEN' })
  })

  it('may call the next any number of times, at once too', async () => {
    const slots = bulkhead({ limit: 2, clock })
    const twice = policy('twice', (next) => async (execution) => {
      const [value] = await Promise.all([next(execution), next(execution)])
      return value
    })
    const never = policy('never', () => async () => 'cached' as never)
    const operation = scripted().thenReturns('ok')
    expect(await compose(twice, slots).execute(operation)).toBe('ok')
    expect([operation.calls.length, slots.snapshot().inFlight]).toEqual([2, 0])
    expect(await compose(never, slots).execute(operation)).toBe('cached')
    expect(operation.calls.length).toBe(2)
  })

  it('sees the call: operation, key, id, attributes', async () => {
    const seen = vi.fn()
    const watching = policy('watching', (next) => (execution) => {
      const { operation, key, id, attributes, attempt } = execution
      seen({ operation, key, id, attributes, attempt })
      return next(execution)
    })
    await watching.execute(() => 1, { operation: 'goto', key: 'k', id: 'i', attributes: { a: 1 } })
    expect(seen).toHaveBeenCalledWith({ operation: 'goto', key: 'k', id: 'i', attributes: { a: 1 }, attempt: 1 })
  })
})

describe('execute', () => {
  it('is always a promise, also when a layer throws while it is linked', async () => {
    const broken = policy('broken', () => {
      throw new Error('cannot be linked')
    })
    let end: Promise<unknown> | undefined
    expect(() => (end = broken.execute(() => 1))).not.toThrow()
    await expect(end).rejects.toThrow('cannot be linked')
    await expect(
      noop.execute(() => {
        throw new Error('sync')
      }),
    ).rejects.toThrow('sync')
  })

  it('refuses a wrong within as a rejection', async () => {
    const operation = scripted().thenReturns(1)
    await expect(noop.execute(operation, { within: 'soon' })).rejects.toThrow("'within' must be")
    expect(operation.calls.length).toBe(0)
  })

  // T: 12
  it('never runs the operation when the signal was aborted beforehand', async () => {
    const operation = scripted().thenReturns(1)
    for (const stack of [noop, retry({ clock }), bulkhead({ limit: 1, clock }), policy('layer', (next) => next)])
      await expect(stack.execute(operation, { signal: AbortSignal.abort('before') })).rejects.toBe('before')
    expect(operation.calls.length).toBe(0)
  })
})

describe('executeSync', () => {
  // T: 12
  it('lends the operation the caller’s own signal, and does not begin when it was aborted', () => {
    const { signal } = new AbortController()
    expect(
      compose(retry({ clock }), bulkhead({ limit: 1, clock })).executeSync((execution) => execution.signal, { signal }),
    ).toBe(signal)
    const operation = scripted().thenReturns(1)
    expect(thrownBy(() => noop.executeSync(operation, { signal: AbortSignal.abort('before') }))).toBe('before')
    expect(operation.calls.length).toBe(0)
  })

  it('has the deadline that `within` makes, and refuses a wrong one', () => {
    const now = new VirtualClock()
    const within = (execution: Execution) => execution.deadline - now.now()
    expect(bulkhead({ limit: 1, clock: now }).executeSync(within, { within: '2s' })).toBe(2000)
    expect(() => noop.executeSync(() => 1, { within: 'soon' })).toThrow("'within' must be")
  })
})

describe('wrap', () => {
  it('keeps this and arguments, and runs under the policy', async () => {
    const slots = bulkhead({ limit: 1 })
    const account = {
      balance: 5,
      add: slots.wrap(function (this: { balance: number }, amount: number) {
        return this.balance + amount + slots.snapshot().inFlight
      }),
    }
    await expect(account.add(10)).resolves.toBe(16)
  })
})

describe('observe', () => {
  it('tells of a call what it has: its operation and its key, where there are any', async () => {
    const events: HoldfastEvent[] = []
    const full = bulkhead({ limit: 1, clock })
    full.observe((event) => events.push(event))
    full.acquire()
    await settled(full.execute(() => 1, { id: 'x' }))
    await settled(full.execute(() => 1, { id: 'x', operation: 'goto', key: 'ada' }))
    expect(events.map((event) => Object.keys(event).filter((name) => ['execution', 'operation', 'key'].includes(name)))).toEqual([
      ['execution'],
      ['execution', 'operation', 'key'],
    ])
  })

  it('hears every part once, also one that stands twice, until it stops', async () => {
    const breaker = circuitBreaker({ trip: { consecutive: 1 }, clock })
    const stack = compose(
      breaker,
      policy('layer', (next) => next),
      breaker,
    )
    const heard = vi.fn()
    const stop = stack.observe(({ type }) => heard(type))
    await settled(stack.execute(() => Promise.reject(new Error('down'))))
    expect(heard.mock.calls).toEqual([['circuit-breaker.changed'], ['circuit-breaker.stale']])
    stop()
    breaker.reset()
    expect([heard.mock.calls.length, breaker.events.active]).toEqual([2, false])
  })
})
