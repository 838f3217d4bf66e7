import { afterEach, describe, expect, it, vi } from 'vitest'
import type { OptionError } from '../../core/errors.ts'
import { type HoldfastEvent, listenerErrors } from '../../core/events.ts'
import { compose } from '../../core/policy.ts'
import { scripted } from '../../testing/scripted-operation.ts'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { circuitBreaker } from '../circuit-breaker/circuit-breaker.ts'
import { retry } from '../retry/retry.ts'
import { timeout } from '../timeout/timeout.ts'
import { type ChaosOptions, chaos } from './chaos.ts'

const report = listenerErrors.report
afterEach(() => {
  listenerErrors.report = report
})

const trouble = new Error('chaos')
const make = (options: Partial<ChaosOptions> = {}) => {
  const clock = new VirtualClock()
  return { clock, monkey: chaos({ enabled: () => true, rate: 1, clock, random: () => 0, ...options }) }
}
const settled = (promise: Promise<unknown>) =>
  promise.then(
    (value) => ({ value }),
    (error) => ({ error }),
  )

describe('chaos', () => {
  it('fails calls instead of running them, and says so', async () => {
    const { monkey } = make({ fault: ({ operation }) => new Error(`chaos in ${operation}`), name: 'monkey' })
    const events: HoldfastEvent[] = []
    monkey.observe((event) => events.push(event))
    const operation = scripted().thenReturns('ok')
    expect(await settled(monkey.execute(operation, { operation: 'save' }))).toEqual({ error: new Error('chaos in save') })
    expect(operation.calls.length).toBe(0)
    expect(events).toEqual([
      expect.objectContaining({ type: 'chaos.injected', kind: 'fault', injected: 1, policy: 'monkey', operation: 'save' }),
    ])
  })

  it('returns results of its own instead of running calls', async () => {
    const { monkey } = make({ result: () => ({ status: 503 }) })
    const operation = scripted().thenReturns('ok')
    expect(await monkey.execute(operation)).toEqual({ status: 503 })
    expect(operation.calls.length).toBe(0)
  })

  it('delays calls, by a fixed time or one of their own, and then runs them', async () => {
    for (const latency of ['2s', () => 2000] as const) {
      const { clock, monkey } = make({ latency })
      const events: HoldfastEvent[] = []
      monkey.observe((event) => events.push(event))
      const operation = scripted({ clock }).thenReturns('ok')
      const call = monkey.execute(operation)
      await clock.advance(1999)
      expect(operation.calls.length).toBe(0)
      await clock.advance(1)
      expect(await call).toBe('ok')
      expect(events).toMatchObject([{ type: 'chaos.injected', kind: 'latency', delayMs: 2000 }])
    }
  })

  it('delays before it fails, and does what it is told before it answers', async () => {
    const order: string[] = []
    const { clock, monkey } = make({
      latency: 10,
      behavior: async () => {
        await Promise.resolve()
        order.push('behavior')
      },
      fault: () => {
        order.push('fault')
        return trouble
      },
    })
    const call = settled(monkey.execute(() => 1))
    await clock.advance(9)
    expect(order).toEqual([])
    await clock.advance(1)
    expect([await call, order]).toEqual([{ error: trouble }, ['behavior', 'fault']])
  })

  it('does what it is told and runs the call; what that throws fails the call', async () => {
    const behavior = vi.fn()
    const { monkey } = make({ behavior })
    const events: HoldfastEvent[] = []
    monkey.observe((event) => events.push(event))
    expect([await monkey.execute(() => 'ok'), behavior.mock.calls.length]).toEqual(['ok', 1])
    expect(events).toMatchObject([{ kind: 'behavior' }])
    behavior.mockImplementation(() => {
      throw trouble
    })
    expect(await settled(monkey.execute(() => 'ok'))).toEqual({ error: trouble })
  })

  it('leaves every call alone that is not enabled, without casting a lot', async () => {
    const random = vi.fn(() => 0)
    const { monkey } = make({ enabled: ({ attributes }) => attributes.chaos === true, rate: 0.5, random, fault: () => trouble })
    expect(await monkey.execute(() => 'ok')).toBe('ok')
    expect(await monkey.execute(() => 'ok', { attributes: { chaos: 'yes' } })).toBe('ok')
    expect(random).not.toHaveBeenCalled()
    expect(await settled(monkey.execute(() => 'ok', { attributes: { chaos: true } }))).toEqual({ error: trouble })
    expect(monkey.status()).toEqual({ calls: 1, injected: 1, failures: 0, stopped: undefined })
  })

  it('disturbs the same calls for the same seed, at a rate of 1 % unless told', async () => {
    const run = async (seed: number) => {
      const monkey = chaos({ enabled: () => true, fault: () => trouble, seed })
      const failed: number[] = []
      for (let call = 0; call < 2000; call++) if ('error' in (await settled(monkey.execute(() => 1)))) failed.push(call)
      return failed
    }
    const failed = await run(1)
    expect(await run(1)).toEqual(failed)
    expect(await run(2)).not.toEqual(failed)
    expect(failed.length / 2000).toBeGreaterThan(0.005)
    expect(failed.length / 2000).toBeLessThan(0.02)
  })

  it('takes a rate for each call', async () => {
    const { monkey } = make({ rate: ({ key }) => (key === 'mine' ? 1 : 0), fault: () => trouble })
    expect(await monkey.execute(() => 'ok', { key: 'yours' })).toBe('ok')
    expect(await settled(monkey.execute(() => 'ok', { key: 'mine' }))).toEqual({ error: trouble })
  })

  it('looks to what stands around it like the real trouble', async () => {
    const { clock, monkey } = make({ fault: () => trouble, maxInjected: 2 })
    const breaker = circuitBreaker({ trip: { consecutive: 3 }, clock })
    const stack = compose(
      retry({ maxAttempts: 3, backoff: { initial: 0 }, clock }),
      breaker,
      timeout({ limit: 50, clock }),
      monkey,
    )
    const call = stack.execute(() => 'ok')
    await clock.advance(10)
    expect(await call).toBe('ok')
    expect(monkey.status().injected).toBe(2)
    const slow = make({ latency: 100 })
    const late = settled(compose(timeout({ limit: 50, clock: slow.clock }), slow.monkey).execute(() => 'ok'))
    await slow.clock.advance(50)
    expect(await late).toHaveProperty('error.code', 'ERR_TIMEOUT')
    expect(slow.clock.pendingTimers()).toBe(0)
  })
})

