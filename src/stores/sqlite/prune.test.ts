import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { MIGRATIONS } from './migrations/index.ts'
import { OLDEST } from './prune.ts'

describe('what prune looks at', () => {
  it('is found along one index, whatever else of the kind is kept', () => {
    const db = new DatabaseSync(':memory:')
    for (const { sql } of MIGRATIONS) db.exec(sql)
    const plan = db.prepare(`EXPLAIN QUERY PLAN ${OLDEST}`).all('mail', 1, 500) as { detail: string }[]
    expect(plan.map(({ detail }) => detail)).toEqual([
      'SEARCH holdfast_jobs USING COVERING INDEX holdfast_jobs_settled (kind=? AND settled_at<?)',
    ])
    db.close()
  })
})
