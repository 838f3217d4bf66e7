/** Starting: what is wrong is said in one message, and what is said on success is true. */
import { execFile, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it, onTestFinished } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import type { Sent, StatusAnswer } from './answers.ts'
import { cleanEnvironment, HoldfastProcess, MAIN, temporaryFolder } from './holdfast-process.ts'
import { ScriptedTarget } from './scripted-target.ts'
import { SmallDisk } from './small-disk.ts'
import { eventually } from './waiting.ts'

interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs to the end what should not run for long. */
function holdfast(cwd: string, args: readonly string[], env: Record<string, string> = {}): Ended {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    cwd,
    env: cleanEnvironment(env),
    encoding: 'utf8',
    timeout: 45_000,
  })
  return { status, stdout, stderr }
}

it('a bad configuration is one message that names every option, exit code 2, no stack', async () => {
  const folder = await temporaryFolder()
  writeFileSync(
    join(folder, 'holdfast.config.json'),
    JSON.stringify({ worker: { concurency: 3 }, breaker: { openFor: 'soon' }, store: 'mysql:' }),
  )
  const { status, stdout, stderr } = holdfast(folder, ['up', '--port', '99999'], { HOLDFAST_HOST: '0.0.0.0' })
  expect(status).toBe(2)
  expect(stdout).toBe('')
  for (const path of ['worker.concurency', 'breaker.openFor', 'store.url', 'server.port', 'server.host'])
    expect(stderr).toContain(path)
  expect(stderr).toContain("'concurrency'")
  expect(stderr).not.toMatch(/\n\s+at |node:internal|Error:/)
  expect(stderr.trimEnd().split('\n').length).toBeLessThan(30)
})

it('an allow-list that cannot be read is told by its entry, exit code 2', async () => {
  const folder = await temporaryFolder()
  writeFileSync(join(folder, 'holdfast.config.json'), JSON.stringify({ http: { allow: ['public', 'loopbak'] } }))
  const { status, stderr } = holdfast(folder, ['up', '--port', '0'])
  expect([status, stderr]).toEqual([2, expect.stringMatching(/'http\.allow\[1\]' is not a rule.*\n.*Did you mean 'loopback'/)])
  expect(stderr).not.toMatch(/\n\s+at /)
})

it.each<[string, string, RegExp]>([
  ['is not JSON', '{', /holdfast\.config\.json/],
  ['is a list', '[]', /holdfast\.config\.json/],
])('a configuration file that %s is told with its name, exit code 2', async (_what, text, message) => {
  const folder = await temporaryFolder()
  writeFileSync(join(folder, 'holdfast.config.json'), text)
  const { status, stderr } = holdfast(folder, ['up'])
  expect([status, stderr]).toEqual([2, expect.stringMatching(message)])
  expect(stderr).not.toMatch(/\n\s+at /)
})

it('a configuration file that is missing or throws is told with its name, exit code 2', async () => {
  const folder = await temporaryFolder()
  expect(holdfast(folder, ['up', '--config', 'nowhere.json'])).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/nowhere\.json/),
  })
  writeFileSync(join(folder, 'holdfast.config.ts'), 'export default { worker: { concurrency: missing } }')
  const { status, stderr } = holdfast(folder, ['up'])
  expect([status, stderr]).toEqual([2, expect.stringMatching(/holdfast\.config\.ts.*missing is not defined/s)])
  expect(stderr).not.toMatch(/\n\s+at /)
})

it('a wrong flag or command is one line and exit code 2', async () => {
  const folder = await temporaryFolder()
  for (const args of [['up', '--prot', '1'], ['upp'], ['up', 'now']]) {
    const { status, stderr } = holdfast(folder, args)
    expect([args, status]).toEqual([args, 2])
    expect(stderr).not.toMatch(/\n\s+at /)
  }
})

it('a port that is taken is told with what to do, and nothing is claimed', async () => {
  const folder = await temporaryFolder()
  const taken = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void taken.close())
  await new Promise((resolve) => taken.once('listening', resolve))
  const { port } = taken.address() as AddressInfo
  const { status, stderr } = holdfast(folder, ['up', '--port', String(port)])
  expect(status).toBe(1)
  expect(stderr).toMatch(new RegExp(`Port ${port} on 127.0.0.1 is taken`))
  expect(stderr).toContain(`--port ${port + 1}`)
  expect(stderr).not.toMatch(/\n\s+at /)
})

it('a store that cannot be opened is told with its path and what to do', async () => {
  const folder = await temporaryFolder()
  writeFileSync(join(folder, 'file'), 'not a folder')
  writeFileSync(join(folder, 'broken.db'), 'this is not a database, however long it may be'.repeat(100))
  for (const [store, reason] of [
    ['sqlite:./file/holdfast.db', /file\/holdfast\.db/],
    ['sqlite:./broken.db', /broken\.db.*corrupt/],
  ] as const) {
    const { status, stderr } = holdfast(folder, ['up', '--port', '0', '--store', store])
    expect([store, status]).toEqual([store, 1])
    expect(stderr).toMatch(reason)
    expect(stderr).not.toMatch(/\n\s+at /)
  }
})

