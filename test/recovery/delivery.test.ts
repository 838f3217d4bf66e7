/**
 * The promise, on real parts: real processes, real sockets, a real SQLite file, a target that misbehaves, and SIGKILL at
 * random moments. Real time, bounded.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { seededRandom } from '../../src/core/random.ts'
import type { StatusAnswer } from './answers.ts'
import { FlakyTarget } from './flaky-target.ts'
import { HoldfastProcess, temporaryFolder } from './holdfast-process.ts'
import { eventually, pause } from './waiting.ts'

const JOBS = 2000
const KILLS = 6
const CONCURRENCY = 20
const DOWN_MS = 10_000
const LIMIT_MS = 150_000
const seed = Number(process.env.HOLDFAST_TEST_SEED ?? Math.floor(Math.random() * 1e9))
const random = seededRandom(seed)

interface Line {
  readonly state: string
  readonly attempts: number
}

// R: R6, R9, U7
// W: 1, 2, 3, 5, 7, 8
it(`delivers ${JOBS} jobs once each through refusals, hangs, resets, ten seconds of downtime and ${KILLS} kills`, {
  timeout: LIMIT_MS + 30_000,
}, async () => {
  console.log(`seed ${seed}`)
  const folder = await temporaryFolder()
  const target = new FlakyTarget({ unavailable: 0.2, hang: 0.02, reset: 0.05, workMs: 30 }, seed)
  await target.up()
  onTestFinished(() => target.down())
  const holdfast = await HoldfastProcess.in(folder, {
    http: { allow: ['loopback'], timeout: '1s', maxAttempts: 30, backoff: { initial: '200ms', max: '2s' } },
    // A probe may meet one of the target's refusals: the longest open time bounds what that adds to the test.
    breaker: { openFor: '1s', openForMax: '3s' },
    worker: { concurrency: CONCURRENCY },
    audit: { path: './audit.jsonl', maxBytes: '100MiB' },
    store: 'sqlite:./holdfast.db',
  })
  await holdfast.start()
  for (let from = 0; from < JOBS; from += 500) {
    const batch = Array.from({ length: 500 }, (_, i) => jobFor(target.url, from + i))
    expect((await holdfast.post('/v1/jobs/batch', batch)).status).toBe(202)
  }

  let inFlightAtKills = 0
  const kill = async (): Promise<void> => {
    await holdfast.kill()
    inFlightAtKills += CONCURRENCY
    await holdfast.start()
  }
  for (let i = 0; i < KILLS / 2; i++) {
    await pause(500 + random() * 1500)
    await kill()
  }

  await pause(1500)
  await target.down()
  const downSince = Date.now()
  await eventually(
    () => breakerState(holdfast),
    (state) => state === 'open',
    5000,
  )
  await pause(500)
  const before = await attempts(holdfast)
  await pause(3000)
  await kill()
  await pause(Math.max(0, downSince + DOWN_MS - Date.now()))
  const after = await attempts(holdfast)
  const probes = await probesBetween(folder, downSince, Date.now())
  console.log(`attempts while the target was down: ${before} -> ${after}, probes: ${probes}`)
  expect(after - before).toBeLessThanOrEqual(probes)
  await target.up()

  for (let i = KILLS / 2 + 1; i < KILLS; i++) {
    await pause(1000 + random() * 1500)
    await kill()
  }
  await eventually(
    () => holdfast.get<StatusAnswer>('/v1/status'),
    ({ jobs }) => jobs.succeeded === JOBS,
    LIMIT_MS,
  )

  expect(target.handled.size).toBe(JOBS)
  const repeated = [...target.handled.values()].filter((times) => times > 1).length
  console.log(
    `${target.requests} requests; ${repeated} of ${JOBS} keys handled more than once, ${inFlightAtKills} in flight at kills`,
  )
  expect(repeated).toBeLessThanOrEqual(inFlightAtKills)
  expect(await holdfast.signal('SIGTERM')).toBe(0)
})

function jobFor(url: string, n: number) {
  return { kind: 'http', payload: { url, method: 'POST', body: { n } }, idempotencyKey: `key-${n}` }
}

async function breakerState(holdfast: HoldfastProcess): Promise<string | undefined> {
  const { targets } = await holdfast.get<StatusAnswer>('/v1/status')
  return targets.find(({ name }) => name.startsWith('http://127.0.0.1'))?.breaker?.state
}

async function attempts(holdfast: HoldfastProcess): Promise<number> {
  let sum = 0
  let cursor = ''
  do {
    const page = await holdfast.get<{ jobs: Line[]; nextCursor?: string }>(`/v1/jobs?limit=1000${cursor && `&cursor=${cursor}`}`)
    sum += page.jobs.reduce((total, job) => total + job.attempts, 0)
    cursor = page.nextCursor ?? ''
  } while (cursor !== '')
  return sum
}

async function probesBetween(folder: string, from: number, to: number): Promise<number> {
  const lines = (await readFile(join(folder, 'audit.jsonl'), 'utf8')).split('\n')
  const probes = lines.filter((line) => line.includes('"circuit-breaker.changed"') && line.includes('"to":"half-open"'))
  return probes.filter((line) => ((at) => at >= from && at <= to)((JSON.parse(line) as { at: number }).at)).length
}
