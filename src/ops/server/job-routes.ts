/** Jobs over HTTP: send, look, cancel, retry. */
import type { JobState } from '../../work/job.ts'
import { JOB_STATES } from '../../work/job.ts'
import type { JobView, OpsSource } from '../source.ts'
import { ApiError } from './api-error.ts'
import { readJson, readJsonBatch, readOptionalJson } from './body.ts'
import type { ApiContext, Route } from './env.ts'
import {
  checkBatch,
  checkJobRequest,
  checkObject,
  checkQuery,
  pathParam,
  queryLimit,
  queryOneOf,
  queryText,
  traceparentOf,
} from './fields.ts'
import { showJob, showJobLine } from './views.ts'

export interface BodyLimits {
  readonly maxBodyBytes: number
  readonly maxBatch: number
}

export function jobRoutes(source: OpsSource, limits: BodyLimits): readonly Route[] {
  const change = (name: 'cancel' | 'retry', impossibleIn: readonly JobState[]): Route => ({
    method: 'POST',
    path: `/v1/jobs/:id/${name}`,
    access: 'change',
    answer: async (c) => {
      await refuseFields(c, limits)
      const job = found(await source[name](pathParam(c, 'id')))
      if (impossibleIn.includes(job.state)) throw wrongState(name, job)
      return c.json(showJob(job))
    },
  })

  return [
    { method: 'POST', path: '/v1/jobs', access: 'change', answer: (c) => sendOne(c, source, limits) },
    { method: 'POST', path: '/v1/jobs/batch', access: 'change', answer: (c) => sendBatch(c, source, limits) },
    { method: 'GET', path: '/v1/jobs', access: 'read', answer: (c) => listJobs(c, source) },
    {
      method: 'GET',
      path: '/v1/jobs/:id',
      access: 'read',
      answer: async (c) => c.json(showJob(found(await source.job(pathParam(c, 'id'))))),
    },
    change('cancel', ['succeeded', 'dead']),
    change('retry', ['succeeded']),
  ]
}

async function sendOne(c: ApiContext, source: OpsSource, limits: BodyLimits): Promise<Response> {
  const request = checkJobRequest(await readJson(c, limits.maxBodyBytes), traceparentOf(c))
  const [enqueued] = await source.enqueue([request])
  if (enqueued === undefined) throw new Error('the source answered no job')
  return c.json(enqueued, enqueued.duplicate ? 200 : 202)
}

async function sendBatch(c: ApiContext, source: OpsSource, limits: BodyLimits): Promise<Response> {
  const { items, about } = await readJsonBatch(c, limits.maxBodyBytes, limits.maxBatch)
  const traceparent = traceparentOf(c)
  const requests = items.map((item, index) => checkJobRequest(item, traceparent, index))
  if (about === undefined) return c.json({ jobs: await source.enqueue(requests) }, 202)
  const { id: batch, duplicate, jobs } = await source.enqueueBatch({ jobs: requests, ...checkBatch(about, traceparent) })
  return c.json({ batch, duplicate, jobs }, duplicate ? 200 : 202)
}

async function listJobs(c: ApiContext, source: OpsSource): Promise<Response> {
  const query = checkQuery(c, ['state', 'kind', 'target', 'batch', 'limit', 'cursor'])
  const page = await source.jobs({
    state: queryOneOf(query.state, 'state', JOB_STATES),
    kind: queryText(query.kind, 'kind'),
    target: queryText(query.target, 'target'),
    batch: queryText(query.batch, 'batch'),
    limit: queryLimit(query.limit),
    cursor: queryText(query.cursor, 'cursor'),
  })
  return c.json({ jobs: page.items.map(showJobLine), ...next(page.nextCursor) })
}

export function next(nextCursor: string | undefined): { nextCursor?: string } {
  return nextCursor === undefined ? {} : { nextCursor }
}

/** For calls that take no fields: no body, or an empty object. */
export async function refuseFields(c: ApiContext, limits: BodyLimits): Promise<void> {
  const body = await readOptionalJson(c, limits.maxBodyBytes)
  if (body !== undefined) checkObject(body, [], { code: 'ERR_BODY' })
}

function found(job: JobView | undefined): JobView {
  if (job === undefined) throw new ApiError(404, 'ERR_JOB_NOT_FOUND', 'There is no such job.')
  return job
}

function wrongState(verb: string, job: JobView): ApiError {
  return new ApiError(409, 'ERR_JOB_STATE', `The job is ${job.state}: there is nothing to ${verb}.`, {
    hint: job.state === 'dead' ? `POST /v1/dead-letters/${job.id}/redrive, or /discard.` : undefined,
  })
}