/** Modes do not bind root, a read-only file system does; and whoever may not mount one is bound by modes. */
function makeUnwritable(folder: string): void {
  if (process.getuid?.() === 0) expect(new SmallDisk(folder, 64).makeReadOnly()).toBe(true)
  else mkdirSync(folder, { mode: 0o555 })
}

it('a folder that cannot be written is told with its path and what to do', async () => {
  const folder = await temporaryFolder()
  makeUnwritable(join(folder, 'locked'))
  const store = ['--port', '0', '--store', 'sqlite:./locked/holdfast.db']
  writeFileSync(join(folder, 'holdfast.config.json'), '{"audit":false}')
  const { status, stderr } = holdfast(folder, ['up', ...store])
  expect(status).toBe(1)
  expect(stderr).toMatch(/locked\/holdfast\.db.*read-only[\s\S]*writable/)
  expect(stderr).not.toMatch(/\n\s+at /)
})

it('says its version', async () => {
  expect(holdfast(await temporaryFolder(), ['--version'])).toEqual({ status: 0, stdout: `${manifest.version}\n`, stderr: '' })
})

it('starts in moments, without a configuration, on a store and an audit that only its user may read', async () => {
  const folder = await temporaryFolder()
  const process = HoldfastProcess.on(folder)
  const from = Date.now()
  await process.start()
  const cold = Date.now() - from
  await process.signal('SIGTERM')
  const again = Date.now()
  await process.start()
  console.log(`ready after ${cold} ms, the second time after ${Date.now() - again} ms`)
  expect(cold).toBeLessThan(10_000)
  for (const file of ['holdfast.db', 'audit.jsonl']) expect(statSync(join(folder, 'var', file)).mode & 0o777).toBe(0o600)
  expect(await process.get<StatusAnswer>('/v1/status')).toMatchObject({ status: 'healthy', version: manifest.version })
})

it('the command that it offers to try works when pasted', async () => {
  const folder = await temporaryFolder()
  const process = await HoldfastProcess.in(folder, { http: { allow: ['public', 'loopback'] } })
  await process.start()
  const [, command = ''] = (await eventually(
    () => /^ *Try: +(curl .*)$/m.exec(process.output),
    (found) => found !== null,
  ))!
  const { stdout } = await promisify(execFile)('bash', ['-c', command])
  const sent = JSON.parse(stdout) as Sent
  expect(sent).toMatchObject({ id: expect.any(String), duplicate: false })
  await eventually(
    () => process.get<{ state: string }>(`/v1/jobs/${sent.id}`),
    ({ state }) => state === 'succeeded',
  )
  const [, then = ''] = /^ *Then: npx holdfast (.*)$/m.exec(process.output) ?? []
  expect(holdfast(folder, then.split(' '))).toMatchObject({ status: 0, stdout: expect.stringMatching(/healthy/i) })
})

it('the secrets of a configuration are in nothing that it writes', async () => {
  const folder = await temporaryFolder()
  const token = 'correct-horse-battery-staple'
  const process = await HoldfastProcess.in(folder, { server: { token } })
  await process.start()
  expect((await process.ask('GET', '/v1/status')).status).toBe(401)
  const headers = { authorization: `Bearer ${token}` }
  expect((await fetch(`${process.url}/v1/status`, { headers })).status).toBe(200)
  await process.signal('SIGTERM')
  expect(process.output + readFileSync(join(folder, 'var/audit.jsonl'), 'utf8')).not.toContain(token)
  expect(holdfast(folder, ['config', 'dump', '--json']).stdout).not.toContain(token)
})

// W: 2, 3
it('two processes share one store: each job is done once, by one of them; both see all of them', async () => {
  const folder = await temporaryFolder()
  const target = await ScriptedTarget.up({ status: 200, afterMs: 20 })
  const config = { http: { allow: ['loopback'] }, worker: { concurrency: 5, pollMax: '200ms' }, audit: false } as const
  const one = await HoldfastProcess.in(folder, config)
  const two = HoldfastProcess.on(folder)
  await Promise.all([one.start(), two.start()])
  const jobs = (from: number) =>
    Array.from({ length: 100 }, (_, n) => ({
      kind: 'http',
      payload: { url: `${target.origin}/${from === 0 ? 'one' : 'two'}`, method: 'POST' },
      idempotencyKey: `k-${from + n}`,
    }))
  const answers = await Promise.all([one.post('/v1/jobs/batch', jobs(0)), two.post('/v1/jobs/batch', jobs(100))])
  expect(answers.map(({ status }) => status)).toEqual([202, 202])
  for (const process of [one, two])
    await eventually(
      () => process.get<StatusAnswer>('/v1/status'),
      (status) => status.jobs.succeeded === 200,
      15_000,
    )
  expect(target.byKey.size).toBe(200)
  expect(target.calls).toHaveLength(200)
  // Both worked: each has targets that it called itself.
  for (const process of [one, two]) {
    const { targets } = await process.get<{ targets: { successes: number }[] }>('/v1/targets')
    expect(targets[0]!.successes).toBeGreaterThan(0)
  }
})
