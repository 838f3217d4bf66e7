import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OptionError } from '../../core/errors.ts'
import { seededRandom } from '../../core/random.ts'
import { type BackoffOptions, backoff, type Jitter } from './machine.ts'

const delays = (options: BackoffOptions, random: () => number, attempts = 6): number[] => {
  const rule = backoff(options)
  const all: number[] = []
  for (let attempt = 1; attempt <= attempts; attempt++) all.push(rule(attempt, all.at(-1) ?? 0, random))
  return all
}
const half = () => 0.5

describe('backoff, line by line', () => {
  // R: R3, P2, I2
  it('is constant, linear or exponential, up to its longest', () => {
    const base = { initial: 100, max: 500, jitter: 'none' } as const
    expect(delays({ ...base, type: 'constant' }, half)).toEqual([100, 100, 100, 100, 100, 100])
    expect(delays({ ...base, type: 'linear' }, half)).toEqual([100, 200, 300, 400, 500, 500])
    expect(delays({ ...base, type: 'exponential' }, half)).toEqual([100, 200, 400, 500, 500, 500])
    expect(delays({ ...base, factor: 3 }, half)).toEqual([100, 300, 500, 500, 500, 500])
  })

  // R: X1, U1
  it('is jittered in full, by half, or from the wait before', () => {
    const base = { initial: 100, max: 500 } as const
    expect(delays(base, half)).toEqual([50, 100, 200, 250, 250, 250])
    expect(delays({ ...base, jitter: 'equal' }, half)).toEqual([75, 150, 300, 375, 375, 375])
    expect(delays({ ...base, jitter: 'decorrelated' }, half)).toEqual([200, 300, 300, 300, 300, 300])
  })

  it('is a sequence: each delay in turn, the last one again, jittered when asked', () => {
    expect(delays({ delays: [10, '1s', 500], jitter: 'none' }, half)).toEqual([10, 1000, 500, 500, 500, 500])
    expect(delays({ type: 'sequence', delays: [10, 20] }, half, 3)).toEqual([5, 10, 10])
    expect(delays({ delays: [10, 20], jitter: 'equal' }, half, 3)).toEqual([7.5, 15, 15])
  })

  // T: 20
  it('copies its sequence', () => {
    const given = [10, 20]
    const rule = backoff({ delays: given, jitter: 'none' })
    given[0] = 99
    expect(rule(1, 0, half)).toBe(10)
  })

  it('has defaults: 200 ms, doubled, up to 30 s, full jitter', () => {
    expect(delays({}, () => 1, 10)).toEqual([200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000])
    expect(delays({ initial: '1m' }, () => 1, 2)).toEqual([60_000, 60_000])
  })

  // T: 10
  it('stays within its bounds and spreads at the cap too, in every variant', () => {
    const variants = fc.record({
      type: fc.constantFrom('constant', 'linear', 'exponential'),
      jitter: fc.constantFrom<Jitter>('full', 'equal', 'decorrelated'),
      initial: fc.integer({ min: 1, max: 1000 }),
      more: fc.integer({ min: 1, max: 10_000 }),
      seed: fc.nat(),
    })
    fc.assert(
      fc.property(variants, ({ type, jitter, initial, more, seed }) => {
        const max = initial + more
        const kind = jitter === 'decorrelated' ? 'exponential' : (type as 'constant')
        const all = delays({ type: kind, jitter, initial, max }, seededRandom(seed), 60)
        const least = { full: 0, equal: initial / 2, decorrelated: initial, none: initial }[jitter]
        for (const delay of all) {
          expect(delay).toBeGreaterThanOrEqual(least)
          expect(delay).toBeLessThanOrEqual(max)
        }
        expect(new Set(all.slice(-20)).size).toBe(20)
      }),
    )
  })

  it('never waits for a time that is no number, after however many attempts', () => {
    expect(backoff({ initial: 0, jitter: 'none' })(5000, 0, half)).toBe(0)
    expect(backoff({ initial: 1, factor: 1000, jitter: 'none' })(5000, 0, half)).toBe(30_000)
  })

  // T: 11
  it('refuses options that are unknown, wrong, or do nothing', () => {
    const wrong: [object, string][] = [
      [{ base: 5 }, 'backoff.base'],
      [{ type: 'fibonacci' }, 'backoff.type'],
      [{ jitter: true }, 'backoff.jitter'],
      [{ initial: 100, max: 50 }, 'backoff.max'],
      [{ factor: 0.5 }, 'backoff.factor'],
      [{ type: 'constant', factor: 2 }, 'backoff.factor'],
      [{ type: 'linear', factor: 2 }, 'backoff.factor'],
      [{ jitter: 'decorrelated', factor: 2 }, 'backoff.factor'],
      [{ jitter: 'decorrelated', type: 'constant' }, 'backoff.type'],
      [{ jitter: 'decorrelated', delays: [5] }, 'backoff.type'],
      [{ type: 'sequence' }, 'backoff.delays'],
      [{ delays: [] }, 'backoff.delays'],
      [{ delays: '5s' }, 'backoff.delays'],
      [{ delays: [5, 'soon'] }, 'backoff.delays[1]'],
      [{ type: 'linear', delays: [5] }, 'backoff.delays'],
      [{ delays: [5], initial: 5 }, 'backoff.initial'],
      [{ delays: [5], max: 5 }, 'backoff.max'],
      [{ delays: [5], factor: 5 }, 'backoff.factor'],
    ]
    for (const [options, option] of wrong) {
      let error: unknown
      try {
        backoff(options)
      } catch (thrown) {
        error = thrown
      }
      expect(error, JSON.stringify(options)).toBeInstanceOf(OptionError)
      expect((error as OptionError).option).toBe(option)
    }
  })
})
