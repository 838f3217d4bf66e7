import { describe, expect, it, vi } from 'vitest'
import { listenerErrors } from '../../core/events.ts'
import type { Execution } from '../../core/operation.ts'
import { delayRule, type HedgeDelay } from './delay.ts'

const execution = { operation: 'search' } as Execution

describe('a hedge delay', () => {
  it('is given, or for ever', () => {
    expect(delayRule('250ms', 'delay').delayMs(execution, 1, 0)).toBe(250)
    expect(delayRule(Number.POSITIVE_INFINITY, 'delay').delayMs(execution, 1, 0)).toBe(Number.POSITIVE_INFINITY)
    expect(delayRule(5, 'delay').usualMs(0)).toBe(0)
  })

  it('is asked for, with the execution and the number of the hedge', () => {
    const rule = delayRule((asked, hedge) => (asked.operation === 'search' ? `${hedge * 10}ms` : 0), 'delay')
    expect([rule.delayMs(execution, 1, 0), rule.delayMs(execution, 3, 0), rule.usualMs(0)]).toEqual([10, 30, 0])
  })

  it('that is asked for in vain is none: no hedge by time, and the slip is reported', () => {
    const report = vi.spyOn(listenerErrors, 'report').mockImplementation(() => {})
    expect(delayRule(() => -1, 'vain').delayMs(execution, 1, 0)).toBe(Number.POSITIVE_INFINITY)
    expect(report).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ option: 'vain()' }), 'vain')
    report.mockRestore()
  })

  it('is learnt: the initial one until enough is known, then the quantile, within its bounds', () => {
    const rule = delayRule({ quantile: 0.5, minimumSamples: 4, initial: 700, min: 30, max: '90ms', window: 1000 }, 'delay')
    const learnt = rule.learnt!
    const delays = [1, 1, 1, 1, 60, 60, 60, 60, 60, 500, 500, 500, 500, 500, 500, 500, 500, 500, 500].map((ms) => {
      learnt.record(ms, 100)
      return Math.round(rule.delayMs(execution, 1, 100))
    })
    expect(delays.slice(0, 4)).toEqual([700, 700, 700, 30])
    expect(delays[8]).toBeGreaterThanOrEqual(60)
    expect(delays[8]).toBeLessThan(63)
    expect(delays.at(-1)).toBe(90)
    expect(rule.usualMs(100)).toBeGreaterThanOrEqual(500)
    expect([rule.delayMs(execution, 1, 2000), rule.usualMs(2000)]).toEqual([700, 0])
  })

  it('has the numbers that the docs say', () => {
    const rule = delayRule({}, 'delay')
    for (let i = 1; i <= 19; i++) rule.learnt!.record(i, 0)
    expect([rule.delayMs(execution, 1, 0), rule.usualMs(0)]).toEqual([1000, 0])
    rule.learnt!.record(20, 0)
    expect(rule.delayMs(execution, 1, 0)).toBeCloseTo(19, -1)
    expect(rule.delayMs(execution, 1, 60_000)).toBe(1000)
    const fast = delayRule({ minimumSamples: 1 }, 'delay')
    fast.learnt!.record(0.1, 0)
    expect(fast.delayMs(execution, 1, 0)).toBe(1)
  })

  // T: 11
  it.each<[unknown, string]>([
    ['soon', 'delay'],
    [-1, 'delay'],
    [Number.NaN, 'delay'],
    [{ quantile: 0 }, 'delay.quantile'],
    [{ quantile: 1 }, 'delay.quantile'],
    [{ minimumSamples: 0 }, 'delay.minimumSamples'],
    [{ initial: -1 }, 'delay.initial'],
    [{ min: 'x' }, 'delay.min'],
    [{ min: 10, max: 9 }, 'delay.max'],
    [{ window: 99 }, 'delay.window'],
    [{ percentile: 0.9 }, 'delay.percentile'],
  ])('of %j is refused, and %s named', (delay, option) => {
    expect(() => delayRule(delay as HedgeDelay, 'delay')).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION', option }) as Error,
    )
  })
})