describe('the end of chaos', () => {
  it('comes by itself after so many calls', async () => {
    const { monkey } = make({ fault: () => trouble, maxInjected: 2 })
    const events: string[] = []
    monkey.observe(({ type }) => events.push(type))
    const ends = []
    for (let call = 0; call < 4; call++) ends.push(await settled(monkey.execute(() => 'ok')))
    expect(ends.map((end) => 'error' in end)).toEqual([true, true, false, false])
    expect(events).toEqual(['chaos.injected', 'chaos.injected', 'chaos.stopped'])
    expect(monkey.status()).toMatchObject({ injected: 2, stopped: 'it has disturbed as many calls as it may' })
    monkey.resume()
    expect(await settled(monkey.execute(() => 'ok'))).toEqual({ error: trouble })
  })

  it('comes when its guard says so, for good, with one event', async () => {
    let slow = false
    const { monkey } = make({ fault: () => trouble, stopWhen: () => slow })
    const events: HoldfastEvent[] = []
    monkey.observe((event) => events.push(event))
    await settled(monkey.execute(() => 'ok'))
    slow = true
    expect(await monkey.execute(() => 'ok')).toBe('ok')
    slow = false
    expect(await monkey.execute(() => 'ok')).toBe('ok')
    expect(events.slice(1)).toEqual([
      expect.objectContaining({ type: 'chaos.stopped', reason: 'its guard said stop', injected: 1 }),
    ])
  })

  it('comes when the guard sees too many real failures, sync and async, which it is told', async () => {
    const seen: unknown[] = []
    const { monkey } = make({
      rate: ({ key }) => (key === 'disturb' ? 1 : 0),
      fault: () => trouble,
      stopWhen: (counts) => {
        seen.push({ ...counts })
        return counts.failures >= 2
      },
    })
    await settled(monkey.execute(() => 1, { key: 'disturb' }))
    await settled(monkey.execute(() => Promise.reject(new Error('real'))))
    await settled(
      monkey.execute(() => {
        throw new Error('real')
      }),
    )
    await settled(monkey.execute(() => 1))
    expect(seen).toEqual([
      { calls: 0, injected: 0, failures: 0 },
      { calls: 1, injected: 1, failures: 0 },
      { calls: 2, injected: 1, failures: 1 },
      { calls: 3, injected: 1, failures: 2 },
    ])
    expect(monkey.status().stopped).toBe('its guard said stop')
  })

  it('comes by hand', async () => {
    const { monkey } = make({ fault: () => trouble })
    const events: HoldfastEvent[] = []
    monkey.observe((event) => events.push(event))
    monkey.stop('enough seen')
    monkey.stop('again')
    expect(await monkey.execute(() => 'ok')).toBe('ok')
    expect(events).toEqual([expect.objectContaining({ type: 'chaos.stopped', reason: 'enough seen' })])
  })

  it('comes when a guard throws; any other rule that throws disturbs nothing, and all are reported', async () => {
    const reports = vi.fn()
    listenerErrors.report = reports
    const broken = (): never => {
      throw new Error('in the rule')
    }
    for (const [options, stopped] of [
      [{ enabled: broken }, undefined],
      [{ rate: broken }, undefined],
      [{ stopWhen: broken }, 'its guard failed'],
    ] as const) {
      const { monkey } = make({ fault: () => trouble, ...options })
      expect(await monkey.execute(() => 'ok')).toBe('ok')
      expect(monkey.status()).toMatchObject({ injected: 0, stopped })
    }
    const { clock, monkey } = make({ latency: () => 'soon' })
    const call = monkey.execute(() => 'ok')
    await clock.advance(0)
    expect(await call).toBe('ok')
    expect(reports.mock.calls.map(([, where]) => where)).toEqual([
      'chaos.enabled',
      'chaos.rate',
      'chaos.stopWhen',
      'chaos.latency',
    ])
  })
})

