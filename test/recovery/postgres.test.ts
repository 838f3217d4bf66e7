/** Two processes, one PostgreSQL: real sockets, a target that refuses at times, connections cut, one process killed. */
import { expect, it, onTestFinished } from 'vitest'
import { missing } from '../servers/available.ts'
import { startPostgres } from '../servers/postgres.ts'
import { ask } from '../stores/postgres-schema.ts'
import type { StatusAnswer } from './answers.ts'
import { FlakyTarget } from './flaky-target.ts'
import { HoldfastProcess, temporaryFolder } from './holdfast-process.ts'
import { eventually, pause } from './waiting.ts'

const JOBS = 300
const CONFIG = {
  http: { allow: ['loopback' as const], timeout: '2s', maxAttempts: 30, backoff: { initial: '100ms', max: '500ms' } },
  breaker: { openFor: '500ms', openForMax: '1s' },
  worker: { concurrency: 10, lease: '4s' },
  log: { level: 'silent' as const },
}

// R: R6, R9
// W: 1, 2, 3, 11
it.skipIf(missing('postgres'))(
  `two processes on one PostgreSQL deliver ${JOBS} jobs exactly once`,
  { timeout: 90_000 },
  async () => {
    const server = await startPostgres()
    onTestFinished(() => server.stop())
    const target = new FlakyTarget({ unavailable: 0.1, hang: 0, reset: 0, workMs: 20 }, 7)
    await target.up()
    onTestFinished(() => target.down())
    const env = { HOLDFAST_STORE: server.url.replace('holdfast@', 'holdfast:hunter2@') }
    const pair = [
      await HoldfastProcess.in(await temporaryFolder(), CONFIG),
      await HoldfastProcess.in(await temporaryFolder(), CONFIG),
    ]
    // Together, so that both make the tables.
    await Promise.all(pair.map((one) => one.start(env)))
    const [one, two] = pair as [HoldfastProcess, HoldfastProcess]
    const sent = Array.from({ length: JOBS }, (_, n) => ({
      kind: 'http',
      payload: { url: target.url, method: 'POST', body: { n } },
      idempotencyKey: `key-${n}`,
    }))
    expect((await one.post('/v1/jobs/batch', sent.slice(0, 200))).status).toBe(202)
    expect((await two.post('/v1/jobs/batch', sent.slice(100))).status).toBe(202)
    await pause(150)
    await ask(server.url, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holdfast'`)
    await eventually(
      () => two.get<StatusAnswer>('/v1/status'),
      ({ jobs }) => jobs.succeeded === JOBS,
      60_000,
    )
    expect(target.handled.size).toBe(JOBS)
    expect([...target.handled.values()].filter((times) => times > 1)).toEqual([])
    const attempted = await ask<{ n: number }>(
      server.url,
      'SELECT count(*)::int AS n FROM holdfast.jobs WHERE attempts > 0 GROUP BY state',
    )
    expect(attempted).toEqual([{ n: JOBS }])
    expect(one.output + two.output).not.toContain('hunter2')
    expect(await Promise.all(pair.map((process) => process.signal('SIGTERM')))).toEqual([0, 0])
  },
)
