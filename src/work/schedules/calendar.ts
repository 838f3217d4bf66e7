/**
 * When something is to happen, again and again: by the calendar of a time zone, or at even distances. Pure: told the time, it
 * answers times, all in epoch ms.
 */
import { Cron } from 'croner'
import { OptionError } from '../../core/errors.ts'

export interface Calendar {
  /** The first time after `after`; undefined when there is none any more. */
  next(after: number): number | undefined
  /** The last `limit` times after `after`, up to and including `until`; earliest first. */
  between(after: number, until: number, limit: number): readonly number[]
}

/**
 * Times of a cron pattern, five fields or six with seconds, on the clocks of a time zone.
 *
 * A time of day that a change of the clocks skips comes when they have changed; one that comes twice counts the first time. A
 * pattern that repeats within the day (every thirty minutes) goes by what really passes: nothing is skipped, nothing doubled.
 *
 * @throws OptionError
 */
export function cronCalendar(pattern: string, timezone: string, where: string): Calendar {
  const cron = compile(pattern, timezone, where)
  return {
    next: (after) => cron.nextRun(new Date(after))?.getTime(),
    between(after, until, limit) {
      const times = lately(cron, after, until, limit)
      return times.filter((at) => at > after && at <= until).reverse()
    },
  }
}

/** Back from `until`, which counts itself, in growing steps: mostly there is one time to be found, or none. */
function lately(cron: Cron, after: number, until: number, limit: number): number[] {
  for (let count = Math.min(2, limit); ; count = Math.min(count * 8, limit)) {
    const times = cron.previousRuns(count, new Date(until + 1)).map((date) => date.getTime())
    if (times.length < count || count >= limit || (times.at(-1) as number) <= after) return times
  }
}

function compile(pattern: string, timezone: string, where: string): Cron {
  checkTimezone(timezone, where)
  let cron: Cron
  try {
    // Without a function it only computes, and has no timer.
    cron = new Cron(pattern, { timezone, mode: '5-or-6-parts' })
  } catch (error) {
    throw new OptionError(`${where}.cron`, `must be a cron pattern (${(error as Error).message})`, pattern)
  }
  if (cron.getPattern() === undefined)
    throw new OptionError(`${where}.cron`, "must be a cron pattern such as '0 3 * * *'", pattern)
  if (cron.nextRun(new Date(0)) === null)
    throw new OptionError(`${where}.cron`, 'must come at some time, and never does', pattern)
  return cron
}

function checkTimezone(timezone: string, where: string): void {
  try {
    new Intl.DateTimeFormat('en', { timeZone: timezone })
  } catch {
    throw new OptionError(`${where}.timezone`, "must be the name of a time zone, such as 'UTC' or 'Europe/Berlin'", timezone)
  }
}

/** Times at even distances from an anchor, so that every process comes to the same ones. */
export function evenCalendar(everyMs: number, anchor: number): Calendar {
  const indexOf = (at: number): number => Math.floor((at - anchor) / everyMs)
  const at = (index: number): number => anchor + index * everyMs
  return {
    next: (after) => at(Math.max(0, indexOf(after) + 1)),
    between(after, until, limit) {
      const last = indexOf(until)
      const first = Math.max(0, indexOf(after) + 1, last - limit + 1)
      return Array.from({ length: Math.max(0, last - first + 1) }, (_, n) => at(first + n))
    },
  }
}
