/** Batches over HTTP: look. They are sent by `POST /v1/jobs/batch`. */
import { redact } from '../redact.ts'
import type { OpsSource } from '../source.ts'
import { ApiError } from './api-error.ts'
import type { Route } from './env.ts'
import { checkQuery, pathParam, queryLimit, queryOneOf, queryText } from './fields.ts'
import { next } from './job-routes.ts'

export function batchRoutes(source: OpsSource): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/batches',
      access: 'read',
      answer: async (c) => {
        const query = checkQuery(c, ['state', 'limit', 'cursor'])
        const { items, nextCursor } = await source.batches({
          state: queryOneOf(query.state, 'state', ['open', 'ended'] as const),
          limit: queryLimit(query.limit),
          cursor: queryText(query.cursor, 'cursor'),
        })
        return c.json({ batches: redact(items), ...next(nextCursor) })
      },
    },
    {
      method: 'GET',
      path: '/v1/batches/:id',
      access: 'read',
      answer: async (c) => {
        const batch = await source.batch(pathParam(c, 'id'))
        if (batch === undefined) throw new ApiError(404, 'ERR_JOB_NOT_FOUND', 'There is no such batch.')
        return c.json(redact(batch) as object)
      },
    },
  ]
}
