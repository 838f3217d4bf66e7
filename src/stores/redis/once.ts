/**
 * Work that must happen once, as rules/once-record.ts has it: a hash each, that ends when nobody need know of it any more.
 */
import type { BeginAnswer } from '../../core/shared-state.ts'
import type { CheckedBegin } from '../rules/shared-arguments.ts'
import { RESEND_MS } from '../rules/shared-arguments.ts'
import type { Connection } from './connection.ts'
import type { Keys } from './keys.ts'
import { script } from './script.ts'

/** The record, unless it is to be forgotten; and whether a token may still say what became of it. */
const RECORD = `
local names = {'state', 'fingerprint', 'owner', 'token', 'lease', 'leaseUntil', 'keep', 'result', 'doneAt', 'until', 'dropped'}
local stored = redis.call('HMGET', KEYS[1], unpack(names))
local record
if stored[1] and tonumber(stored[10]) > now then
  record = {}
  for i, name in ipairs(names) do record[name] = stored[i] end
  for _, name in ipairs({'lease', 'leaseUntil', 'keep', 'doneAt', 'until'}) do record[name] = tonumber(record[name]) end
end
local function ours(token) return record and record.state == 'running' and record.token == token end
local function leased(ends, lease, keep)
  redis.call('HSET', KEYS[1], 'lease', whole(lease), 'leaseUntil', whole(ends), 'until', whole(ends + keep))
  redis.call('PEXPIRE', KEYS[1], lasting(ends + keep - now))
end
`

const BEGIN = script(`${RECORD}
local owner, fingerprint, token = ARGV[2], ARGV[3], ARGV[4]
local lease, keep, takeOver = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7] == '1'
local function start()
  local dropped = record and record.dropped or ''
  redis.call('HSET', KEYS[1], 'state', 'running', 'fingerprint', fingerprint, 'owner', owner, 'token', token,
    'keep', whole(keep), 'result', '', 'doneAt', '0', 'dropped', dropped)
  leased(now + lease, lease, keep)
  return {'started', token, now + lease, now}
end
if not record or record.state == 'dropped' then return start() end
if record.fingerprint ~= fingerprint then return {'mismatch', now} end
if record.state == 'done' then return {'done', record.result, record.doneAt, record['until'], now} end
local ends = record.leaseUntil
if ends > now + record.lease then
  ends = now + record.lease
  leased(ends, record.lease, record.keep)
end
if ends > now then
  if record.owner == owner then return {'started', record.token, ends, now} end
  return {'running', record.owner, ends, now}
end
if takeOver then return start() end
return {'unknown', record.owner, ends, now}
`)

const KEEP = script(`${RECORD}
if not ours(ARGV[2]) then return 0 end
local lease = tonumber(ARGV[3])
leased(now + lease, lease, record.keep)
return 1
`)

const FINISH = script(`${RECORD}
if record and record.state == 'done' and record.token == ARGV[2] then return 1 end
if not ours(ARGV[2]) then return 0 end
local keep = tonumber(ARGV[4])
redis.call('HSET', KEYS[1], 'state', 'done', 'result', ARGV[3], 'doneAt', whole(now), 'until', whole(now + keep))
redis.call('PEXPIRE', KEYS[1], lasting(keep))
return 1
`)

const DROP = script(`${RECORD}
if record and record.dropped == ARGV[2] then return 1 end
if not ours(ARGV[2]) then return 0 end
local memory = tonumber(ARGV[3])
redis.call('HSET', KEYS[1], 'state', 'dropped', 'dropped', ARGV[2], 'until', whole(now + memory))
redis.call('PEXPIRE', KEYS[1], lasting(memory))
return 1
`)

type Answer =
  | ['started', token: string, leaseUntil: number, now: number]
  | ['running' | 'unknown', owner: string, leaseUntil: number, now: number]
  | ['done', result: string, doneAt: number, until: number, now: number]
  | ['mismatch', now: number]

/** `token` is the one to give out, if it comes to that. */
export async function begin(connection: Connection, keys: Keys, request: CheckedBegin, token: string): Promise<BeginAnswer> {
  const { name, owner, fingerprint, leaseMs, keepMs, takeOver } = request
  const values = [owner, fingerprint, token, leaseMs, keepMs, takeOver ? 1 : 0]
  const answer = (await connection.run(BEGIN, [keys.once(name)], values)) as Answer
  switch (answer[0]) {
    case 'started':
      return { state: answer[0], token: answer[1], leaseUntil: answer[2], now: answer[3] }
    case 'done': {
      const result = JSON.parse(answer[1]) as unknown
      return { state: answer[0], result, doneAt: answer[2], until: answer[3], now: answer[4] }
    }
    case 'mismatch':
      return { state: answer[0], now: answer[1] }
    default:
      return { state: answer[0], owner: answer[1], leaseUntil: answer[2], now: answer[3] }
  }
}

export async function keep(connection: Connection, keys: Keys, name: string, token: string, leaseMs: number): Promise<boolean> {
  return (await connection.run(KEEP, [keys.once(name)], [token, leaseMs])) === 1
}

export async function finish(
  connection: Connection,
  keys: Keys,
  { name, token, json, keepMs }: { name: string; token: string; json: string; keepMs: number },
): Promise<boolean> {
  return (await connection.run(FINISH, [keys.once(name)], [token, json, keepMs])) === 1
}

export async function drop(connection: Connection, keys: Keys, name: string, token: string): Promise<boolean> {
  return (await connection.run(DROP, [keys.once(name)], [token, RESEND_MS])) === 1
}
