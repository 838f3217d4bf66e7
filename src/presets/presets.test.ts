import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parseDuration } from '../core/duration.ts'
import { presets } from './index.ts'

const { browserBot, infrastructure, peerNode, replyBot, uploader } = presets

/** Every value of a tree by its path; an array counts as one value. */
function leaves(tree: object, path = ''): Map<string, unknown> {
  const found = new Map<string, unknown>()
  for (const [key, value] of Object.entries(tree)) {
    const here = path === '' ? key : `${path}.${key}`
    if (typeof value !== 'object' || Array.isArray(value)) found.set(here, value)
    else for (const [inner, leaf] of leaves(value, here)) found.set(inner, leaf)
  }
  return found
}

/** Every object of a tree by its path. */
function nodes(tree: object, path = ''): [string, object][] {
  return Object.entries(tree).flatMap(([key, value]) => {
    if (typeof value !== 'object' || value === null) return []
    const here = path === '' ? key : `${path}.${key}`
    return [[here, value] as [string, object], ...nodes(value, here)]
  })
}

function cells(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim())
}

function readCell(text: string): unknown {
  if (/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) return parseDuration(text)
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text)
  if (/^\d+(, \d+)+$/.test(text)) return text.split(', ').map(Number)
  return text === 'true' || text === 'false' ? text === 'true' : text
}

/** The values of all tables of a page, by path: first cell, then the column's name unless that is `value`. */
function documented(markdown: string): Map<string, unknown> {
  const found = new Map<string, unknown>()
  let columns: string[] = []
  for (const line of markdown.split('\n')) {
    if (!line.startsWith('|')) columns = []
    else if (columns.length === 0) columns = cells(line).map((cell) => cell.replaceAll('`', ''))
    else if (!line.startsWith('|---')) {
      const row = cells(line)
      const preset = (row[0] as string).replaceAll('`', '')
      columns.forEach((column, i) => {
        const text = row[i] as string
        if (i === 0 || column === 'chosen' || text === '–') return
        const path = column === 'value' ? preset : `${preset}.${column}`
        if (found.has(path)) throw new Error(`${path} is documented twice`)
        found.set(path, readCell(text))
      })
    }
  }
  return found
}

/** `[consecutive failures, seconds open, calls at once, successes]` */
function breaker(preset: { trip: { consecutive: number }; openFor: number; halfOpen: { maxCalls: number; successes: number } }) {
  return [preset.trip.consecutive, preset.openFor / 1000, preset.halfOpen.maxCalls, preset.halfOpen.successes]
}

/** `[attempts, first wait, longest wait]`, waits in seconds */
function waits(preset: { maxAttempts: number; backoff: { initial: number; max: number } }) {
  return [preset.maxAttempts, preset.backoff.initial / 1000, preset.backoff.max / 1000]
}

