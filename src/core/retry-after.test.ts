import { describe, expect, it } from 'vitest'
import { parseRetryAfter, retryAfterOf } from './retry-after.ts'

const NOW = Date.UTC(2026, 10, 21, 12, 0, 0)

describe('parseRetryAfter', () => {
  // T: 27
  it.each<[string, number | undefined]>([
    ['0', 0],
    ['1', 1000],
    [' 120 ', 120_000],
    ['1.5', 1500],
    ['0.0001', 1],
    ['99999999999999999999', Number.MAX_SAFE_INTEGER],
    ['9'.repeat(400), Number.MAX_SAFE_INTEGER],
    ['Sat, 21 Nov 2026 12:00:30 GMT', 30_000],
    ['Saturday, 21-Nov-26 12:00:30 GMT', 30_000],
    ['Sat Nov 21 12:00:30 2026', 30_000],
    ['Tue Dec  1 12:00:00 2026', 10 * 86_400_000],
    ['sat, 21 nov 2026 12:00:30 gmt', 30_000],
    [' Sat, 21 Nov 2026 12:00:30 GMT ', 30_000],
    ['Sat, 21 Nov 2026 11:00:00 GMT', 0],
    ['Sunday, 06-Nov-94 08:49:37 GMT', 0],
    ['Sat, 21 Nov 2026 23:59:60 GMT', 12 * 3_600_000],
    ['-1', undefined],
    ['-0', undefined],
    ['+5', undefined],
    ['1e3', undefined],
    ['0x10', undefined],
    ['Infinity', undefined],
    ['NaN', undefined],
    ['soon', undefined],
    ['', undefined],
    ['  ', undefined],
    ['5, 10', undefined],
    ['2026-11-21T12:00:30Z', undefined],
    ['Sat, 31 Feb 2026 12:00:30 GMT', undefined],
    ['Sat, 21 Nov 2026 25:00:30 GMT', undefined],
    ['Sat, 21 Nov 2026 12:00:30 +0200', undefined],
    ['Sat, 21 Nov 2026 12:00:30', undefined],
    ['Sat, 00 Nov 2026 12:00:30 GMT', undefined],
    ['Sat, 21 Foo 2026 12:00:30 GMT', undefined],
    ['Sat, 21 Nov 2026 12:60:30 GMT', undefined],
    ['Sat, 21 Nov 2026 12:00:61 GMT', undefined],
    ['on Sat, 21 Nov 2026 12:00:30 GMT', undefined],
    ['Sat, 21 Nov 2026 12:00:30 GMT sharp', undefined],
    ['on Saturday, 21-Nov-26 12:00:30 GMT', undefined],
    ['Saturday, 21-Nov-26 12:00:30 GMT sharp', undefined],
    ['on Sat Nov 21 12:00:30 2026', undefined],
    ['Sat Nov 21 12:00:30 2026 sharp', undefined],
  ])('reads %j as %j', (value, ms) => {
    expect(parseRetryAfter(value, NOW)).toBe(ms)
    expect(parseRetryAfter(new Headers({ 'Retry-After': value }), NOW)).toBe(ms)
    expect(parseRetryAfter({ 'retry-after': value }, NOW)).toBe(ms)
  })

  // T: 27
  it.each<[string, Record<string, string | string[]>, number | undefined]>([
    ['nothing', {}, undefined],
    ['milliseconds', { 'retry-after-ms': '250' }, 250],
    ['milliseconds of Azure', { 'x-ms-retry-after-ms': '250' }, 250],
    ['milliseconds of AWS', { 'x-amz-retry-after': '1500' }, 1500],
    ['milliseconds before seconds', { 'retry-after': '1', 'retry-after-ms': '250' }, 250],
    ['seconds when the milliseconds are garbage', { 'retry-after': '1', 'retry-after-ms': '-3' }, 1000],
    ['a record in any letter case', { 'Retry-After': '2' }, 2000],
    ['the first of several values', { 'retry-after': ['3', '7'] }, 3000],
    ['an empty list', { 'retry-after': [] }, undefined],
  ])('reads %s', (_name, headers, ms) => {
    expect(parseRetryAfter(headers, NOW)).toBe(ms)
  })

  it('knows every month in every form of a date', () => {
    for (const month of Array(12).keys()) {
      const date = new Date(Date.UTC(2027, month, 9, 1, 2, 3))
      const [day, dayOfMonth, name] = date.toUTCString().split(/,? /) as [string, string, string]
      for (const text of [date.toUTCString(), `Monday, ${dayOfMonth}-${name}-27 01:02:03 GMT`, `${day} ${name}  9 01:02:03 2027`])
        expect(parseRetryAfter(text, NOW), text).toBe(date.getTime() - NOW)
    }
  })

  it('takes a number as seconds and absence as nothing', () => {
    expect(parseRetryAfter(3, NOW)).toBe(3000)
    expect(parseRetryAfter(Number.NaN, NOW)).toBeUndefined()
    expect(parseRetryAfter(null, NOW)).toBeUndefined()
    expect(parseRetryAfter(undefined, NOW)).toBeUndefined()
  })

  it('takes a two-digit year more than 50 years ahead as one of the past century', () => {
    expect(parseRetryAfter('Wednesday, 01-Jan-80 00:00:00 GMT', NOW)).toBe(0)
    for (const year of [70, 76])
      expect(parseRetryAfter(`Wednesday, 01-Jan-${year} 00:00:00 GMT`, NOW)).toBe(Date.UTC(2000 + year, 0, 1) - NOW)
  })
})

describe('what an error asks for', () => {
  // T: 27
  it.each<[string, unknown, number | undefined]>([
    ['its own ms', { retryAfterMs: 250, headers: { 'retry-after': '9' } }, 250],
    ['nothing, of a number that is none', { retryAfterMs: Number.NaN, headers: { 'retry-after': '9' } }, undefined],
    ['seconds of its headers', { headers: { 'Retry-After': '9' } }, 9000],
    ['ms of its headers', { headers: new Headers({ 'retry-after-ms': '9' }) }, 9],
    [
      'a date of its response',
      { response: { headers: new Headers({ 'retry-after': new Date(NOW + 7000).toUTCString() }) } },
      7000,
    ],
    ['nothing', new Error('x'), undefined],
    ['nothing, of text', 'Retry-After: 5', undefined],
    ['nothing, of headers that are text', { headers: '5' }, undefined],
    ['nothing, of nothing', undefined, undefined],
    ['nothing, of no headers', { headers: null, response: { headers: null } }, undefined],
    ['nothing, of a response that is none', { response: null }, undefined],
  ])('is %s', (_name, error, ms) => {
    expect(retryAfterOf(error, NOW)).toBe(ms)
  })

  it('is nothing, of what cannot be read', () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    expect(retryAfterOf(proxy, NOW)).toBeUndefined()
    expect(retryAfterOf({ headers: { 'retry-after': 5 } }, NOW)).toBeUndefined()
  })
})
