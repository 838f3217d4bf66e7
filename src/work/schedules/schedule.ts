/**
 * A schedule: jobs that are to be enqueued at certain times, again and again. Defined once; a `Scheduler` carries it out.
 */
import type { Duration } from '../../core/duration.ts'
import { OptionError } from '../../core/errors.ts'
import { parseIsoTime } from '../../core/iso-time.ts'
import { checkDuration, checkInteger, checkKnown, checkName, checkOneOf } from '../../core/validate.ts'
import type { JobRequest } from '../job-request.ts'
import type { Calendar } from './calendar.ts'
import { cronCalendar, evenCalendar } from './calendar.ts'

/**
 * What happens to times that passed while no process ran, or while all were stopped: `latest` does the last of them now,
 * `skip` does none, `all` does each, up to `missedLimit`, the latest ones.
 */
export type MissedPolicy = 'skip' | 'latest' | 'all'

/** When a time was, for a payload that depends on it. */
export interface Occurrence {
  readonly schedule: string
  /** Epoch ms for which it was due; not when it is done. */
  readonly at: number
}

/** What JSON can say. */
type Plain = string | number | boolean | null | readonly unknown[] | { readonly [field: string]: unknown }

export interface ScheduleOptions {
  /** Keep it: what was done so far is remembered under it. */
  readonly name: string
  /** Five fields, or six with seconds first; or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`. This or `every`. */
  readonly cron?: string
  /** The distance between two times, at least 1 s, counted from `startAt`, without it from the beginning of 1970 in UTC. */
  readonly every?: Duration
  /** The time zone of `cron`. Default `'UTC'`, wherever the process runs. */
  readonly timezone?: string
  /** No time before this one: epoch ms, or an ISO 8601 date. Default: none before it was seen first. */
  readonly startAt?: number | string
  readonly kind: string
  /** The payload of each job, or what makes it. Default null. */
  readonly payload?: Plain | ((occurrence: Occurrence) => unknown)
  /** Default `latest`. */
  readonly missed?: MissedPolicy
  /** The most jobs that `all` makes at once. Default 100. */
  readonly missedLimit?: number
  /** Default: the kind's. */
  readonly priority?: number
  /** Default: the kind's. */
  readonly maxAttempts?: number
}

/** A schedule as compiled by `defineSchedule`. */
export interface Schedule {
  readonly name: string
  /** As written: the cron pattern, or undefined. */
  readonly cron: string | undefined
  readonly everyMs: number | undefined
  readonly timezone: string
  readonly kind: string
  readonly missed: MissedPolicy
  /** How many missed ones are made at most. */
  readonly missedLimit: number
  /** Epoch ms; no time lies before it. */
  readonly startAt: number
  readonly calendar: Calendar
  /** The job for one time, without its key. */
  readonly requestAt: (at: number) => JobRequest
}

const KNOWN = [
  'name',
  'cron',
  'every',
  'timezone',
  'startAt',
  'kind',
  'payload',
  'missed',
  'missedLimit',
  'priority',
  'maxAttempts',
] as const

/**
 * Checks and freezes a schedule. Whether its kind exists and takes its payload, the scheduler checks.
 *
 * @throws OptionError naming the schedule and the option
 * @example run
 * defineSchedule({ name: 'nightly-report', cron: '0 3 * * *', timezone: 'Europe/Berlin', kind: 'report' })
 * defineSchedule({ name: 'poll', every: '30s', kind: 'http', payload: { url: 'https://api.example.com/feed' }, missed: 'skip' })
 */
export function defineSchedule(options: ScheduleOptions): Schedule {
  checkKnown(options, KNOWN, 'schedule')
  const name = checkScheduleName(options.name)
  const where = `schedule '${name}'`
  if ((options.cron === undefined) === (options.every === undefined))
    throw new OptionError(where, "must be given either 'cron' or 'every'", options.cron === undefined ? 'neither' : 'both')
  if (options.timezone !== undefined && options.cron === undefined)
    throw new OptionError(`${where}.timezone`, "goes with 'cron' only", options.timezone)
  if (options.missedLimit !== undefined && options.missed !== 'all')
    throw new OptionError(`${where}.missedLimit`, "goes with missed: 'all' only", options.missedLimit)
  const { priority, maxAttempts, payload = null, timezone = 'UTC' } = options
  const startAt = options.startAt === undefined ? 0 : checkTime(options.startAt, `${where}.startAt`)
  const everyMs = options.every === undefined ? undefined : checkDuration(options.every, `${where}.every`, 1000)
  const kind = checkName(options.kind, `${where}.kind`)
  const make = typeof payload === 'function' ? payload : () => payload
  return Object.freeze({
    name,
    cron: options.cron,
    everyMs,
    timezone,
    kind,
    missed: checkOneOf(options.missed ?? 'latest', `${where}.missed`, ['skip', 'latest', 'all'] as const),
    missedLimit: checkInteger(options.missedLimit ?? 100, `${where}.missedLimit`, 1, 1000),
    startAt,
    calendar:
      everyMs === undefined
        ? cronCalendar(checkName(options.cron, `${where}.cron`), timezone, where)
        : evenCalendar(everyMs, startAt),
    requestAt: (at: number) => ({ kind, payload: make({ schedule: name, at }), priority, maxAttempts }),
  })
}

function checkScheduleName(value: unknown): string {
  const name = checkName(value, 'schedule.name')
  if (!/^[A-Za-z0-9][\w.:-]{0,99}$/.test(name))
    throw new OptionError('schedule.name', 'must be 1 to 100 letters, digits and . _ : -, beginning with a letter or digit', name)
  return name
}

function checkTime(value: number | string, option: string): number {
  const at = typeof value === 'string' ? parseIsoTime(value) : value
  if (typeof at !== 'number' || !Number.isInteger(at) || at < 0)
    throw new OptionError(option, 'must be epoch milliseconds or an ISO 8601 date with its offset', value)
  return at
}
