/** Which times of a schedule are to be done now: a pure decision. */
import type { Schedule } from './schedule.ts'

/** A time that is not older than this is late, as timers are, but not missed, in ms. */
export const LATE_MS = 60_000

export interface Due {
  /** To be done, earliest first. */
  readonly times: readonly number[]
  /** How many more passed than are done; counted up to 1,000. */
  readonly missed: number
  /** The last time that has come; undefined when none has. */
  readonly upTo: number | undefined
}

const COUNT_LIMIT = 1000

/**
 * @param done everything up to here was dealt with
 * @param now both in epoch ms by the store's clock
 */
export function dueTimes(schedule: Schedule, done: number, now: number): Due {
  const after = Math.max(done, schedule.startAt - 1)
  const passed = schedule.calendar.between(after, now, COUNT_LIMIT)
  const times = passed.slice(Math.max(0, passed.length - howMany(schedule, passed, now)))
  return { times, missed: passed.length - times.length, upTo: passed.at(-1) }
}

function howMany({ missed, missedLimit }: Schedule, passed: readonly number[], now: number): number {
  const last = passed.at(-1)
  if (last === undefined) return 0
  if (missed === 'all') return missedLimit
  return missed === 'latest' || now - last <= LATE_MS ? 1 : 0
}
