/** What only looks: status, events, health, metrics. */
import type { Clock } from '../../core/clock.ts'
import { withTimeLimit } from '../health/time-limit.ts'
import type { MetricsText } from '../metrics/metrics.ts'
import { redact } from '../redact.ts'
import type { Health, OpsSource, Status } from '../source.ts'
import { ApiError, asApiError } from './api-error.ts'
import type { ApiContext, Route } from './env.ts'
import { eventFeed } from './event-feed.ts'
import { checkQuery } from './fields.ts'

export interface WindowOptions {
  readonly source: OpsSource
  readonly clock: Clock
  readonly version: string
  readonly metrics: MetricsText
  /** True when the caller may see names and messages. */
  readonly isTrusted: (c: ApiContext) => boolean
  /** How many may listen to events at once. */
  readonly maxStreams: number
}

/** A window that cannot see through within this long says so. */
const LOOK_MS = 3000

export function windowRoutes(options: WindowOptions): readonly Route[] {
  const { source, clock, metrics, version } = options
  const startedAt = clock.now()
  return [
    {
      method: 'GET',
      path: '/v1/status',
      access: 'read',
      answer: async (c) => {
        checkQuery(c, [])
        return c.json(redact(await source.status()) as object)
      },
    },
    { method: 'GET', path: '/v1/events', access: 'read', answer: eventsAnswer(options) },
    {
      // The process alone: nothing outside it is asked, so trouble elsewhere never restarts it.
      method: 'GET',
      path: '/health/live',
      access: 'open',
      answer: (c) => c.json({ status: 'healthy', version, uptimeMs: Math.round(clock.now() - startedAt) }),
    },
    { method: 'GET', path: '/health/ready', access: 'open', answer: (c) => readyAnswer(c, options) },
    { method: 'GET', path: '/health', access: 'open', answer: (c) => healthAnswer(c, options) },
    {
      method: 'GET',
      path: '/metrics',
      access: 'read',
      answer: async (c) => c.body(await metrics.text(), 200, { 'content-type': metrics.contentType }),
    },
  ]
}

function eventsAnswer({ source, clock, maxStreams }: WindowOptions): Route['answer'] {
  let open = 0
  return (c) => {
    if (open >= maxStreams)
      throw new ApiError(503, 'ERR_TOO_MANY_STREAMS', 'Too many listen already.', { headers: { 'retry-after': '5' } })
    open++
    const onEnd = (): void => {
      open--
    }
    return c.body(eventFeed(source, { clock, closing: c.env?.closing, onEnd }), 200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    })
  }
}

async function readyAnswer(c: ApiContext, { source, clock }: WindowOptions): Promise<Response> {
  const { ok, message } = await withTimeLimit(clock, LOOK_MS, () => source.ready()).catch(() => ({
    ok: false,
    message: 'The check itself failed or did not answer in time.',
  }))
  const closing = c.env?.closing?.aborted === true
  const ready = ok && !closing
  return c.json({ ready, message: closing ? 'The server is closing.' : redact(message) }, ready ? 200 : 503)
}

/** Unhealthy is 503; degraded is 200, since what is degraded still does its work. */
async function healthAnswer(c: ApiContext, options: WindowOptions): Promise<Response> {
  const { source, clock, version } = options
  const seen = await withTimeLimit(clock, LOOK_MS, () => source.status()).catch((error: unknown) => unseen(error, clock))
  const trusted = options.isTrusted(c)
  const reasons = seen.reasons.map(({ check, status, message, since }) =>
    trusted ? redact({ check, status, message, since }) : { status, since },
  )
  const uptimeMs = 'startedAt' in seen ? Math.max(0, clock.wallNow() - seen.startedAt) : undefined
  return c.json({ status: seen.status, reasons, version, uptimeMs }, seen.status === 'unhealthy' ? 503 : 200)
}

function unseen(error: unknown, clock: Clock): Pick<Status, 'status' | 'reasons'> {
  const status: Health = 'unhealthy'
  const message = `The status cannot be read: ${asApiError(error).message}`
  return { status, reasons: [{ check: 'status', status, message, since: clock.wallNow() }] }
}
