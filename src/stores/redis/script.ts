/**
 * Scripts, which Redis runs one at a time and whole. Each begins with the server's clock, in ms; `ARGV[1]` is what it is to say
 * in tests, or empty.
 */
import { createHash } from 'node:crypto'

export interface Script {
  readonly text: string
  readonly sha: string
}

/**
 * `slack` is how much longer than its time a key is kept: nothing, except where a test's clock stands still while the
 * server's goes on. What has ended is told by times in the values; the server removes keys only to have them gone.
 * `whole` and `exact` write numbers without losing any of their digits, as `tostring` does.
 */
const PRELUDE = `
local function whole(n) return string.format('%.0f', n) end
local function exact(n) return string.format('%.17g', n) end
local slack, now = 0, tonumber(ARGV[1])
if now then slack = 60000 else
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local function lasting(ms) return whole(math.max(1, math.ceil(ms)) + slack) end
`

export function script(body: string): Script {
  const text = `${PRELUDE}${body}`
  return { text, sha: createHash('sha1').update(text).digest('hex') }
}
