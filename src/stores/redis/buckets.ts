/**
 * Token buckets, as rules/bucket.ts has them: a hash each, that ends when the bucket is full, and a string for each grant, by
 * which a request that comes twice takes once.
 */
import type { TakeAnswer } from '../../core/shared-state.ts'
import type { CheckedTake, GiveBackRequest } from '../rules/shared-arguments.ts'
import { RESEND_MS } from '../rules/shared-arguments.ts'
import type { Connection } from './connection.ts'
import type { Keys } from './keys.ts'
import { script } from './script.ts'

/** `KEYS[1]` is the bucket, in all of them. */
const BUCKET = `
local stored = redis.call('HMGET', KEYS[1], 'at', 'debt', 'block')
local at = tonumber(stored[1] or now)
local elapsed = math.max(0, now - at)
local debt = math.max(0, tonumber(stored[2] or 0) - elapsed)
local block = math.max(0, tonumber(stored[3] or 0) - elapsed)
local function keep()
  local rest = math.ceil(math.max(debt, block))
  if rest <= 0 then redis.call('DEL', KEYS[1]) return end
  redis.call('HSET', KEYS[1], 'at', whole(now), 'debt', exact(debt), 'block', exact(block))
  redis.call('PEXPIRE', KEYS[1], lasting(rest))
end
`

const TAKE = script(`${BUCKET}
local interval, burst, cost = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local least, patience, memory = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local tolerance, holds = math.min(0.001, interval / 100), burst * interval
local function remaining()
  if block > 0 then return 0 end
  return math.max(0, math.floor((holds - debt + tolerance) / interval))
end
local function wait(ms) return math.max(0, math.ceil(ms - tolerance / 2)) end

local earlier = redis.call('GET', KEYS[2])
if earlier then
  local granted, ready, ends = string.match(earlier, '^(%d+) (%d+) (%d+)$')
  if tonumber(ends) > now then
    return {tonumber(granted), remaining(), math.max(0, tonumber(ready) - now), now}
  end
end
local granted = 0
if block <= 0 then granted = math.min(cost, math.floor((holds + patience - debt + tolerance) / interval)) end
if granted < least then
  if now < at then keep() end
  return {0, remaining(), wait(math.max(block, debt + least * interval - holds)), now}
end
debt = debt + granted * interval
keep()
local waiting = wait(debt - holds)
redis.call('SET', KEYS[2], whole(granted) .. ' ' .. whole(now + waiting) .. ' ' .. whole(now + memory), 'PX', lasting(memory))
return {granted, remaining(), waiting, now}
`)

const GIVE_BACK = script(`${BUCKET}
local interval, tokens, memory = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local earlier = redis.call('GET', KEYS[2])
if earlier and tonumber(earlier) > now then return 0 end
redis.call('SET', KEYS[2], whole(now + memory), 'PX', lasting(memory))
debt = math.max(0, debt - tokens * interval)
keep()
return 1
`)

const BLOCK = script(`${BUCKET}
block = math.max(block, tonumber(ARGV[2]))
keep()
return 1
`)

export async function take(connection: Connection, keys: Keys, request: CheckedTake): Promise<TakeAnswer> {
  const { name, intervalMs, burst, cost, atLeast, maxWaitMs, requestId } = request
  const used = [keys.bucket(name), keys.grant('take', name, requestId)]
  const answer = await connection.run(TAKE, used, [intervalMs, burst, cost, atLeast, maxWaitMs, RESEND_MS])
  const [granted, remaining, waitMs, now] = answer as [number, number, number, number]
  return { granted, remaining, waitMs, now }
}

export async function giveBack(connection: Connection, keys: Keys, request: GiveBackRequest): Promise<void> {
  const { name, intervalMs, requestId, tokens } = request
  const used = [keys.bucket(name), keys.grant('back', name, requestId)]
  await connection.run(GIVE_BACK, used, [intervalMs, tokens, RESEND_MS])
}

export async function block(connection: Connection, keys: Keys, name: string, ms: number): Promise<void> {
  await connection.run(BLOCK, [keys.bucket(name)], [ms])
}
