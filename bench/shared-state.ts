/**
 * What the operations of shared state take, on each store: one after the other, and sixteen at a time.
 *
 *     node bench/shared-state.ts [rounds, by default 5]
 *
 * Servers run on the same machine and write to its disk. Each figure is that of the best round: what else the machine does
 * only ever makes it worse. Prints a table in Markdown.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SharedState } from '../src/core/shared-state.ts'
import { memorySharedState } from '../src/stores/memory/index.ts'
import { postgresSharedState } from '../src/stores/postgres/index.ts'
import { redisSharedState } from '../src/stores/redis/index.ts'
import { sqliteSharedState } from '../src/stores/sqlite/index.ts'
import { startPostgres } from '../test/servers/postgres.ts'
import { startRedis } from '../test/servers/redis.ts'

const ROUNDS = Number(process.argv[2] ?? 5)
const seconds = 0.4
const AT_ONCE = 16
const REPORTERS = 8
const WORDS = 20

type Operation = (state: SharedState, n: number) => Promise<unknown>

const OPERATIONS: readonly (readonly [string, Operation])[] = [
  ['take, one bucket', (state, n) => state.take({ name: 'one', intervalMs: 0.001, burst: 1e9, cost: 1, requestId: `a${n}` })],
  [
    'take, many buckets',
    (state, n) => state.take({ name: `b${n % 5000}`, intervalMs: 1, burst: 1e6, cost: 1, requestId: `b${n}` }),
  ],
  ['take, refused', (state, n) => state.take({ name: 'full', intervalMs: 1e9, burst: 1, cost: 1, requestId: `c${n}` })],
  ['acquire', (state, n) => state.acquire(`lease ${n % 100}`, 'owner', 10_000)],
  ['exchange, nothing new', (state, n) => state.exchange({ reporter: `r${n % REPORTERS}`, words: [], ttlMs: 60_000 })],
  [
    'exchange, one new word',
    (state, n) => state.exchange({ reporter: `r${n % REPORTERS}`, words: [{ name: `w${n % WORDS}`, value: n }], ttlMs: 60_000 }),
  ],
  [
    'begin and finish',
    async (state, n) => {
      const answer = await state.begin({ name: `work ${n}`, owner: 'o', fingerprint: 'f', leaseMs: 10_000 })
      if (answer.state === 'started') await state.finish({ name: `work ${n}`, token: answer.token, result: { n }, keepMs: 5000 })
    },
  ],
]

let made = 0

async function oneByOne(state: SharedState, operation: Operation): Promise<readonly [p50: number, p99: number]> {
  const times: number[] = []
  for (let n = 0; n < 100; n++) await operation(state, made++)
  const until = performance.now() + seconds * 1000
  while (performance.now() < until) {
    const from = performance.now()
    await operation(state, made++)
    times.push(performance.now() - from)
  }
  times.sort((a, b) => a - b)
  const at = (share: number): number => times[Math.floor(times.length * share)] as number
  return [at(0.5), at(0.99)]
}

async function atOnce(state: SharedState, operation: Operation): Promise<number> {
  const from = performance.now()
  const until = from + seconds * 1000
  let done = 0
  const line = async (): Promise<void> => {
    for (; performance.now() < until; done++) await operation(state, made++)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, line))
  return Math.round((done / (performance.now() - from)) * 1000)
}

async function best(state: SharedState, operation: Operation): Promise<string> {
  let [low, high, rate] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 0]
  for (let round = 0; round < ROUNDS; round++) {
    const [p50, p99] = await oneByOne(state, operation)
    low = Math.min(low, p50)
    high = Math.min(high, p99)
    rate = Math.max(rate, await atOnce(state, operation))
  }
  return `${low.toFixed(2)} / ${high.toFixed(2)} · ${rate.toLocaleString('en')}/s`
}

const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-'))
const postgres = await startPostgres({ durable: true })
const redis = await startRedis({ durable: true })
const stores: readonly (readonly [string, SharedState])[] = [
  ['memory', memorySharedState()],
  ['SQLite', sqliteSharedState({ path: join(folder, 'shared.db') })],
  ['Redis', redisSharedState({ url: redis.url })],
  ['PostgreSQL', postgresSharedState({ url: postgres.url, poolSize: 16 })],
]
try {
  console.log(
    `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model}; ms at p50 / p99 one by one, and operations/s of ${AT_ONCE} at once\n`,
  )
  console.log(`| | ${stores.map(([name]) => name).join(' | ')} |\n|---|${stores.map(() => '---').join('|')}|`)
  for (const [, state] of stores) {
    await state.open()
    for (let r = 0; r < REPORTERS; r++) {
      const words = Array.from({ length: WORDS }, (_, w) => ({ name: `w${w}`, value: { state: 'open', since: 1, failures: 7 } }))
      await state.exchange({ reporter: `r${r}`, words, ttlMs: 600_000 })
    }
  }
  for (const [name, operation] of OPERATIONS) {
    const cells: string[] = []
    for (const [, state] of stores) cells.push(await best(state, operation))
    console.log(`| ${name} | ${cells.join(' | ')} |`)
  }
} finally {
  for (const [, state] of stores) await state.close()
  await redis.stop()
  await postgres.stop()
  rmSync(folder, { recursive: true, force: true })
}
