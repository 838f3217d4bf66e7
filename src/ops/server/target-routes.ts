/** Targets over HTTP: look, isolate, reset, pause, resume. */
import type { Clock } from '../../core/clock.ts'
import { redact } from '../redact.ts'
import type { OpsSource, TargetStatus } from '../source.ts'
import { ApiError, badField } from './api-error.ts'
import { readOptionalJson } from './body.ts'
import type { ApiContext, Route } from './env.ts'
import { checkObject, checkQuery, checkTime, optional, pathParam } from './fields.ts'
import type { BodyLimits } from './job-routes.ts'
import { refuseFields } from './job-routes.ts'

export function targetRoutes(source: OpsSource, clock: Clock, limits: BodyLimits): readonly Route[] {
  const simple = (name: 'isolate' | 'reset' | 'resume'): Route => ({
    method: 'POST',
    path: `/v1/targets/:name/${name}`,
    access: 'change',
    answer: async (c) => {
      await refuseFields(c, limits)
      return answerTarget(c, await source[name](pathParam(c, 'name')))
    },
  })

  return [
    {
      method: 'GET',
      path: '/v1/targets',
      access: 'read',
      answer: async (c) => {
        checkQuery(c, [])
        return c.json({ targets: redact(await source.targets()) })
      },
    },
    simple('isolate'),
    simple('reset'),
    simple('resume'),
    {
      method: 'POST',
      path: '/v1/targets/:name/pause',
      access: 'change',
      answer: async (c) => answerTarget(c, await source.pause(pathParam(c, 'name'), await readUntil(c, clock, limits))),
    },
  ]
}

async function readUntil(c: ApiContext, clock: Clock, limits: BodyLimits): Promise<number | undefined> {
  const where = { code: 'ERR_BODY' }
  const body = checkObject((await readOptionalJson(c, limits.maxBodyBytes)) ?? {}, ['until'], where)
  const until = optional(body.until, (value) => checkTime(value, 'until', where))
  if (until !== undefined && until <= clock.wallNow()) throw badField('until', 'must be in the future', where)
  return until
}

function answerTarget(c: ApiContext, target: TargetStatus | undefined): Response {
  if (target === undefined)
    throw new ApiError(404, 'ERR_TARGET_NOT_FOUND', 'There is no such target.', {
      hint: 'GET /v1/targets lists them; encode the name, as in https%3A%2F%2Fapi.example.com. One that no job has aimed at yet can be paused if it is an origin, or if the configuration names it.',
    })
  return c.json(redact(target) as object)
}
