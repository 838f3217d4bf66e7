/** How far a schedule has come and when it is due next, for the scheduler and for the windows. Pure. */

import { LATE_MS } from './due.ts'
import type { MissedPolicy, Schedule } from './schedule.ts'
import type { Progress, ScheduleState } from './schedule-states.ts'
import { timesOf } from './schedule-states.ts'

/** A schedule as the windows show it. Times are epoch ms. */
export interface ScheduleView {
  readonly name: string
  readonly kind: string
  readonly cron?: string
  readonly everyMs?: number
  readonly timezone: string
  readonly missed: MissedPolicy
  readonly paused: boolean
  readonly pausedAt?: number
  /** Absent when there is none any more, and while it is paused. */
  readonly nextAt?: number
  /** The last time that was done, and its job. */
  readonly lastAt?: number
  readonly lastJob?: string
}

/** Clocks are set back by an hour, not by a day: what lies further ahead is no time to wait for. */
const FUTURE_MS = 86_400_000

/** Written down while the clock was wrong. */
export function isWrong({ done }: Progress, now: number): boolean {
  return done > now + FUTURE_MS
}

/** When it is due next, from now on; undefined when never. */
export function nextTime({ calendar, startAt }: Schedule, done: number, now: number): number | undefined {
  return calendar.next(Math.max(done, now, startAt - 1))
}

/** Up to when it was dealt with, as far as that can be believed. */
export function doneOf(schedule: Schedule, progress: Progress | undefined, now: number): number {
  if (progress === undefined || isWrong(progress, now)) return now
  // Its times were changed: what they would have been before that was not missed.
  return progress.times === timesOf(schedule) ? progress.done : Math.max(progress.done, now - LATE_MS)
}

export function viewOf(schedule: Schedule, { progress, pausedAt }: ScheduleState, now: number): ScheduleView {
  const { name, kind, cron, everyMs, timezone, missed } = schedule
  const nextAt = pausedAt === undefined ? nextTime(schedule, doneOf(schedule, progress, now), now) : undefined
  return {
    name,
    kind,
    ...(cron === undefined ? {} : { cron }),
    ...(everyMs === undefined ? {} : { everyMs }),
    timezone,
    missed,
    paused: pausedAt !== undefined,
    ...(pausedAt === undefined ? {} : { pausedAt }),
    ...(nextAt === undefined ? {} : { nextAt }),
    ...(progress?.lastAt === undefined ? {} : { lastAt: progress.lastAt }),
    ...(progress?.lastJob === undefined ? {} : { lastJob: progress.lastJob }),
  }
}
