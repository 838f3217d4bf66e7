/**
 * Removes what has ended, a little at a time, in the background of the operations that come anyway: far more than they add, and
 * never what others are at.
 */
import type { Database } from '../database.ts'
import { NowAndThen } from '../now-and-then.ts'
import { CLOCK } from '../session.ts'

const EVERY = 200
const MOST = 1000
const TABLES = [
  ['leases', 'name'],
  ['buckets', 'name'],
  ['grants', 'id'],
  ['once', 'name'],
] as const
const TEXTS = TABLES.map(
  ([table, key]) => `
  WITH ${CLOCK}
  DELETE FROM @${table} WHERE ${key} = ANY (ARRAY(
    SELECT ${key} FROM @${table} WHERE until <= (SELECT now FROM clock) LIMIT ${MOST} FOR UPDATE SKIP LOCKED))`,
)

export function sweepNowAndThen(database: Database): NowAndThen {
  return new NowAndThen(EVERY, () =>
    database.run(async (session) => {
      for (const text of TEXTS) await session.rows(text, [session.told])
    }),
  )
}
