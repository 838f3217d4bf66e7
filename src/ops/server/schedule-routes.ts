/** Schedules over HTTP: look, pause, resume, run now. */
import { redact } from '../redact.ts'
import type { OpsSource } from '../source.ts'
import { ApiError } from './api-error.ts'
import type { ApiContext, Route } from './env.ts'
import { checkQuery, pathParam } from './fields.ts'
import type { BodyLimits } from './job-routes.ts'
import { refuseFields } from './job-routes.ts'

export function scheduleRoutes(source: OpsSource, limits: BodyLimits): readonly Route[] {
  const change = (verb: string, status: 200 | 202, act: (name: string) => Promise<object | undefined>): Route => ({
    method: 'POST',
    path: `/v1/schedules/:name/${verb}`,
    access: 'change',
    answer: async (c) => {
      await refuseFields(c, limits)
      return answer(c, status, await act(pathParam(c, 'name')))
    },
  })
  return [
    {
      method: 'GET',
      path: '/v1/schedules',
      access: 'read',
      answer: async (c) => {
        checkQuery(c, [])
        return c.json({ schedules: redact(await source.schedules()) })
      },
    },
    change('pause', 200, (name) => source.pauseSchedule(name)),
    change('resume', 200, (name) => source.resumeSchedule(name)),
    change('run', 202, (name) => source.runSchedule(name)),
  ]
}

function answer(c: ApiContext, status: 200 | 202, found: object | undefined): Response {
  if (found === undefined)
    throw new ApiError(404, 'ERR_SCHEDULE_NOT_FOUND', 'There is no such schedule.', { hint: 'GET /v1/schedules lists them.' })
  return c.json(redact(found) as object, status)
}