describe('chaos and cancellation', () => {
  // T: 12
  it.each(['before', 'while waiting', 'while running', 'while settling'])(
    'ends with the reason of a call cancelled %s',
    async (when) => {
      const { clock, monkey } = make({ latency: 100 })
      const controller = new AbortController()
      const operation = scripted({ clock }).hangsUntilAborted()
      if (when === 'before') controller.abort('enough')
      const call = settled(monkey.execute(operation, { signal: controller.signal }))
      if (when === 'while waiting') await clock.advance(50)
      if (when === 'while running' || when === 'while settling') await clock.advance(100)
      if (when === 'while settling') operation.release('late')
      controller.abort('enough')
      expect(await call).toEqual({ error: 'enough' })
      await clock.advance(1000)
      expect(operation.calls.length).toBe(when === 'before' || when === 'while waiting' ? 0 : 1)
      expect([operation.running, clock.pendingTimers({ includeIdle: true })]).toEqual([0, 0])
    },
  )

  it('leaves no timer and no listener behind', async () => {
    const { clock, monkey } = make({ latency: 5, rate: 0.5, random: undefined, seed: 3 } as Partial<ChaosOptions>)
    const controller = new AbortController()
    const added = vi.spyOn(controller.signal, 'addEventListener')
    const removed = vi.spyOn(controller.signal, 'removeEventListener')
    const calls = Array.from({ length: 500 }, () => monkey.execute(() => 1, { signal: controller.signal }))
    await clock.advance(10)
    await Promise.all(calls)
    expect(clock.pendingTimers({ includeIdle: true })).toBe(0)
    expect(removed.mock.calls.length).toBe(added.mock.calls.length)
  })
})

describe('chaos in synchronous calls', () => {
  it('faults, falsifies and does what it is told', () => {
    expect(() => make({ fault: () => trouble }).monkey.executeSync(() => 1)).toThrow(trouble)
    expect(make({ result: () => 2 }).monkey.executeSync<number>(() => 1)).toBe(2)
    const behavior = vi.fn()
    expect([make({ behavior }).monkey.executeSync(() => 1), behavior.mock.calls.length]).toEqual([1, 1])
  })

  it('refuses to delay, whatever the dice say, but only where it is enabled', () => {
    expect(() => make({ latency: 5, rate: 0 }).monkey.executeSync(() => 1)).toThrow('latency needs execute')
    expect(make({ latency: 5, enabled: () => false }).monkey.executeSync(() => 1)).toBe(1)
  })
})

describe('the options of chaos', () => {
  // T: 11
  it('are refused when they are unknown, out of bounds, or contradict each other', () => {
    const enabled = (): boolean => true
    const fault = (): Error => trouble
    const wrong: [object, string][] = [
      [{ fault }, 'chaos.enabled'],
      [{ enabled: true, fault }, 'chaos.enabled'],
      [{ enabled }, 'chaos'],
      [{ enabled, fault, result: () => 1 }, 'chaos.result'],
      [{ enabled, fault, rate: 1.5 }, 'chaos.rate'],
      [{ enabled, fault, rate: '1%' }, 'chaos.rate'],
      [{ enabled, fault: trouble }, 'chaos.fault'],
      [{ enabled, result: 5 }, 'chaos.result'],
      [{ enabled, behavior: 5 }, 'chaos.behavior'],
      [{ enabled, latency: -1 }, 'chaos.latency'],
      [{ enabled, fault, maxInjected: 0 }, 'chaos.maxInjected'],
      [{ enabled, fault, stopWhen: true }, 'chaos.stopWhen'],
      [{ enabled, fault, seed: 1, random: () => 0 }, 'chaos.seed'],
      [{ enabled, fault, seed: -1 }, 'chaos.seed'],
      [{ enabled, fault, random: 1 }, 'chaos.random'],
      [{ enabled, faults: fault }, 'chaos.faults'],
      [{ enabled, fault, name: '' }, 'chaos.name'],
    ]
    for (const [options, option] of wrong) {
      let error: unknown
      try {
        chaos(options as ChaosOptions)
      } catch (thrown) {
        error = thrown
      }
      expect((error as OptionError)?.option, JSON.stringify(options)).toBe(option)
    }
  })
})
