import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatDuration, parseDuration } from './duration.ts'
import { OptionError } from './errors.ts'

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

describe('parseDuration', () => {
  it('reads numbers and every unit', () => {
    const read = ['250ms', '30s', '1.5m', '1h30m', '2d', ' 5s ', '0ms', '1d2h3m4s5ms', '1.25s'].map((text) => parseDuration(text))
    expect(read).toEqual([250, 30_000, 90_000, 5_400_000, 172_800_000, 5000, 0, 93_784_005, 1250])
    expect(parseDuration(1.5)).toBe(1.5)
  })

  it('adds up any sequence of parts', () => {
    const part = fc.tuple(fc.nat(999), fc.constantFrom(...(Object.keys(UNIT_MS) as (keyof typeof UNIT_MS)[])))
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (parts) => {
        const sum = parts.reduce((total, [count, unit]) => total + count * UNIT_MS[unit], 0)
        expect(parseDuration(parts.map(([count, unit]) => `${count}${unit}`).join(''))).toBe(sum)
      }),
    )
  })

  for (const bad of [
    '',
    ' ',
    '5',
    '1e3',
    '-5s',
    '+5s',
    '5 s',
    '5S',
    's',
    '.5s',
    '5.s',
    '1h 30m',
    '5s!',
    '5µs',
    '0x5s',
    'Infinity',
  ]) {
    it(`refuses ${JSON.stringify(bad)}`, () => {
      expect(() => parseDuration(bad, 'x')).toThrow(OptionError)
      expect(() => parseDuration(bad, 'x')).toThrow(`'x' must be a number of milliseconds or a string`)
    })
  }

  for (const bad of [Number.NaN, null, undefined, {}, [], true, 5n] as unknown[]) {
    it(`refuses ${String(bad)} (${typeof bad})`, () => {
      expect(() => parseDuration(bad as number)).toThrow(OptionError)
    })
  }

  it('refuses what is out of bounds, and names them', () => {
    expect(() => parseDuration(Number.POSITIVE_INFINITY)).toThrow('must be finite and at least 0ms')
    expect(() => parseDuration(-1)).toThrow("'duration' must be finite and at least 0ms")
    expect(() => parseDuration('2s', 'wait', { min: 1, max: 1000 })).toThrow(`'wait' must be between 1ms and 1s: got "2s"`)
    expect(parseDuration('1s', 'wait', { min: 1000, max: 1000 })).toBe(1000)
  })

  it('does not read on from where the last bad text broke off', () => {
    expect(() => parseDuration('5s?')).toThrow()
    expect(parseDuration('7s')).toBe(7000)
  })
})

describe('formatDuration', () => {
  it('shows at most two units', () => {
    const shown = [0, 1, 999, 1000, 1500, 59_900, 60_000, 90_000, 3_600_000, 3_605_000, 93_784_005].map(formatDuration)
    expect(shown).toEqual(['0ms', '1ms', '999ms', '1s', '1.5s', '59.9s', '1m', '1m30s', '1h', '1h', '1d2h'])
    const odd = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN].map(formatDuration)
    expect(odd).toEqual(['for ever', '-Infinity', 'NaN'])
  })

  it('drops what it cannot show and never rounds up', () => {
    expect([0.9, 999.6, 1999.99, 119_999].map(formatDuration)).toEqual(['0ms', '999ms', '1.9s', '1m59s'])
  })

  it('is read back as the same, less only what two units cannot show', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.double({ min: 0, max: 2000, noNaN: true }), fc.double({ min: 0, max: 1e12, noNaN: true })),
        (ms) => {
          const back = parseDuration(formatDuration(ms))
          expect(back).toBeLessThanOrEqual(ms + 1e-6)
          // The second unit is at least a 24th of the first, a tenth of a second, or a millisecond.
          expect(ms - back).toBeLessThan(Math.max(1, ms / 24, ms < 60_000 && ms >= 1000 ? 100 : 0))
          expect(formatDuration(back)).toBe(formatDuration(ms))
        },
      ),
    )
  })
})
