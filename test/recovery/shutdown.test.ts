/** Ending with real signals: what runs is finished or handed back, and nothing is lost or done twice. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import type { UserConfig } from '../../src/config/user-config.ts'
import type { JobAnswer, Sent } from './answers.ts'
import { HoldfastProcess, temporaryFolder } from './holdfast-process.ts'
import { ScriptedTarget } from './scripted-target.ts'
import { eventually, pause } from './waiting.ts'

const root = resolve(import.meta.dirname, '../..')

async function prepare(drain: string, target: ScriptedTarget) {
  const folder = await temporaryFolder()
  const config: UserConfig = {
    http: { allow: ['loopback'] },
    worker: { concurrency: 3, drain: drain as '1s' },
    store: 'sqlite:./var/holdfast.db',
    audit: { path: './var/audit.jsonl' },
    log: { level: 'info' },
  }
  const holdfast = await HoldfastProcess.in(folder, config)
  const send = async (count: number): Promise<readonly string[]> => {
    const jobs = Array.from({ length: count }, (_, n) => ({
      kind: 'http',
      payload: { url: `${target.origin}/`, method: 'POST' },
      idempotencyKey: `k-${n}`,
    }))
    return (await holdfast.post<{ jobs: Sent[] }>('/v1/jobs/batch', jobs)).body.jobs.map(({ id }) => id)
  }
  const called = (times: number) =>
    eventually(
      () => target.calls.length,
      (count) => count === times,
    )
  const story = (id: string | undefined) => holdfast.get<JobAnswer>(`/v1/jobs/${id}`)
  return { folder, holdfast, send, called, story }
}

const timed = async <T>(work: Promise<T>): Promise<readonly [T, number]> => {
  const from = Date.now()
  return [await work, Date.now() - from]
}

// W: 20
it('SIGTERM lets running jobs finish, starts no others, and ends with 0; the rest is done after the restart', async () => {
  const target = await ScriptedTarget.up({ status: 200, afterMs: 1200 })
  const { holdfast, send, called, story } = await prepare('20s', target)
  await holdfast.start()
  const ids = await send(5)
  await called(3)
  const ending = holdfast.signal('SIGTERM')
  await pause(300)
  // Nothing new is started, but who asks is still answered.
  const ready = await holdfast.ask<{ message: string }>('GET', '/health/ready')
  expect(ready).toMatchObject({ status: 503, body: { message: 'shutting down' } })
  const [code, ms] = await timed(ending)
  expect(code).toBe(0)
  expect(ms).toBeLessThan(5000)
  expect(target.calls).toHaveLength(3)
  expect(holdfast.output).toMatch(/Stopping: running jobs have 20s/)

  target.reply = () => ({ status: 200 })
  await holdfast.start()
  for (const id of ids)
    await eventually(
      () => story(id),
      (job) => job.state === 'succeeded' && job.attempts === 1,
    )
  expect([...target.byKey.values()]).toEqual([1, 1, 1, 1, 1])
})

// W: 20
it('SIGTERM hands back what does not finish in time, uncounted, and it is done after the restart', async () => {
  const target = await ScriptedTarget.up('hang')
  const { holdfast, send, called, story } = await prepare('500ms', target)
  await holdfast.start()
  const ids = await send(2)
  await called(2)
  const [code, ms] = await timed(holdfast.signal('SIGTERM'))
  expect(code).toBe(0)
  expect(ms).toBeGreaterThanOrEqual(450)
  expect(ms).toBeLessThan(4000)

  target.reply = () => ({ status: 200 })
  await holdfast.start()
  for (const id of ids) {
    const job = await eventually(
      () => story(id),
      ({ state }) => state === 'succeeded',
    )
    expect(job.attempts).toBe(1)
    expect(job.history).toMatchObject([{ event: 'returned', reason: 'the worker shut down' }, {}])
  }
  // Handed back, not left behind: nothing had to be recovered.
  expect(holdfast.output).not.toMatch(/recovered/)
})

// W: 20
it('a second SIGTERM ends at once, an echo of the first does not', async () => {
  const target = await ScriptedTarget.up('hang')
  const { holdfast, send, called, story } = await prepare('20s', target)
  await holdfast.start()
  const [id] = await send(1)
  await called(1)
  const ending = holdfast.signal('SIGTERM')
  await pause(20)
  void holdfast.signal('SIGTERM')
  await pause(800)
  expect((await holdfast.ask('GET', '/health/live')).status).toBe(200)
  void holdfast.signal('SIGTERM')
  const [code, ms] = await timed(ending)
  expect(code).toBe(143)
  expect(ms).toBeLessThan(1000)

  // What ran is taken up again, since its process is gone.
  target.reply = () => ({ status: 200 })
  await holdfast.start()
  const job = await eventually(
    () => story(id),
    ({ state }) => state === 'succeeded',
  )
  expect(job.attempts).toBe(1)
  expect(holdfast.output).toMatch(/recovered 1: 1 taken up again/)
})

/** The machine's own Node and npm, without those of this project: what a newcomer has. */
function hostEnvironment(): { readonly env: Record<string, string>; readonly npm: string | undefined } {
  const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => !folder.includes('node_modules'))
  const npm = path.map((folder) => join(folder, 'npm')).find((file) => existsSync(file))
  const none = Object.fromEntries(
    Object.keys(process.env)
      .filter((name) => /^npm_|^NODE_OPTIONS$|^VITEST/i.test(name))
      .map((name) => [name, '']),
  )
  return { env: { ...none, PATH: path.join(delimiter) }, npm }
}

const { env, npm } = hostEnvironment()
if (npm === undefined) console.log('skipped: npm start: there is no npm on the PATH')

// W: 20
it.skipIf(npm === undefined && process.env.CI !== 'true')(
  'npm start runs on the machine’s own Node, and SIGTERM to it drains',
  async () => {
    const target = await ScriptedTarget.up({ status: 200, afterMs: 1500 })
    const { folder, holdfast, send, called, story } = await prepare('20s', target)
    const args = ['start', '--', '--port', '0', '--config', join(folder, 'holdfast.config.json')]
    await holdfast.start(env, { program: npm ?? 'npm', args, cwd: root, group: true })
    console.log(
      `npm start on Node ${spawnSync('node', ['--version'], { env: { ...process.env, ...env }, encoding: 'utf8' }).stdout.trim()}`,
    )
    const [id] = await send(1)
    await called(1)
    expect(await holdfast.signal('SIGTERM')).toBe(0)
    await expect(fetch(`${holdfast.url}/health/live`)).rejects.toThrow()
    expect(existsSync(join(folder, 'var/holdfast.db'))).toBe(true)

    await holdfast.start()
    expect(await story(id)).toMatchObject({ state: 'succeeded', attempts: 1 })
    expect(target.calls).toHaveLength(1)
  },
)