describe('the page of presets', () => {
  const page = readFileSync(new URL('../../docs/presets.md', import.meta.url), 'utf8')

  it('shows exactly the data', () => {
    const byPath = (map: Map<string, unknown>) => Object.fromEntries([...map].sort(([a], [b]) => (a < b ? -1 : 1)))
    expect(byPath(documented(page))).toEqual(byPath(leaves(presets)))
  })

  it('has rows for every preset of the section that names its system', () => {
    for (const section of page.split(/^## /m).slice(1)) {
      const system = /^.*`presets\.(\w+)`/.exec(section)?.[1]
      const paths = [...documented(section).keys()]
      if (system === undefined) expect(paths).toEqual([])
      else expect(paths.filter((path) => !path.startsWith(`${system}.`))).toEqual([])
    }
  })
})

describe('the data', () => {
  it('is frozen all the way down', () => {
    expect(Object.isFrozen(presets)).toBe(true)
    for (const [path, node] of nodes(presets)) expect(Object.isFrozen(node), path).toBe(true)
  })

  it('has no preset under two names, except where two systems agree or one is kept apart to be changed alone', () => {
    const reasons = [
      // three systems, the same breaker: each keeps its own
      ['browserBot.breaker', 'infrastructure.breakers.database', 'peerNode.breaker'],
      // reconnecting repeats the system's default and is tuned by itself
      ['replyBot.reconnect', 'replyBot.retry'],
    ]
    const policies = nodes(presets).filter(([, node]) => 'maxAttempts' in node || 'trip' in node || 'limit' in node)
    const byContent = Map.groupBy(policies, ([, node]) => JSON.stringify(Object.fromEntries(leaves(node))))
    const shared = [...byContent.values()].filter((group) => group.length > 1).map((group) => group.map(([path]) => path).sort())
    expect(shared).toEqual(reasons)
  })

  it('gives every profile time for timed-out attempts, their waits, and the start of the next', () => {
    for (const [operation, retry] of Object.entries(browserBot.retries)) {
      const timeout = browserBot.timeouts[browserBot.timeoutFor[operation as keyof typeof browserBot.timeoutFor]]
      const timedOut = Math.min(2, retry.maxAttempts - 1)
      const backoff: { initial: number; factor?: number } = retry.backoff
      const pauses = Array.from({ length: timedOut }, (_, i) => backoff.initial * (backoff.factor ?? 1) ** i)
      const needed = timedOut * timeout + pauses.reduce((a, b) => a + b, 0)
      expect(retry.maxElapsed, operation).toBeGreaterThan(needed)
    }
  })
})

describe('the browser bot', () => {
  // R: X1
  it('stops at 3 attempts or 10 s and waits 0.2 to 2 s, exponentially with jitter', () => {
    expect(waits(browserBot.retry)).toEqual([3, 0.2, 2])
    expect(browserBot.retry.maxElapsed).toBe(10_000)
    expect(browserBot.retry.backoff.type).toBe('exponential')
    expect(browserBot.retry.backoff.jitter).not.toBe('none')
  })

  // R: X3
  it('has a stop and a wait for each operation', () => {
    const operations = ['click', 'goto', 'http_get', 'http_post', 'rmq_publish', 'wait_for_selector']
    expect(Object.keys(browserBot.retries).sort()).toEqual(operations)
    for (const retry of Object.values(browserBot.retries))
      expect([retry.maxAttempts, retry.maxElapsed, retry.backoff.initial].every((n) => n > 0)).toBe(true)
  })

  // R: X5
  it('has the five timeouts and maps operations to them', () => {
    expect(browserBot.timeouts).toEqual({ short: 3000, normal: 10_000, long: 30_000, io: 15_000, http: 8000 })
    expect(browserBot.timeoutFor).toMatchObject({
      goto: 'long',
      wait_for_selector: 'normal',
      http_get: 'http',
      http_post: 'http',
    })
    expect(Object.keys(browserBot.timeoutFor).sort()).toEqual(Object.keys(browserBot.retries).sort())
  })

  // R: X6
  it('opens an endpoint after 5 failures in a row for 60 s', () => {
    expect(breaker(browserBot.breaker)).toEqual([5, 60, 1, 1])
  })

  // R: X7
  it('limits each class of action, and replies to 20 an hour', () => {
    expect(Object.keys(browserBot.limiters).sort()).toEqual(['dm', 'http_calls', 'like_post', 'reply_post'])
    expect(browserBot.limiters.reply_post).toMatchObject({ limit: 1, per: 180_000 })
    expect((browserBot.limiters.reply_post.limit / browserBot.limiters.reply_post.per) * 3_600_000).toBe(20)
  })

  // R: X13
  it('has settings that say what the options say', () => {
    expect(browserBot.settings).toEqual({
      RETRY_MAX_ATTEMPTS: browserBot.retry.maxAttempts,
      RETRY_MAX_DELAY: browserBot.retry.backoff.max / 1000,
      CB_FAIL_THRESHOLD: browserBot.breaker.trip.consecutive,
      CB_COOLDOWN_S: browserBot.breaker.openFor / 1000,
    })
  })
})

describe('the reply bot', () => {
  // R: R1
  it('has a breaker of 5 failures, 60 s and 3 half-open calls by default', () => {
    expect(breaker(replyBot.breaker)).toEqual([5, 60, 3, 3])
  })

  // R: R2
  it('has its three breakers', () => {
    expect(Object.keys(replyBot.breakers)).toEqual(['twitter_api', 'ai_service', 'database'])
    expect(breaker(replyBot.breakers.twitter_api)).toEqual([5, 120, 3, 3])
    expect(breaker(replyBot.breakers.ai_service)).toEqual([3, 60, 2, 2])
    expect(breaker(replyBot.breakers.database)).toEqual([3, 30, 2, 2])
  })

  // R: R3
  it('retries 3 times after the first call, by its formula without jitter', () => {
    expect(waits(replyBot.retry)).toEqual([1 + 3, 1, 10])
    const { type, initial, factor, max, jitter } = replyBot.retry.backoff
    expect([type, jitter]).toEqual(['exponential', 'none'])
    expect([0, 1, 2, 3, 4].map((n) => Math.min(initial * factor ** n, max) / 1000)).toEqual([1, 2, 4, 8, 10])
  })

  // R: R4
  it('redrives a dead letter at most 5 times', () => {
    expect(replyBot.deadLetters.maxRedrives).toBe(5)
  })

  // R: R5
  it('reconnects with 3 retries', () => {
    expect(replyBot.reconnect.maxAttempts).toBe(1 + 3)
    expect(replyBot.reconnect.backoff.type).toBe('exponential')
  })

  // R: R6
  it('takes up work that was left for 30 minutes', () => {
    expect(replyBot.recovery.staleAfter).toBe(30 * 60_000)
  })
})

describe('the peer node', () => {
  // R: P2
  it('tries 3 times, waiting 1 to 60 s with base 2 and jitter', () => {
    expect(waits(peerNode.retry)).toEqual([3, 1, 60])
    expect(peerNode.retry.backoff).toMatchObject({ type: 'exponential', factor: 2 })
    expect(peerNode.retry.backoff.jitter).not.toBe('none')
  })

  // R: P3
  it('lets a peer send 100 in 60 s, 10 at once, by bucket or by window', () => {
    expect(peerNode.limiter).toEqual({ limit: 100, per: 60_000, burst: 10 })
    expect(peerNode.window).toEqual({ limit: 100, per: 60_000 })
  })

  // R: P4
  it('opens after 5 failures for 60 s and closes after 1 success', () => {
    expect(breaker(peerNode.breaker)).toEqual([5, 60, 1, 1])
  })
})

describe('the infrastructure clients', () => {
  // R: I1
  it('have a breaker for each service', () => {
    const numbers = Object.entries(infrastructure.breakers).map(([name, preset]) => [name, ...breaker(preset).slice(0, 2)])
    expect(numbers).toEqual([
      ['database', 5, 60],
      ['kafka', 10, 30],
      ['network', 3, 45],
      ['vault', 3, 90],
    ])
  })

  // R: I2
  it('have a retry for each service whose waits stay within its bounds', () => {
    const numbers = Object.entries(infrastructure.retries).map(([name, preset]) => [name, ...waits(preset)])
    expect(numbers).toEqual([
      ['database', 3, 1, 10],
      ['kafka', 5, 1, 30],
      ['network', 3, 0.5, 5],
      ['vault', 3, 2, 20],
    ])
    for (const { backoff } of Object.values(infrastructure.retries))
      expect([backoff.type, backoff.jitter]).toEqual(['exponential', 'decorrelated'])
  })

  // R: I3
  it('limit the api to 10 a second, 20 at once, and the database to 50, 100 at once', () => {
    expect(infrastructure.limiters).toEqual({
      api: { limit: 10, per: 1000, burst: 20 },
      database: { limit: 50, per: 1000, burst: 100 },
    })
  })
})

describe('the uploader', () => {
  // R: U1
  it('tries 3 times, waiting 1 to 60 s with base 2 and full jitter, on its five statuses', () => {
    expect(waits(uploader.retry)).toEqual([3, 1, 60])
    expect(uploader.retry.backoff).toMatchObject({ type: 'exponential', factor: 2, jitter: 'full' })
    expect(uploader.retryStatuses).toEqual([429, 500, 502, 503, 504])
  })

  // R: U2
  it('opens a provider after 5 failures for 60 s, tries one call at a time, and closes after 2 successes', () => {
    expect(breaker(uploader.breaker)).toEqual([5, 60, 1, 2])
  })

  // R: U6
  it('has settings that say what the options say, all switched on', () => {
    expect(uploader.settings).toEqual({
      RESILIENCE_ENABLED: true,
      RESILIENCE_RETRY_ENABLED: true,
      RETRY_MAX_ATTEMPTS: uploader.retry.maxAttempts,
      RETRY_BASE_DELAY: uploader.retry.backoff.initial / 1000,
      RETRY_MAX_DELAY: uploader.retry.backoff.max / 1000,
      RETRY_EXPONENTIAL_BASE: uploader.retry.backoff.factor,
      RETRY_JITTER: true,
      RESILIENCE_CIRCUIT_BREAKER_ENABLED: true,
      CIRCUIT_BREAKER_FAILURE_THRESHOLD: uploader.breaker.trip.consecutive,
      CIRCUIT_BREAKER_SUCCESS_THRESHOLD: uploader.breaker.halfOpen.successes,
      CIRCUIT_BREAKER_TIMEOUT: uploader.breaker.openFor / 1000,
      CIRCUIT_BREAKER_HALF_OPEN_MAX_CALLS: uploader.breaker.halfOpen.maxCalls,
    })
  })

  // R: U7
  it('has its goals', () => {
    expect(uploader.goals).toEqual({
      successRateBefore: 0.85,
      minSuccessRate: 0.99,
      maxMeanTimeToRecovery: 60_000,
      maxRetryOverhead: 0.05,
      maxBreakerFalsePositives: 0.01,
    })
  })
})
