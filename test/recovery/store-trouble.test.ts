/** A disk that is full, or read-only: told before anything is promised, shown in health, over without a restart. */
import { renameSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { ErrorAnswer, JobAnswer, Sent, StatusAnswer } from './answers.ts'
import { HoldfastProcess, temporaryFolder } from './holdfast-process.ts'
import { ScriptedTarget } from './scripted-target.ts'
import { lackOfDisks, SmallDisk } from './small-disk.ts'
import { eventually, pause } from './waiting.ts'

const lack = lackOfDisks()
const strict = process.env.CI === 'true'
if (lack !== undefined && !strict) console.log(`skipped: trouble of the store: ${lack}`)

/** A running Holdfast on a small disk, with a target that takes its time. */
async function prepare() {
  const folder = await temporaryFolder()
  const disk = new SmallDisk(join(folder, 'disk'), 2048)
  const target = await ScriptedTarget.up({ status: 200, afterMs: 400 })
  const holdfast = await HoldfastProcess.in(folder, {
    http: { allow: ['loopback'] },
    worker: { concurrency: 4 },
    store: 'sqlite:./disk/holdfast.db',
    audit: false,
    log: { level: 'info' },
  })
  await holdfast.start()
  const accepted: string[] = []
  let sent = 0
  const send = async (bytes = 10): Promise<{ status: number; body: Sent & ErrorAnswer }> => {
    const payload = { url: `${target.origin}/`, method: 'POST', body: 'x'.repeat(bytes) }
    const answer = await holdfast.post<Sent & ErrorAnswer>('/v1/jobs', { kind: 'http', payload, idempotencyKey: `k-${sent++}` })
    if (answer.status === 202) accepted.push(answer.body.id)
    return answer
  }
  return { folder, disk, target, holdfast, send, accepted }
}
type Stage = Awaited<ReturnType<typeof prepare>>

async function expectTrouble({ holdfast, send }: Stage, reason: RegExp): Promise<void> {
  const { status, body } = await send()
  expect(status).toBe(503)
  expect(body.error).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE', hint: expect.stringMatching(/work goes on by itself/) })
  expect(body.error.message).toMatch(reason)
  const ready = await eventually(
    () => holdfast.ask<{ message: string }>('GET', '/health/ready'),
    (answer) => answer.status === 503,
    5000,
  )
  expect(ready.body.message).toMatch(reason)
  expect((await holdfast.ask('GET', '/health')).status).toBe(503)
  expect((await holdfast.ask('GET', '/health/live')).status).toBe(200)
  const told = await holdfast.get<StatusAnswer>('/v1/status')
  expect(told).toMatchObject({ status: 'unhealthy', store: { ok: false, message: expect.stringMatching(reason) } })
  expect(told.reasons).toContainEqual(expect.objectContaining({ check: 'store', status: 'unhealthy' }))
}

async function expectRecovery({ holdfast, send, accepted, target }: Stage): Promise<void> {
  await eventually(send, ({ status }) => status === 202, 5000)
  await eventually(
    () => holdfast.ask('GET', '/health/ready'),
    ({ status }) => status === 200,
    5000,
  )
  const { jobs } = await eventually(
    () => holdfast.get<{ jobs: JobAnswer[] }>('/v1/jobs?limit=1000'),
    (page) => page.jobs.every(({ state }) => state === 'succeeded'),
    15_000,
  )
  // What was promised is there and done; what was refused was not stored, in no part.
  expect(jobs.map(({ id }) => id).sort()).toEqual([...accepted].sort())
  expect([...target.byKey.values()]).toEqual(Array(accepted.length).fill(1))
  const told = await eventually(
    () => holdfast.get<StatusAnswer>('/v1/status'),
    ({ status }) => status === 'healthy',
    5000,
  )
  expect(told.jobs).toMatchObject({ succeeded: accepted.length, running: 0, available: 0 })
}

// W: 21
it.skipIf(lack !== undefined && !strict)(
  'a full disk refuses before it promises, and work goes on once there is room',
  async () => {
    const stage = await prepare()
    const { holdfast, disk, send, target } = stage
    const { pid } = holdfast
    for (let i = 0; i < 12; i++) expect((await send()).status).toBe(202)
    await eventually(
      () => target.calls.length,
      (count) => count >= 4,
    )
    disk.fill()
    await eventually(
      () => send(50_000),
      ({ status }) => status === 503,
      5000,
    )
    await expectTrouble(stage, /full/)
    // Those that ran meanwhile have ended; that they did cannot be stored yet.
    await pause(2000)
    const started = target.calls.length
    await pause(1500)
    expect(target.calls).toHaveLength(started)
    expect(holdfast.output).toMatch(/store trouble: .*full/)
    disk.free()
    await expectRecovery(stage)
    expect(holdfast.output).toMatch(/store trouble is over/)
    expect(holdfast.pid).toBe(pid)
    expect(await holdfast.signal('SIGTERM')).toBe(0)
  },
)

// W: 21
it.skipIf(lack !== undefined && !strict)('a read-only file system does the same', async () => {
  const stage = await prepare()
  const { holdfast, disk, send, target } = stage
  for (let i = 0; i < 12; i++) expect((await send()).status).toBe(202)
  await eventually(
    () => target.calls.length,
    (count) => count >= 4,
  )
  await makeReadOnly(stage)
  await expectTrouble(stage, /read-only|readonly|unavailable \(io\)/)
  await pause(2000)
  disk.makeWritable()
  await expectRecovery(stage)
  expect(await holdfast.signal('SIGTERM')).toBe(0)
})

/**
 * Linux does not make a file system read-only under a file that is open for writing, other than after an error of the disk. So
 * the file is moved away until the store has let go of it, and is back, on a read-only disk, when the process goes on.
 */
async function makeReadOnly({ disk, holdfast, send }: Stage): Promise<void> {
  if (disk.makeReadOnly()) return
  const path = join(disk.folder, 'holdfast.db')
  renameSync(path, `${path}.away`)
  await eventually(send, ({ status }) => status === 503, 5000)
  process.kill(holdfast.pid!, 'SIGSTOP')
  renameSync(`${path}.away`, path)
  const done = disk.makeReadOnly()
  process.kill(holdfast.pid!, 'SIGCONT')
  if (!done) throw new Error('the disk is still in use')
}
