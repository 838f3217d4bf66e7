/**
 * Does what a newcomer does: `npm start`, a job, a look at it, and the end. With a port, a store and a hook of its own.
 *
 *     node tools/smoke.ts
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../test/servers/server.ts'
import { root } from './project.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-smoke-'))
const port = await freePort()
const base = `http://127.0.0.1:${port}`
const hooked: string[] = []
const hook = createServer((request, response) => {
  hooked.push(String(request.headers['idempotency-key']))
  request.resume().on('end', () => response.end('thanks'))
})
await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve))

const started = performance.now()
const process_ = spawn('npm', ['start'], {
  cwd: root,
  // Its own group, so that what is left of it can be ended; no terminal, so nothing else signals it.
  detached: true,
  stdio: ['ignore', 'pipe', 'pipe'],
  env: { ...process.env, HOLDFAST_PORT: String(port), HOLDFAST_STORE: `sqlite:${join(folder, 'smoke.db')}` },
})
let output = ''
for (const stream of [process_.stdout, process_.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
const ended = new Promise<number | string>((resolve) =>
  process_.on('exit', (code, signal) => resolve(code ?? signal ?? 'unknown')),
)

try {
  await until('a ready line with the URL', () => output.includes(`:${port}`))
  say(`ready after ${((performance.now() - started) / 1000).toFixed(1)} s`)
  const job = await post({
    kind: 'http',
    payload: { url: `http://127.0.0.1:${hookPort()}/hook`, method: 'POST' },
    idempotencyKey: 'smoke',
  })
  const again = await post({
    kind: 'http',
    payload: { url: `http://127.0.0.1:${hookPort()}/hook`, method: 'POST' },
    idempotencyKey: 'smoke',
  })
  expect(job.duplicate === false && again.duplicate === true && again.id === job.id, 'the same key gives the same job')
  await until('the job to succeed', async () => (await get(`/v1/jobs/${job.id}`)).state === 'succeeded')
  expect(hooked.join() === 'smoke', `the hook saw the job once, with its key (it saw: ${hooked.join() || 'nothing'})`)
  expect((await fetch(`${base}/health/live`)).status === 200, 'it says that it lives')
  expect((await fetch(`${base}/`)).headers.get('content-type')?.startsWith('text/html') ?? false, 'it has a dashboard')
  process_.kill('SIGTERM')
  const end = await Promise.race([ended, sleep(15_000, 'no end within 15 s', { ref: false })])
  expect(end === 0, `SIGTERM ends it with 0 (it ended with ${end})`)
  console.log('smoke: ok')
} catch (error) {
  console.log(`smoke: ${(error as Error).message}\n--- what it printed ---\n${output}`)
  process.exitCode = 1
} finally {
  endGroup()
  hook.close()
  hook.closeAllConnections()
  rmSync(folder, { recursive: true, force: true })
}

function say(line: string): void {
  console.log(`smoke: ${line}`)
}

function expect(condition: boolean, what: string): void {
  if (!condition) throw new Error(`not so: ${what}`)
  say(what)
}

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 90_000
  while (!(await condition())) {
    if (process_.exitCode !== null) throw new Error(`it ended with ${process_.exitCode} while waiting for ${what}`)
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`)
    await sleep(50)
  }
}

function hookPort(): number {
  return (hook.address() as AddressInfo).port
}

async function post(body: object): Promise<{ id: string; duplicate: boolean }> {
  const response = await fetch(`${base}/v1/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`POST /v1/jobs answered ${response.status}: ${await response.text()}`)
  return (await response.json()) as { id: string; duplicate: boolean }
}

async function get(path: string): Promise<{ state: string }> {
  return (await (await fetch(`${base}${path}`)).json()) as { state: string }
}

function endGroup(): void {
  try {
    process.kill(-process_.pid!, 'SIGKILL')
  } catch {
    // Nothing of it is left.
  }
}
