import { describe, expect, it } from 'vitest'
import { cutText, padText, plainText, textWidth } from './text-width.ts'
import { isoTime, readTime, relativeTime, spanText } from './time-text.ts'

const ESCAPE = String.fromCharCode(27)

describe('the width of text', () => {
  it('counts columns, not characters', () => {
    const texts = ['abc', 'é', 'e\u0301', '日本', '한', '👩‍👩‍👧', '✓', `${ESCAPE}[31mred${ESCAPE}[39m`]
    expect(texts.map(textWidth)).toEqual([3, 1, 1, 4, 2, 2, 1, 3])
  })

  it('cuts and pads by columns', () => {
    expect(cutText('日本語', 5)).toBe('日本…')
    expect(cutText('abc', 3)).toBe('abc')
    expect(padText('日', 4)).toBe('日  ')
    expect(padText('7', 3, 'right')).toBe('  7')
  })

  it('makes other people’s text one harmless line', () => {
    expect(plainText(`a\n\tb${ESCAPE}[2Jc\u0007\u202ed\u009b`)).toBe('a bcd')
  })
})

describe('times for people', () => {
  it('are relative, in one unit', () => {
    const now = 1_000_000_000
    const at = (ms: number) => relativeTime(now + ms, now)
    expect([at(12_000), at(-190_000), at(500), at(7_300_000), at(-3 * 86_400_000)]).toEqual([
      'in 12 s',
      '3 min ago',
      'now',
      'in 2 h',
      '3 d ago',
    ])
    expect(spanText(15)).toBe('15 ms')
  })

  it('are read as ISO 8601, epoch ms or from now', () => {
    expect(readTime('2030-01-01T00:00:00Z', 0)).toBe(Date.UTC(2030, 0, 1))
    expect(readTime('1893456000000', 0)).toBe(1_893_456_000_000)
    expect([readTime('10m', 1000), readTime('+1.5h', 0)]).toEqual([601_000, 5_400_000])
    expect([readTime('soon', 0), readTime('12', 0), readTime('2030-99-99', 0)]).toEqual([undefined, undefined, undefined])
    expect(isoTime(Date.UTC(2030, 0, 1, 2, 3, 4, 567))).toBe('2030-01-01T02:03:04Z')
  })
})
