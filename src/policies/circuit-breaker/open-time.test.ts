import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../core/random.ts'
import { openTimeOf } from './open-time.ts'

describe('the time that a breaker stays open', () => {
  it('doubles with each opening in a row, up to its longest, for ever', () => {
    const settings = { openMs: 100, openMaxMs: 1000 }
    expect([0, 1, 2, 3, 4, 50, 5000].map((openings) => openTimeOf(settings, openings))).toEqual([
      100, 200, 400, 800, 1000, 1000, 1000,
    ])
  })

  it('may be a function of the openings, within the same bound', () => {
    const settings = { openMs: (openings: number) => 10 + openings * 7, openMaxMs: 30 }
    expect([0, 1, 2, 3].map((openings) => openTimeOf(settings, openings))).toEqual([10, 17, 24, 30])
  })

  // T: 10
  it('is shortened by chance, at its longest too, so that no two processes probe in step', () => {
    const random = seededRandom(7)
    const settings = { openMs: 100, openMaxMs: 400, openJitter: 0.25, random }
    const times = Array.from({ length: 50 }, () => openTimeOf(settings, 9))
    expect(new Set(times).size).toBe(50)
    for (const time of times) {
      expect(time).toBeGreaterThan(300)
      expect(time).toBeLessThanOrEqual(400)
    }
    expect(openTimeOf({ ...settings, openJitter: 0 }, 0)).toBe(100)
  })

  // T: 27
  it('is at least what the target asks for, and at most its longest', () => {
    const settings = { openMs: 100, openMaxMs: 400, openJitter: 0.5, random: () => 1 }
    expect([0, 60, 300, 4000].map((asked) => openTimeOf(settings, 0, asked))).toEqual([50, 60, 300, 400])
  })
})
