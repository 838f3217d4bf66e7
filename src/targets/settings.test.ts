import { describe, expect, it } from 'vitest'
import { seededRandom } from '../core/random.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { DEFAULT_BREAKER, policiesOf, type TargetOptions } from './settings.ts'
import { Target } from './target.ts'

const policies = (options: TargetOptions) => policiesOf(options, 'x', { clock: new VirtualClock(), random: seededRandom(1) })

describe('the settings of a target', () => {
  it('make a breaker and nothing else, unless told otherwise', () => {
    const made = policies({})
    expect(Object.entries(made).flatMap(([name, policy]) => (policy === undefined ? [] : [name]))).toEqual(['breaker'])
    expect(policies({ breaker: false }).breaker).toBeUndefined()
    expect(policies({ breaker: undefined, timeout: undefined, retry: undefined, rate: undefined }).timeout).toBeUndefined()
  })

  it.each<[string, object, RegExp]>([
    ['an unknown option', { brekaer: {} }, /target 'x'.*brekaer.*is not an option/],
    ['an unknown option of the breaker', { breaker: { failure: 1 } }, /target 'x'.*failure.*is not an option/],
    ['a breaker that opens at once', { breaker: { failures: 0 } }, /target 'x'.*consecutive/],
    ['a window of a fraction', { breaker: { failureRate: 0.5, window: 1.5 } }, /target 'x'\.breaker\.window/],
    ['a limit of nothing', { rate: { limit: 0, per: '1s' } }, /target 'x': 'rateLimiter\.limit'/],
    ['no places', { concurrency: 0 }, /target 'x': 'bulkhead\.limit'/],
    ['bounds of what is given', { concurrency: { limit: 3, min: 1 } }, /target 'x'\.concurrency' takes 'min' and 'max' only/],
    ['a ramp of no time', { breaker: { ramp: 0 } }, /target 'x': 'circuitBreaker\.ramp\.over'/],
    ['a time that is none', { timeout: 'soon' }, /target 'x': 'timeout\.limit'/],
    ['no attempts', { retry: { maxAttempts: 0 } }, /target 'x': 'retry\.maxAttempts'/],
  ])('refuse %s, naming the target and the option', (_what, options, message) => {
    expect(() => policies(options)).toThrow(message)
    expect(() => policies(options)).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }))
  })

  it('open the default breaker after ten failures in a row, or at half of twenty calls', async () => {
    const down = Object.assign(new Error('no'), { code: 'ECONNREFUSED' })
    const openedAfter = async (fails: (n: number) => boolean): Promise<number> => {
      const target = new Target('t', { breaker: DEFAULT_BREAKER }, { clock: new VirtualClock(), random: seededRandom(1) })
      let n = 0
      while (!target.isOpen && n < 1000)
        await target
          .executeAttempt(() => (fails(n++) ? Promise.reject(down) : 1))
          .then(
            () => {},
            () => {},
          )
      return n
    }
    expect(await openedAfter(() => true)).toBe(10)
    expect(await openedAfter((n) => n % 2 === 1)).toBe(20)
    expect(await openedAfter((n) => n % 3 === 1)).toBe(1000)
  })

  it('may open the breaker for calls that are slow, and let the first calls back by a ramp', async () => {
    const clock = new VirtualClock()
    const breaker = { slowAfter: '1s', window: 4, minimumCalls: 4, openFor: '5s', ramp: '10s', rampFrom: 0.1 }
    const target = new Target('t', { breaker }, { clock, random: seededRandom(1) })
    const call = (ms: number): Promise<unknown> => {
      const called = target.executeAttempt(() => new Promise<void>((resolve) => void clock.setTimer(ms, resolve)))
      return Promise.all([called.catch((error: unknown) => error), clock.advance(ms)]).then(([answer]) => answer)
    }
    for (const ms of [10, 10, 2000, 2000]) await call(ms)
    expect(target.isOpen).toBe(true)
    await clock.advance(5000)
    await call(10)
    expect(target.admit()).toEqual({ admitted: true, slots: 1 })
    const answers = await Promise.all(Array.from({ length: 8 }, () => target.executeAttempt(() => 1).catch(() => 'refused')))
    expect(answers.filter((answer) => answer === 1)).toHaveLength(1)
    await clock.advance(10_000)
    expect(await target.executeAttempt(() => 1)).toBe(1)
    expect(target.admit()).toEqual({ admitted: true, slots: Number.POSITIVE_INFINITY })
  })

  it('may learn how many calls run at once', async () => {
    const clock = new VirtualClock()
    const target = new Target('t', { concurrency: { limit: 'adaptive', min: 2, max: 5 } }, { clock, random: seededRandom(1) })
    expect(target.snapshot().bulkhead).toEqual({ inFlight: 0, limit: 5, queued: 0 })
    expect(target.admit()).toEqual({ admitted: true, slots: 5 })
    const busy = Object.assign(new Error('busy'), { status: 503 })
    for (let n = 0; n < 60; n++) {
      await target.executeAttempt(() => Promise.reject(busy)).catch(() => {})
      await clock.advance(200)
    }
    expect(target.snapshot().bulkhead?.limit).toBeLessThan(5)
    expect(policies({ concurrency: 'adaptive' }).bulkhead?.name).toBe('adaptive-limiter')
  })

  it('may count calls instead of time, and by rate alone', async () => {
    const target = new Target(
      't',
      { breaker: { failureRate: 1, window: 4, minimumCalls: 4 } },
      { clock: new VirtualClock(), random: seededRandom(1) },
    )
    for (let i = 0; i < 4; i++) {
      expect(target.isOpen).toBe(false)
      await expect(
        target.executeAttempt(() => Promise.reject(Object.assign(new Error('x'), { code: 'ECONNRESET' }))),
      ).rejects.toThrow()
    }
    expect(target.isOpen).toBe(true)
  })
})
