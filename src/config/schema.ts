/**
 * The one schema of the configuration. It sees the layers already merged, so whatever is here without a default is required,
 * and it turns durations into ms and sizes into bytes.
 */
import { z } from 'zod'
import { duration, flag, named, oneOf, options, orFalse, size, text, unlessFalse, whole, within } from './rules.ts'
import type { KindConfig, ScheduleConfig } from './user-config.ts'
import { JITTERS, LOG_LEVELS } from './user-config.ts'

/** A day is longer than any wait here should be; what is longer is a slip in the unit. */
const DAY = 86_400_000

const backoff = {
  initial: duration({ max: DAY }),
  max: duration({ max: DAY }),
  factor: within(1, 100),
  jitter: oneOf(JITTERS),
}

const retry = options({ maxAttempts: whole(1, 1000), ...backoff })

const breaker = options({
  failures: unlessFalse(whole(1), 'must be a whole number of at least 1, or false').optional(),
  failureRate: unlessFalse(within(0, 1), 'must be a number from 0 to 1, or false').optional(),
  window: z.custom<number | string>(isWindow, "must be a number of calls (100) or a duration as text ('30s')").optional(),
  minimumCalls: whole(1).optional(),
  openFor: duration({ min: 1, max: DAY }).optional(),
  openForMax: duration({ min: 1, max: 7 * DAY }).optional(),
  halfOpenCalls: whole(1, 1000).optional(),
  successes: whole(1, 1000).optional(),
  slowAfter: unlessFalse(duration({ min: 1, max: DAY }), 'must be a duration, or false').optional(),
  slowRate: within(0.001, 1).optional(),
  ramp: unlessFalse(duration({ min: 1, max: DAY }), 'must be a duration, or false').optional(),
  rampFrom: within(0.001, 0.999).optional(),
})

const rate = options({
  limit: within(Number.MIN_VALUE, Number.MAX_SAFE_INTEGER, 'a number above 0,'),
  per: duration({ min: 1 }),
  burst: whole(1).optional(),
  shared: z.enum(['strict', 'leased']).optional(),
})

const places = options({
  limit: z.union([whole(1), z.literal('adaptive')], "must be a whole number of at least 1, or 'adaptive'"),
  min: whole(1).optional(),
  max: whole(1).optional(),
  queue: whole(0).optional(),
})
  .refine(
    ({ limit, min, max }) => limit === 'adaptive' || (min ?? max) === undefined,
    "takes 'min' and 'max' only with limit 'adaptive'",
  )
  .refine(({ min = 1, max = Number.POSITIVE_INFINITY }) => min <= max, "must not have a 'min' above its 'max'")

const concurrency = z
  .union(
    [whole(1), z.literal('adaptive'), places],
    "must be a whole number of at least 1, 'adaptive', or { limit, min, max, queue }",
  )
  .transform((value) => (typeof value === 'object' ? value : { limit: value }))

const target = options({
  timeout: duration({ min: 1 }).optional(),
  breaker: orFalse(breaker).optional(),
  rate: rate.optional(),
  concurrency: concurrency.optional(),
  retry: orFalse(retry.partial()).optional(),
})

const kind = z.custom<KindConfig>(isKind, 'must be a kind of job: an object with a name and a handler function')

const schedule = z.custom<ScheduleConfig>(isSchedule, 'must be a schedule: an object with a name, a kind, and cron or every')

export const schema = options({
  server: options({
    host: text(),
    port: whole(0, 65_535),
    token: z.string('must be a string').min(16, 'must have at least 16 characters').optional(),
    maxBody: size(),
    allowedHosts: z.array(text(), 'must be a list of host names'),
  }),
  store: options({
    url: text(),
    durability: oneOf(['full', 'normal']),
    schema: text()
      .regex(/^[a-z_][a-z0-9_]{0,39}$/, "must be 1 to 40 of a-z, 0-9 and '_', not beginning with a digit")
      .optional(),
    poolSize: whole(1, 1000).optional(),
  }),
  state: text().optional(),
  worker: options({
    concurrency: whole(1, 10_000),
    lease: duration({ min: 1000, max: DAY }),
    drain: duration({ max: DAY }),
    pollMax: duration({ min: 10, max: 3_600_000 }),
    maxLostLeases: whole(1, 1000),
  }),
  http: options({
    allow: z.array(text(), 'must be a list of what may be called'),
    timeout: duration({ min: 1, max: DAY }),
    maxAttempts: whole(1, 1000),
    backoff: options({ ...backoff, jitter: oneOf(['none', 'full', 'equal']) }),
    maxBody: size(),
    retention: options({ olderThan: duration().optional(), keep: whole(0).optional() }).optional(),
  }),
  kinds: z.array(kind, 'must be a list of kinds'),
  schedules: z.array(schedule, 'must be a list of schedules'),
  targets: named(target),
  targetDefaults: options({
    timeout: duration({ min: 1 }).optional(),
    rate: rate.optional(),
    concurrency: concurrency.optional(),
  }),
  timeouts: options({
    profiles: named(duration({ min: 1 })),
    operations: named(z.union([text(), z.number()], 'must be the name of a profile, or a duration')),
  }),
  retry,
  breaker,
  rates: named(rate),
  resilience: options({ enabled: flag(), retryEnabled: flag(), breakerEnabled: flag() }),
  retention: options({ olderThan: duration(), keep: whole(0), every: duration({ min: 1000 }) }),
  recovery: options({ every: duration({ min: 100 }), unresponsiveAfter: duration({ min: 1000 }) }),
  audit: orFalse(options({ path: text(), maxBytes: size(), maxFiles: whole(1, 1000) })),
  log: options({
    level: oneOf(LOG_LEVELS),
    format: oneOf(['text', 'json']),
  }),
})

export type Checked = z.output<typeof schema>

function isWindow(value: unknown): boolean {
  if (typeof value === 'number') return Number.isInteger(value) && value >= 1
  return typeof value === 'string' && duration({ min: 1 }).safeParse(value).success
}

function isKind(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { name, handler } = value as Record<string, unknown>
  return typeof name === 'string' && name !== '' && typeof handler === 'function'
}

function isSchedule(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { name, kind, ...times } = value as Record<string, unknown>
  const hasTimes = ['cron', 'every', 'calendar'].some((option) => times[option] !== undefined)
  return typeof name === 'string' && name !== '' && typeof kind === 'string' && hasTimes
}
