import { describe, expect, it } from 'vitest'
import { bulkhead, circuitBreaker, retry, timeout } from '../policies/index.ts'
import { scripted } from '../testing/scripted-operation.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { byOperation } from './by-operation.ts'
import { type HoldfastEvent, listenerErrors } from './events.ts'
import { explain } from './explain.ts'
import { inspect } from './inspect.ts'
import type { Execution } from './operation.ts'
import { compose, noop, policy } from './policy.ts'
import { when } from './when.ts'

const again = { maxAttempts: 3, backoff: () => 0 }

describe('a switch', () => {
  // R: U6
  it('makes a policy all there is, or nothing, and the operation runs once either way', async () => {
    for (const rule of [true, false, () => true, () => false]) {
      const on = typeof rule === 'function' ? rule() : rule
      const clock = new VirtualClock()
      const stack = compose(when(rule, retry({ ...again, clock })), when(rule, circuitBreaker({ clock })))
      const failing = scripted().fails()
      const end = stack.execute(failing).catch(() => 'failed')
      await clock.advance(1)
      expect(await end).toBe('failed')
      expect(failing.calls).toHaveLength(on ? 3 : 1)
      const succeeding = scripted().thenReturns('ok')
      expect(await stack.execute(succeeding)).toBe('ok')
      expect(stack.executeSync(() => 'sync')).toBe('sync')
      expect(succeeding.calls).toHaveLength(1)
    }
  })

  // R: U6
  it('is turned while calls go on; what the policy has learnt stays', async () => {
    let on = true
    const breaker = circuitBreaker({ trip: { consecutive: 1 } })
    const stack = when(() => on, breaker)
    await stack.execute(() => Promise.reject(new Error('down'))).catch(() => {})
    await expect(stack.execute(() => 1)).rejects.toMatchObject({ code: 'ERR_CIRCUIT_OPEN' })
    on = false
    expect(await stack.execute(() => 1)).toBe(1)
    on = true
    await expect(stack.execute(() => 1)).rejects.toMatchObject({ code: 'ERR_CIRCUIT_OPEN' })
  })

  it('asks once for each call that reaches it, with the execution', async () => {
    const asked: Execution[] = []
    const places = bulkhead({ limit: 1 })
    const stack = compose(
      retry(again),
      when((execution) => asked.push(execution) > 0, places),
    )
    await stack.execute(scripted().fails(2).thenReturns('ok'), { operation: 'goto', key: 'a' })
    expect(asked.map(({ attempt, operation, key }) => [attempt, operation, key])).toEqual([1, 2, 3].map((n) => [n, 'goto', 'a']))
    expect(places.snapshot().inFlight).toBe(0)
  })

  it('is heard as its policy is, and shows it', async () => {
    const events: HoldfastEvent[] = []
    const stack = compose(
      when(() => true, retry({ ...again, maxAttempts: 1 })),
      timeout('1s'),
    )
    stack.observe((event) => events.push(event))
    await stack.execute(() => Promise.reject(new Error('down'))).catch(() => {})
    expect(events).toMatchObject([{ type: 'retry.gave-up', policy: 'retry' }])
    const { parts, links } = inspect(stack)
    expect(parts[0]).toMatchObject({
      type: 'when',
      name: 'when(retry)',
      options: { enabled: 'by call' },
      parts: [{ type: 'retry' }],
    })
    expect(links.map(({ kind }) => kind)).toEqual(['layer', 'frame'])
    // Decided for good, it costs no layer.
    expect(inspect(compose(when(true, retry()), timeout('1s'), when(false, noop))).links).toEqual([
      { kind: 'frame', policies: ['when(retry)', 'timeout'] },
    ])
  })

  it('leaves the policy on when its rule fails, and reports that once', async () => {
    const { report } = listenerErrors
    const reported: string[] = []
    listenerErrors.report = (_error, where) => reported.push(where)
    const stack = when(
      () => {
        throw new Error('no settings')
      },
      bulkhead({ limit: 1, name: 'of a failing rule' }),
    )
    const hanging = stack.execute(() => new Promise(() => {}))
    await expect(stack.execute(() => 1)).rejects.toMatchObject({ code: 'ERR_BULKHEAD_FULL' })
    listenerErrors.report = report
    expect(reported).toEqual(['when(of a failing rule)'])
    void hanging
  })

  it('stands beside policies on any clock, unless its own policy has another', () => {
    const clock = new VirtualClock()
    expect(() =>
      compose(
        when(
          true,
          policy('own', (next) => next),
        ),
        retry({ clock }),
      ),
    ).not.toThrow()
    expect(() => compose(when(true, retry()), retry({ clock }))).toThrow('clock')
    expect(() => when('yes' as never, retry())).toThrow(
      '\'enabled\' must be true, false, or a function of the execution: got "yes"',
    )
    expect(() => when(true, {} as never)).toThrow("'policy' must be a policy: got an object ()")
    expect(() => when(true, undefined as never)).toThrow("'policy' must be a policy: got undefined")
  })

  it('that was decided for good is no part of an explanation', async () => {
    const decisions = async (enabled: boolean) =>
      (await explain(when(enabled, bulkhead({ limit: 1 })), () => 1)).decisions.map(({ policy: who }) => who)
    expect(await decisions(false)).toEqual(['operation'])
    expect(await decisions(true)).toEqual(['bulkhead', 'operation', 'bulkhead'])
  })
})

describe('a policy by operation', () => {
  it('is the one of the operation’s name, or the default, or none', async () => {
    const stack = byOperation({ goto: retry({ ...again, maxAttempts: 4 }), click: retry({ ...again, maxAttempts: 2 }) })
    const attempts = async (operation?: string) => {
      const failing = scripted().fails()
      await stack.execute(failing, { operation }).catch(() => {})
      return failing.calls.length
    }
    expect([await attempts('goto'), await attempts('click'), await attempts('toString'), await attempts()]).toEqual([4, 2, 1, 1])
    const withDefault = byOperation({ goto: noop, default: retry({ ...again, maxAttempts: 2 }) })
    const failing = scripted().fails()
    await withDefault.execute(failing, { operation: 'click' }).catch(() => {})
    expect(failing.calls).toHaveLength(2)
  })

  it('shares a policy that stands in several entries, heard once, and shows all of them', async () => {
    const breaker = circuitBreaker({ trip: { consecutive: 1 } })
    const stack = byOperation({ read: breaker, write: compose(retry({ ...again, maxAttempts: 1 }), breaker), default: breaker })
    const events: HoldfastEvent[] = []
    const stop = stack.observe((event) => events.push(event))
    await stack.execute(() => Promise.reject(new Error('down')), { operation: 'read' }).catch(() => {})
    await expect(stack.execute(() => 1, { operation: 'write' })).rejects.toMatchObject({ code: 'ERR_CIRCUIT_OPEN' })
    stop()
    expect(breaker.events.active).toBe(false)
    expect(events.map(({ type }) => type)).toEqual(['circuit-breaker.changed', 'circuit-breaker.rejected', 'retry.gave-up'])
    expect(inspect(stack).parts[0]!.choices).toMatchObject({ read: { type: 'circuit-breaker' }, write: { type: 'composition' } })
    expect([stack.name, inspect(stack).parts[0]!.type]).toEqual(['by-operation', 'by-operation'])
    expect(() => byOperation({})).toThrow("'policies' must hold a policy for at least one operation: got an object ()")
    expect(() => byOperation({ goto: {} as never })).toThrow("'policies.goto' must be a policy: got an object ()")
    expect(() => byOperation({ goto: undefined as never })).toThrow("'policies.goto' must be a policy: got undefined")
  })
})
