/** `holdfast jobs`: list, show, cancel, retry. */
import type { JobView } from '../../ops/source.ts'
import type { HistoryEntry } from '../../work/job.ts'
import type { Context, TalkOptions } from '../context.ts'
import { connect } from '../context.ts'
import { eachOf } from '../each-of.ts'
import { errorText, jobReason } from '../job-story.ts'
import type { Printer } from '../printer.ts'
import { isoTime, relativeTime } from '../time-text.ts'
import { toned } from '../tones.ts'

export interface ListOptions extends TalkOptions {
  readonly state?: string
  readonly kind?: string
  readonly target?: string
  readonly batch?: string
  readonly limit?: number
  readonly cursor?: string
}

interface JobPage {
  readonly jobs: readonly JobView[]
  readonly nextCursor?: string
}

export async function listJobs(context: Context, options: ListOptions): Promise<undefined> {
  const { io, printer } = context
  const client = await connect(context, options)
  const { state, kind, target, batch, limit, cursor } = options
  const page = await client.get<JobPage>('/v1/jobs', { state, kind, target, batch, limit, cursor })
  if (options.json) return printer.json(page) as undefined
  if (page.jobs.length === 0) return printer.note('No such jobs.') as undefined
  const now = io.clock.wallNow()
  printer.table(
    [
      { title: 'ID' },
      { title: 'KIND' },
      { title: 'TARGET' },
      { title: 'STATE' },
      { title: 'TRIES', align: 'right' },
      { title: 'NEXT' },
      { title: 'LAST ERROR', flexible: true },
    ],
    page.jobs.map((job) => [
      job.id,
      job.kind,
      job.target,
      toned(job.state),
      job.attempts,
      nextOf(job, now),
      job.lastError === undefined ? '' : errorText(job.lastError),
    ]),
  )
  moreHint(printer, page.nextCursor)
}

/** Tells how to see more, on stderr so that a pipe gets rows alone. */
export function moreHint(printer: Printer, nextCursor: string | undefined): void {
  if (nextCursor !== undefined) printer.note(`There are more: --cursor ${nextCursor}, or a larger --limit.`)
}

function nextOf(job: JobView, now: number): string {
  if (job.heldBy !== undefined)
    return job.heldUntil === undefined ? `held: ${job.heldBy}` : `held: ${job.heldBy}, ${relativeTime(job.heldUntil, now)}`
  return job.nextRunAt === undefined ? '' : relativeTime(job.nextRunAt, now)
}

export async function showJob(context: Context, id: string, options: TalkOptions): Promise<undefined> {
  const { io, printer } = context
  const client = await connect(context, options)
  const job = await client.get<JobView>(`/v1/jobs/${encodeURIComponent(id)}`)
  if (options.json) return printer.json(job) as undefined
  const now = io.clock.wallNow()
  const time = (at: number | undefined): string | undefined =>
    at === undefined ? undefined : `${isoTime(at)} (${relativeTime(at, now)})`
  printer.fields([
    ['job', job.id],
    ['state', toned(job.state)],
    ['why', jobReason(job, now)],
    ['kind', job.kind],
    ['target', job.target],
    ['attempts', job.maxAttempts === undefined ? job.attempts : `${job.attempts} of ${job.maxAttempts}`],
    ['next run', time(job.nextRunAt)],
    ['created', time(job.createdAt)],
    ['finished', time(job.finishedAt)],
    ['key', job.idempotencyKey],
    ['concurrency key', job.concurrencyKey || undefined],
    ['batch', job.batchId],
    ['last error', job.lastError === undefined ? undefined : errorText(job.lastError)],
    ['payload', JSON.stringify(job.payload)],
    ['result', job.result === undefined ? undefined : JSON.stringify(job.result)],
  ])
  if (job.history.length > 0) printTimeline(printer, job.history, job.createdAt, now)
}

function printTimeline(printer: Printer, history: readonly HistoryEntry[], createdAt: number, now: number): void {
  const first: HistoryEntry = { at: createdAt, event: 'created', attempt: 0 }
  printer.line()
  printer.table(
    [{ title: 'WHEN' }, { title: '' }, { title: 'EVENT' }, { title: 'TRY', align: 'right' }, { title: 'WHAT', flexible: true }],
    [first, ...history].map(({ at, event, attempt, reason, error, nextRunAt }) => [
      isoTime(at),
      relativeTime(at, now),
      event,
      attempt === 0 ? '' : attempt,
      [reason, error && errorText(error), nextRunAt && `again at ${isoTime(nextRunAt)}`].filter(Boolean).join('; '),
    ]),
  )
}

export const cancelJobs = changeJobs('cancel', (job) =>
  job.state === 'running' ? `${job.id} is asked to stop.` : `${job.id} is ${job.state}.`,
)

export const retryJobs = changeJobs('retry', (job) => `${job.id} is ${job.state}.`)

function changeJobs(verb: 'cancel' | 'retry', say: (job: JobView) => string) {
  return async (context: Context, ids: readonly string[], options: TalkOptions): Promise<number> => {
    const client = await connect(context, options)
    return eachOf(context, ids, options, {
      change: (id) => client.post<JobView>(`/v1/jobs/${encodeURIComponent(id)}/${verb}`),
      say,
    })
  }
}
