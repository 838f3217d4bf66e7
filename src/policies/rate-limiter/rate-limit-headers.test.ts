import { describe, expect, it } from 'vitest'
import { readRateLimits, readReset } from './rate-limit-headers.ts'
import { parseFieldList } from './structured-field.ts'

const NOW = Date.UTC(2026, 0, 1)

describe('what a response says of limits', () => {
  const table: [name: string, headers: Record<string, string>, quotas: object[]][] = [
    [
      'structured fields, joined with their policies by name',
      { RateLimit: '"burst";r=5;t=1, "daily";r=900;t=40000', 'RateLimit-Policy': '"burst";q=10;w=1,"daily";q=1000;w=86400' },
      [
        { name: 'burst', remaining: 5, limit: 10, resetMs: 1000, windowMs: 1000 },
        { name: 'daily', remaining: 900, limit: 1000, resetMs: 40_000_000, windowMs: 86_400_000 },
      ],
    ],
    [
      'no reset, and a policy in another unit',
      { ratelimit: '"a";r=0, "bytes";r=3;t=9', 'ratelimit-policy': '"bytes";q=9;w=9;qu="content-bytes"' },
      [{ name: 'a', remaining: 0, limit: undefined, resetMs: undefined, windowMs: undefined }],
    ],
    [
      'the dictionary of older drafts',
      { RateLimit: 'limit=100, remaining=50, reset=30', 'RateLimit-Policy': '100;w=60' },
      [{ name: 'default', remaining: 50, limit: 100, resetMs: 30_000, windowMs: 60_000 }],
    ],
    [
      'three headers, the limit with its window',
      { 'RateLimit-Limit': '100, 100;w=60', 'RateLimit-Remaining': '0', 'RateLimit-Reset': '12' },
      [{ name: 'default', remaining: 0, limit: 100, resetMs: 12_000, windowMs: 60_000 }],
    ],
    [
      'X-RateLimit with epoch seconds, by the clock of the server',
      {
        'x-ratelimit-limit': '5000',
        'X-RateLimit-Remaining': '4999',
        'x-ratelimit-reset': String(NOW / 1000 + 90),
        date: new Date(NOW + 30_000).toUTCString(),
      },
      [{ name: 'default', remaining: 4999, limit: 5000, resetMs: 60_000 }],
    ],
    [
      'X-Rate-Limit with epoch milliseconds',
      { 'x-rate-limit-remaining': '1', 'x-rate-limit-reset': String(NOW + 1500) },
      [{ remaining: 1, resetMs: 1500 }],
    ],
    [
      'X-RateLimit-Reset-After beside a date',
      { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(NOW / 1000 + 9), 'x-ratelimit-reset-after': '1.25' },
      [{ remaining: 0, resetMs: 1250 }],
    ],
    [
      'requests apart from tokens',
      {
        'x-ratelimit-remaining-requests': '59',
        'x-ratelimit-limit-requests': '60',
        'x-ratelimit-reset-requests': '6m0s',
        'x-ratelimit-remaining-tokens': '0',
      },
      [{ remaining: 59, limit: 60, resetMs: 360_000 }],
    ],
    ['nonsense', { RateLimit: '"x";r=five;t=-1, ,,"', 'x-ratelimit-remaining': 'many' }, [{ name: 'x', remaining: undefined }]],
    [
      'requests where others are counted too, none below nothing, and only what says how many are left',
      {
        RateLimit: 'limit=5, "no";t=5, "in words";r=2;t=3, "below";r=-3.5;t=1e16, "part";r=2.9;t=0',
        'RateLimit-Policy': '"in words";q=9;w=60;qu="requests"',
      },
      [
        { name: 'in words', remaining: 2, limit: 9, resetMs: 3000, windowMs: 60_000 },
        { name: 'below', remaining: 0, resetMs: undefined },
        { name: 'part', remaining: 2, resetMs: 0 },
      ],
    ],
    [
      'empty numbers as none',
      { 'x-ratelimit-remaining': '7', 'x-ratelimit-limit': ' ', 'x-ratelimit-reset-after': ' ' },
      [{ remaining: 7, limit: undefined, resetMs: undefined, windowMs: undefined }],
    ],
    [
      'the window of the limit that applies',
      { 'RateLimit-Limit': '100, 50;w=1, 100;w=60', 'RateLimit-Remaining': '3', 'RateLimit-Reset': '12' },
      [{ remaining: 3, limit: 100, windowMs: 60_000 }],
    ],
    ['a dictionary whose members have parameters', { RateLimit: 'a=5;r=3;t=1' }, []],
    ['what is empty', { 'x-ratelimit-remaining': ' ' }, []],
    [
      'the longest that can be told',
      { RateLimit: '"a";r=1;t=9007199254740.991, "b";r=1;t=-1' },
      [
        { name: 'a', resetMs: 9_007_199_254_740_990 },
        { name: 'b', resetMs: undefined },
      ],
    ],
    ['nothing', {}, []],
  ]
  for (const [name, headers, quotas] of table)
    it(`is read from ${name}`, () => {
      expect(readRateLimits(headers, NOW).quotas).toMatchObject(quotas)
      expect(readRateLimits(headers, NOW).quotas.length).toBe(quotas.length)
      expect(readRateLimits(new Headers(headers), NOW).quotas).toMatchObject(quotas)
    })

  // T: 27
  it('includes Retry-After in all its forms', () => {
    const pause = (headers: Record<string, string>) => readRateLimits(headers, NOW).retryAfterMs
    expect([pause({ 'retry-after': '7' }), pause({ 'retry-after-ms': '70' }), pause({})]).toEqual([7000, 70, undefined])
    expect(pause({ 'Retry-After': new Date(NOW + 5000).toUTCString() })).toBe(5000)
  })

  it('tells seconds, epoch seconds, epoch milliseconds, durations and dates apart', () => {
    const resets = [
      ['0', 0],
      ['86400', 86_400_000],
      ['999999999', 999_999_999_000],
      [String(NOW / 1000 + 1), 1000],
      [String(NOW / 1000 - 1), 0],
      [String(NOW + 1), 1],
      [String(NOW - 1), 0],
      ['1m30s', 90_000],
      ['2026-01-01T00:00:02Z', 2000],
      ['2026-99-01T00:00:02Z', undefined],
      ['Thu, 01 Jan 2026 00:00:03 GMT', 3000],
      [' 1.25 ', 1250],
      [` ${NOW / 1000 + 1} `, 1000],
      [`${NOW / 1000 + 1}.25`, 1250],
      ['12.5', 12_500],
      ['1000000000', 0],
      ['99999999999', 99_999_999_999_000 - NOW],
      ['100000000000', 0],
      ['1.5m', 90_000],
      ['1.25s', 1250],
      ['in 5', undefined],
      ['in 5s', undefined],
      ['5s or so', undefined],
      ['at 2026-01-01T00:00:02Z', undefined],
      ['1.s', undefined],
      ['soon', undefined],
      ['', undefined],
      [undefined, undefined],
    ] as const
    for (const [text, ms] of resets) expect(readReset(text, NOW), text).toBe(ms)
  })

  it('reads a header that came several times', () => {
    const headers = { ratelimit: ['"a";r=1;t=1', '"b";r=2;t=2'] }
    expect(readRateLimits(headers, NOW).quotas.map(({ name }) => name)).toEqual(['a', 'b'])
  })
})

describe('a structured field', () => {
  it('is read as members with parameters, quotes and escapes included', () => {
    expect(parseFieldList('"a, \\"b";Q=1;flag, key=2 ;w="x;y",c')).toEqual([
      { key: undefined, value: 'a, "b', params: { q: '1', flag: '' } },
      { key: 'key', value: '2', params: { w: 'x;y' } },
      { key: undefined, value: 'c', params: {} },
    ])
  })

  it('ends where it cannot be read, without a prototype to step on, and in linear time', () => {
    expect(parseFieldList('a;b=1, "open').length).toBe(1)
    expect(parseFieldList(undefined)).toEqual([])
    expect(parseFieldList('a,'.repeat(2000)).length).toBe(1000)
    expect(parseFieldList('a;b=1')[0]!.params.toString).toBeUndefined()
    expect(parseFieldList(`${'a;'.repeat(100_000)}`).length).toBeLessThanOrEqual(1)
  })
})
