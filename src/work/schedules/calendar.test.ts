import { describe, expect, it } from 'vitest'
import { cronCalendar, evenCalendar } from './calendar.ts'
import { defineSchedule } from './schedule.ts'

const at = (iso: string): number => Date.parse(iso)
const isos = (times: readonly number[]): string[] => times.map((time) => new Date(time).toISOString().replace('.000Z', 'Z'))

/** Times one after the other, as a scheduler asks for them. */
function follow(pattern: string, timezone: string, from: string, count: number): string[] {
  const calendar = cronCalendar(pattern, timezone, 'test')
  const times: number[] = []
  for (let after = at(from); times.length < count; after = times.at(-1) as number) times.push(calendar.next(after) as number)
  return isos(times)
}

describe('a cron pattern', () => {
  it('goes by the clocks of its time zone', () => {
    expect(follow('0 9 * * MON-FRI', 'America/New_York', '2026-10-30T00:00:00Z', 3)).toEqual([
      '2026-10-30T13:00:00Z',
      '2026-11-02T14:00:00Z',
      '2026-11-03T14:00:00Z',
    ])
    expect(follow('@daily', 'UTC', '2026-10-30T00:00:00Z', 1)).toEqual(['2026-10-31T00:00:00Z'])
    expect(follow('*/10 * * * * *', 'UTC', '2026-10-30T00:00:00.500Z', 2)).toEqual([
      '2026-10-30T00:00:10Z',
      '2026-10-30T00:00:20Z',
    ])
  })

  // Clocks go from 02:00 to 03:00.
  it('does not lose the day on which its time of day is skipped', () => {
    expect(follow('30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', 2)).toEqual([
      '2026-03-29T01:00:00Z',
      '2026-03-30T00:30:00Z',
    ])
    expect(follow('*/30 * * * *', 'Europe/Berlin', '2026-03-29T00:20:00Z', 4)).toEqual([
      '2026-03-29T00:30:00Z',
      '2026-03-29T01:00:00Z',
      '2026-03-29T01:30:00Z',
      '2026-03-29T02:00:00Z',
    ])
  })

  // Clocks go from 03:00 back to 02:00.
  it('comes once on the day that has its time of day twice, and every half hour in every half hour', () => {
    expect(follow('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z', 2)).toEqual([
      '2026-10-25T00:30:00Z',
      '2026-10-26T01:30:00Z',
    ])
    expect(follow('*/30 * * * *', 'Europe/Berlin', '2026-10-25T00:20:00Z', 4)).toEqual([
      '2026-10-25T00:30:00Z',
      '2026-10-25T01:00:00Z',
      '2026-10-25T01:30:00Z',
      '2026-10-25T02:00:00Z',
    ])
  })

  it.each([
    ['30 2 * * *', 'Europe/Berlin', '2026-03-29'],
    ['30 2 * * *', 'Europe/Berlin', '2026-10-25'],
    ['*/20 1-3 * * *', 'America/New_York', '2026-03-08'],
    ['*/20 1-3 * * *', 'America/New_York', '2026-11-01'],
    ['0 */5 * * *', 'Australia/Lord_Howe', '2026-04-05'],
  ])('%s in %s has the same times looking back as looking ahead, around %s', (pattern, timezone, day) => {
    const calendar = cronCalendar(pattern, timezone, 'test')
    const [from, to] = [at(`${day}T00:00:00Z`) - 2 * 86_400_000, at(`${day}T00:00:00Z`) + 2 * 86_400_000]
    const ahead: number[] = []
    for (let next = calendar.next(from); next !== undefined && next <= to; next = calendar.next(next)) ahead.push(next)
    expect(isos(calendar.between(from, to, 10_000))).toEqual(isos(ahead))
    expect(calendar.between(from, to, 3)).toEqual(ahead.slice(-3))
  })

  it('looks back as far as it must, with the end and without the beginning', () => {
    const calendar = cronCalendar('* * * * *', 'UTC', 'test')
    const end = at('2026-01-01T01:00:00Z')
    expect(calendar.between(end - 60_000, end, 100)).toEqual([end])
    expect(calendar.between(end - 60_000, end - 1, 100)).toEqual([])
    expect(calendar.between(end, end + 999, 100)).toEqual([])
    expect(calendar.between(end - 50 * 60_000, end, 100)).toHaveLength(50)
    expect(calendar.between(0, end, 100)).toHaveLength(100)
  })
})

describe('even distances', () => {
  it('are counted from their anchor, so that all processes agree', () => {
    const calendar = evenCalendar(10_000, 5000)
    expect([calendar.next(0), calendar.next(5000), calendar.next(24_999), calendar.next(25_000)]).toEqual([
      5000, 15_000, 25_000, 35_000,
    ])
    expect(calendar.between(0, 25_000, 100)).toEqual([5000, 15_000, 25_000])
    expect(calendar.between(5000, 24_999, 100)).toEqual([15_000])
    expect(calendar.between(0, 1e12, 2)).toEqual([1e12 - 5000 - 10_000, 1e12 - 5000])
  })
})

describe('a schedule', () => {
  const define = (options: object) => () => defineSchedule({ name: 's', kind: 'k', ...options } as never)

  it.each([
    [{}, "must be given either 'cron' or 'every'"],
    [{ cron: '* * * * *', every: '1m' }, "must be given either 'cron' or 'every'"],
    [{ cron: '61 * * * *' }, "schedule 's'.cron"],
    [{ cron: '0 0 30 2 *' }, 'never does'],
    [{ cron: '2026-12-01T00:00:00' }, 'must be a cron pattern'],
    [{ cron: '@reboot' }, 'must be a cron pattern'],
    [{ cron: '* * * * *', timezone: 'Berlin' }, "schedule 's'.timezone"],
    [{ every: '1m', timezone: 'UTC' }, "goes with 'cron' only"],
    [{ every: '10ms' }, "schedule 's'.every"],
    [{ every: '1m', missed: 'none' }, 'skip'],
    [{ every: '1m', missedLimit: 3 }, "goes with missed: 'all' only"],
    [{ every: '1m', startAt: 'tomorrow' }, "schedule 's'.startAt"],
    [{ every: '1m', name: 'with space' }, 'schedule.name'],
    [{ every: '1m', kind: '' }, "schedule 's'.kind"],
    [{ every: '1m', at: 3 }, "'schedule.at' is not an option"],
    [{ every: null }, 'every'],
  ])('is refused with the option that is wrong: %j', (options, message) => {
    expect(define(options)).toThrow(message)
  })
})
