import { expect, it } from 'vitest'
import { seededRandom, systemRandom } from './random.ts'

it('a seed gives the same numbers in every run, and another seed others', () => {
  const draw = (seed: number) => {
    const random = seededRandom(seed)
    return [random(), random(), random()]
  }
  expect(draw(42)).toEqual(draw(42))
  expect(draw(42)).not.toEqual(draw(43))
  expect(draw(42).map((number) => number.toFixed(4))).toEqual(['0.6011', '0.4483', '0.8525'])
})

it('numbers are at least 0, below 1, and even', () => {
  for (const random of [seededRandom(7), systemRandom]) {
    const tenths = Array.from({ length: 10 }, () => 0)
    let outside = 0
    for (let draw = 0; draw < 100_000; draw++) {
      const number = random()
      if (!(number >= 0 && number < 1)) outside++
      tenths[Math.floor(number * 10)]!++
    }
    expect(outside).toBe(0)
    for (const count of tenths) expect(Math.abs(count - 10_000)).toBeLessThan(600)
  }
})
