import { describe, expect, it } from 'vitest'
import { parseIsoTime } from './iso-time.ts'

describe('an ISO 8601 time', () => {
  it.each([
    ['2028-02-29', Date.UTC(2028, 1, 29)],
    ['2026-03-29T02:30Z', Date.UTC(2026, 2, 29, 2, 30)],
    ['2026-03-29T02:30:05.123456789Z', Date.UTC(2026, 2, 29, 2, 30, 5, 123)],
    ['2026-12-31T23:00:00-02:00', Date.UTC(2027, 0, 1, 1)],
    ['2026-12-31T23:00:00+0530', Date.UTC(2026, 11, 31, 17, 30)],
  ])('%s is read', (text, at) => {
    expect(parseIsoTime(text)).toBe(at)
  })

  it.each([
    '2025-02-29',
    '2025-02-30T00:00:00Z',
    '2025-04-31',
    '2025-13-01',
    '2025-00-10',
    '2025-01-00',
    '2030-01-31T08:00:00',
    '2030-01-31T25:00:00Z',
    '2030-01-31 08:00:00Z',
    '+275760-09-13T00:00:00Z',
    '20300131',
    '31 Jan 2030',
    'tomorrow',
    '',
  ])('%j is none', (text) => {
    expect(parseIsoTime(text)).toBeUndefined()
  })
})
