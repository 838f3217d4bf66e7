/**
 * A process that asks a shared limit as fast as it can, and says what it was allowed, as one line of JSON.
 * Usage: node limiter-process.ts STORE OPTIONS, with OPTIONS a JSON of `Load`.
 */
import { writeSync } from 'node:fs'
import { systemClock } from '../../src/core/clock.ts'
import type { SharedState } from '../../src/core/shared-state.ts'
import { sharedRateLimiter } from '../../src/policies/rate-limiter/shared/shared-rate-limiter.ts'
import { redisSharedState } from '../../src/stores/redis/redis-shared-state.ts'
import { sqliteSharedState } from '../../src/stores/sqlite/sqlite-shared-state.ts'

export interface Load {
  readonly shared: 'strict' | 'leased'
  /** Default 'measured'. */
  readonly name?: string
  readonly limit: number
  readonly burst: number
  readonly batch?: number
  /** Calls at once. */
  readonly concurrency: number
  readonly ms: number
  /** Epoch ms when all begin. */
  readonly startAt: number
}

export interface Report {
  /** Epoch ms of each call that was allowed. */
  readonly allowed: readonly number[]
  readonly refused: number
  /** Of calls that were allowed, ms. */
  readonly p50: number
  readonly p99: number
  readonly longest: number
  readonly degraded: number
  /** Epoch ms before the first was asked. */
  readonly beganAt: number
}

export function stateAt(store: string): SharedState {
  return store.startsWith('redis:') ? redisSharedState({ url: store, timeout: '20s' }) : sqliteSharedState({ path: store })
}

const quantile = (sorted: readonly number[], share: number): number => sorted[Math.floor(sorted.length * share)] ?? 0
const wait = (ms: number) => new Promise<void>((resolve) => systemClock.setTimer(ms, resolve))

async function run(store: string, load: Load): Promise<Report> {
  const { shared, name = 'measured', limit, burst, batch, concurrency, ms, startAt } = load
  const state = stateAt(store)
  await state.open()
  const leased = batch === undefined ? {} : { batch }
  const limiter = sharedRateLimiter({ state, name, limit, per: '1s', burst, shared, storeTimeout: '20s', ...leased })
  let degraded = 0
  limiter.observe(({ type }) => {
    if (type === 'rate-limiter.degraded') degraded++
  })
  writeSync(1, 'ready\n')
  await wait(startAt - Date.now())
  const allowed: number[] = []
  const latencies: number[] = []
  let refused = 0
  const beganAt = performance.timeOrigin + performance.now()
  const end = performance.now() + ms
  const work = async (): Promise<void> => {
    for (let calls = 0; ; calls++) {
      const began = performance.now()
      if (began >= end) return
      const answer = await limiter.consume()
      const now = performance.now()
      if (answer.allowed) {
        allowed.push(performance.timeOrigin + now)
        latencies.push(now - began)
      } else {
        refused++
        await wait(Math.min(answer.retryAfterMs, 20))
      }
      // What answers at once must not keep timers and sockets waiting.
      if (calls % 64 === 63) await new Promise((resolve) => setImmediate(resolve))
    }
  }
  await Promise.all(Array.from({ length: concurrency }, work))
  await limiter.close()
  await state.close()
  latencies.sort((a, b) => a - b)
  return {
    allowed,
    refused,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    longest: latencies.at(-1) ?? 0,
    degraded,
    beganAt,
  }
}

if (process.argv[1] === import.meta.filename) {
  const [store = '', load = '{}'] = process.argv.slice(2)
  writeSync(1, `${JSON.stringify(await run(store, JSON.parse(load) as Load))}\n`)
}
