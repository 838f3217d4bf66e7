/** Leases: one string each, `until ttl owner`, that ends with its time. */
import type { LeaseAnswer } from '../../core/shared-state.ts'
import type { Connection } from './connection.ts'
import type { Keys } from './keys.ts'
import { script } from './script.ts'

/** A clock that was set back must not prolong another's lease. */
const ACQUIRE = script(`
local owner, ttl = ARGV[2], tonumber(ARGV[3])
local held = redis.call('GET', KEYS[1])
if held then
  local ends, length, holder = string.match(held, '^(%d+) (%d+) (.*)$')
  ends, length = tonumber(ends), tonumber(length)
  if holder ~= owner and ends > now then
    if ends > now + length then
      ends = now + length
      redis.call('SET', KEYS[1], whole(ends) .. ' ' .. whole(length) .. ' ' .. holder, 'PX', lasting(length))
    end
    return {0, holder, ends, now}
  end
end
redis.call('SET', KEYS[1], whole(now + ttl) .. ' ' .. whole(ttl) .. ' ' .. owner, 'PX', lasting(ttl))
return {1, owner, now + ttl, now}
`)

const RELEASE = script(`
local held = redis.call('GET', KEYS[1])
if held and string.match(held, '^%d+ %d+ (.*)$') == ARGV[2] then redis.call('DEL', KEYS[1]) end
return 1
`)

export async function acquire(
  connection: Connection,
  keys: Keys,
  name: string,
  owner: string,
  ttlMs: number,
): Promise<LeaseAnswer> {
  const answer = (await connection.run(ACQUIRE, [keys.lease(name)], [owner, ttlMs])) as [0 | 1, string, number, number]
  const [granted, holder, until, now] = answer
  return granted === 1 ? { granted: true, until, now } : { granted: false, owner: holder, until, now }
}

export async function release(connection: Connection, keys: Keys, name: string, owner: string): Promise<void> {
  await connection.run(RELEASE, [keys.lease(name)], [owner])
}
