/**
 * What processes say: one hash of reporters, `until ttl`, and one of their words, `length:reporter name` to `time:json`. Both
 * end with the last reporter.
 */
import type { ExchangeAnswer, HeardWord } from '../../core/shared-state.ts'
import type { CheckedExchange } from '../rules/shared-arguments.ts'
import type { Connection } from './connection.ts'
import type { Keys } from './keys.ts'
import { script } from './script.ts'

/** Forgets the words of the reporters in `gone`. */
const FORGET = `
local function forget(gone)
  for _, field in ipairs(redis.call('HKEYS', KEYS[2])) do
    local length, rest = string.match(field, '^(%d+):(.*)$')
    if gone[string.sub(rest, 1, tonumber(length))] then redis.call('HDEL', KEYS[2], field) end
  end
end
`

const EXCHANGE = script(`${FORGET}
local reporter, ttl, channel, teller = ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
local said = tonumber(ARGV[6])
local known = redis.call('HGETALL', KEYS[1])
local gone, live, last = nil, {reporter}, now + ttl
for i = 1, #known, 2 do
  local name = known[i]
  local ends, length = string.match(known[i + 1], '^(%d+) (%d+)$')
  ends, length = tonumber(ends), tonumber(length)
  if ends <= now then
    gone = gone or {}
    gone[name] = true
    redis.call('HDEL', KEYS[1], name)
  elseif name ~= reporter then
    if ends > now + length then
      ends = now + length
      redis.call('HSET', KEYS[1], name, whole(ends) .. ' ' .. whole(length))
    end
    last = math.max(last, ends)
    live[#live + 1] = name
  end
end
if gone then forget(gone) end
redis.call('HSET', KEYS[1], reporter, whole(now + ttl) .. ' ' .. whole(ttl))
for i = 7, 6 + 2 * said, 2 do redis.call('HSET', KEYS[2], ARGV[i], whole(now) .. ':' .. ARGV[i + 1]) end
for i = 7 + 2 * said, #ARGV do redis.call('HDEL', KEYS[2], ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], lasting(last - now))
redis.call('PEXPIRE', KEYS[2], lasting(last - now))
if #ARGV > 6 then redis.call('PUBLISH', channel, teller) end
return {now, live, redis.call('HGETALL', KEYS[2])}
`)

const FALL_SILENT = script(`${FORGET}
if redis.call('HDEL', KEYS[1], ARGV[2]) == 1 then
  forget({[ARGV[2]] = true})
  redis.call('PUBLISH', ARGV[3], ARGV[4])
end
return 1
`)

/** `teller` is told with the hint, so that whoever told it need not listen. */
export async function exchange(
  connection: Connection,
  keys: Keys,
  { reporter, ttlMs, said, takenBack }: CheckedExchange,
  teller: string,
): Promise<ExchangeAnswer> {
  const values = [
    ...[reporter, ttlMs, keys.channel, teller, said.length],
    ...said.flatMap(({ name, json }) => [fieldOf(reporter, name), json]),
    ...takenBack.map((name) => fieldOf(reporter, name)),
  ]
  const answer = await connection.run(EXCHANGE, [keys.reporters, keys.words], values)
  const [now, reporters, words] = answer as [number, string[], string[]]
  return { now, reporters, words: wordsOfOthers(words, reporter) }
}

export async function fallSilent(connection: Connection, keys: Keys, reporter: string, teller: string): Promise<void> {
  await connection.run(FALL_SILENT, [keys.reporters, keys.words], [reporter, keys.channel, teller])
}

/** The length, in bytes as scripts count, tells where the reporter ends, whatever is in its name. */
function fieldOf(reporter: string, name: string): string {
  return `${Buffer.byteLength(reporter)}:${reporter}${name}`
}

function wordsOfOthers(fields: readonly string[], listener: string): readonly HeardWord[] {
  const words: HeardWord[] = []
  for (let index = 0; index < fields.length; index += 2) {
    const { reporter, name } = partsOf(fields[index] as string)
    if (reporter === listener) continue
    const text = fields[index + 1] as string
    const colon = text.indexOf(':')
    words.push({ name, reporter, value: JSON.parse(text.slice(colon + 1)) as unknown, saidAt: Number(text.slice(0, colon)) })
  }
  return words
}

function partsOf(field: string): { readonly reporter: string; readonly name: string } {
  const colon = field.indexOf(':')
  const bytes = Buffer.from(field.slice(colon + 1))
  const length = Number(field.slice(0, colon))
  return { reporter: bytes.toString('utf8', 0, length), name: bytes.toString('utf8', length) }
}
