/**
 * A process that takes from a bucket of shared state for a while, as fast as it is let.
 * Usage: node shared-state-process.ts redis URL PREFIX | sqlite PATH - | postgres URL SCHEMA, then INTERVAL BURST MS
 *
 * Says what it was granted, and the store's times of the first and the last grant.
 */
import { writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { SharedState } from '../../src/core/shared-state.ts'
import { postgresSharedState } from '../../src/stores/postgres/index.ts'
import { redisSharedState } from '../../src/stores/redis/index.ts'
import { sqliteSharedState } from '../../src/stores/sqlite/index.ts'

const [store = '', where = '', space = '', interval = '', burst = '', ms = ''] = process.argv.slice(2)

function made(): SharedState {
  if (store === 'redis') return redisSharedState({ url: where, prefix: space })
  if (store === 'postgres') return postgresSharedState({ url: where, schema: space, poolSize: 2 })
  return sqliteSharedState({ path: where })
}

const state = made()
await state.open()
const bucket = { name: 'shared', intervalMs: Number(interval), burst: Number(burst), cost: 3, atLeast: 1 }
const until = (await state.now()) + Number(ms)
let granted = 0
let first = 0
let last = 0
for (let n = 0; ; n++) {
  const answer = await state.take({ ...bucket, requestId: `${process.pid}-${n}` })
  if (answer.now > until) break
  if (answer.granted > 0) {
    granted += answer.granted
    first ||= answer.now
    last = answer.now
  } else await sleep(answer.waitMs)
}
await state.close()
writeSync(1, `${granted} ${first} ${last}\n`)
