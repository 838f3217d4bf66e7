/** Dead letters over HTTP: look, redrive, discard. */
import { DEAD_LETTER_STATUSES } from '../../work/job.ts'
import { redact } from '../redact.ts'
import type { OpsSource } from '../source.ts'
import { ApiError } from './api-error.ts'
import { readOptionalJson } from './body.ts'
import type { ApiContext, Route } from './env.ts'
import {
  checkFlag,
  checkObject,
  checkQuery,
  checkText,
  checkWhole,
  optional,
  pathParam,
  queryLimit,
  queryOneOf,
  queryText,
} from './fields.ts'
import type { BodyLimits } from './job-routes.ts'
import { next, refuseFields } from './job-routes.ts'
import { showDeadLetter } from './views.ts'

export function deadLetterRoutes(source: OpsSource, limits: BodyLimits): readonly Route[] {
  return [
    { method: 'GET', path: '/v1/dead-letters', access: 'read', answer: (c) => list(c, source) },
    { method: 'GET', path: '/v1/dead-letters/stats', access: 'read', answer: (c) => stats(c, source) },
    { method: 'POST', path: '/v1/dead-letters/redrive', access: 'change', answer: (c) => redriveMany(c, source, limits) },
    { method: 'POST', path: '/v1/dead-letters/:id/redrive', access: 'change', answer: (c) => redriveOne(c, source, limits) },
    { method: 'POST', path: '/v1/dead-letters/:id/discard', access: 'change', answer: (c) => discard(c, source, limits) },
  ]
}

async function list(c: ApiContext, source: OpsSource): Promise<Response> {
  const query = checkQuery(c, ['status', 'kind', 'target', 'limit', 'cursor'])
  const page = await source.deadLetters({
    status: queryOneOf(query.status, 'status', DEAD_LETTER_STATUSES),
    kind: queryText(query.kind, 'kind'),
    target: queryText(query.target, 'target'),
    limit: queryLimit(query.limit),
    cursor: queryText(query.cursor, 'cursor'),
  })
  return c.json({ deadLetters: page.items.map(showDeadLetter), ...next(page.nextCursor) })
}

async function stats(c: ApiContext, source: OpsSource): Promise<Response> {
  checkQuery(c, [])
  return c.json(redact(await source.deadLetterStats()) as object)
}

/** Without a filter: all that are pending or exhausted, up to `limit` (default 100). */
async function redriveMany(c: ApiContext, source: OpsSource, limits: BodyLimits): Promise<Response> {
  const where = { code: 'ERR_BODY' }
  const body = checkObject((await readOptionalJson(c, limits.maxBodyBytes)) ?? {}, ['target', 'kind', 'limit', 'dryRun'], where)
  const dryRun = optional(body.dryRun, (value) => checkFlag(value, 'dryRun')) ?? false
  const ids = await source.redrive({
    target: optional(body.target, (value) => checkText(value, 'target', 2048, where)),
    kind: optional(body.kind, (value) => checkText(value, 'kind', 200, where)),
    limit: optional(body.limit, (value) =>
      checkWhole(value, 'limit', 1, 10_000, { ...where, hint: 'Call it again for the rest.' }),
    ),
    dryRun,
  })
  return c.json({ ids, count: ids.length, dryRun })
}

async function redriveOne(c: ApiContext, source: OpsSource, limits: BodyLimits): Promise<Response> {
  await refuseFields(c, limits)
  const id = pathParam(c, 'id')
  const ids = await source.redrive({ ids: [id] })
  if (ids.length > 0) return c.json({ ids, count: ids.length, dryRun: false })
  const job = await source.job(id)
  if (job === undefined) throw noDeadLetter()
  throw new ApiError(409, 'ERR_JOB_STATE', `The job is ${job.state}, and has no dead letter that is pending or exhausted.`, {
    // What was given up comes back by its job.
    hint: job.state === 'dead' ? `POST /v1/jobs/${job.id}/retry runs it all the same.` : undefined,
  })
}

async function discard(c: ApiContext, source: OpsSource, limits: BodyLimits): Promise<Response> {
  await refuseFields(c, limits)
  const letter = await source.discard(pathParam(c, 'id'))
  if (letter === undefined) throw noDeadLetter()
  if (letter.status === 'discarded') return c.json(showDeadLetter(letter))
  throw new ApiError(409, 'ERR_JOB_STATE', `The dead letter is ${letter.status}: there is nothing to discard.`)
}

function noDeadLetter(): ApiError {
  return new ApiError(404, 'ERR_JOB_NOT_FOUND', 'There is no such dead letter.')
}
