import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { runCommand } from '../../src/cli/testing/scripted-io.ts'
import { sleep, systemClock } from '../../src/core/clock.ts'
import type { DrillReport, DrillStep } from '../../src/runtime/drill/drill.ts'
import { runDrill } from '../../src/runtime/drill/drill.ts'
import type { ScratchStore } from '../../src/runtime/drill/scratch-store.ts'
import { scratchStore, storeAt } from '../../src/runtime/drill/scratch-store.ts'
import { missing } from '../servers/available.ts'
import { startPostgres } from '../servers/postgres.ts'
import { ask } from '../stores/postgres-schema.ts'
import { cleanEnvironment, MAIN } from './holdfast-process.ts'

interface Outcome {
  readonly code: number
  readonly out: string
  readonly err: string
}

function drill(cwd: string, ...args: string[]): Promise<Outcome> {
  return new Promise((done) => {
    const options = { cwd, env: cleanEnvironment() as NodeJS.ProcessEnv, timeout: 100_000 }
    execFile(process.execPath, [MAIN, 'drill', ...args], options, (error, out, err) =>
      done({ code: error === null ? 0 : Number(error.code), out, err }),
    )
  })
}

/** As if the store had lost one that waits. */
async function cancelOne({ address }: ScratchStore): Promise<void> {
  const store = storeAt(address, systemClock)
  await store.open()
  for (let state = ''; state !== 'cancelled'; ) {
    const { items } = await store.list({ state: 'available', limit: 1 })
    state = (await store.cancel(items[0]?.id ?? ''))?.state ?? ''
    await sleep(systemClock, 5)
  }
  await store.close()
}

/** All at once: most of it is waiting for processes. */
describe.concurrent('holdfast drill', () => {
  // R: R6
  // W: 1, 2, 5
  it('proves on a scratch file that killed workers lose nothing, touches no store, and leaves nothing', {
    timeout: 120_000,
  }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-test-'))
    mkdirSync(join(folder, 'var'))
    const { code, out, err } = await drill(folder, '--store', 'sqlite:var/holdfast.db', '--jobs', '40', '--kills', '1')
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toMatch(/^ +0\.\d s {2}store +sqlite, a file of its own in .*\/var\n/)
    expect(out).toMatch(/kill +process \d+ killed \(SIGKILL\) in the middle of [1-8] jobs/)
    expect(out).toMatch(/restart +process \d+ in its place took up \d+ jobs/)
    expect(out).toMatch(/succeeded +40 jobs\n/)
    expect(out).toMatch(/lost +0\nverdict +nothing is lost\n$/)
    expect(readdirSync(join(folder, 'var'))).toEqual([])
    rmSync(folder, { recursive: true })
  })

  it.skipIf(missing('postgres'))('does so in a scratch schema of a server', { timeout: 120_000 }, async () => {
    const server = await startPostgres()
    try {
      const url = server.url.replace('holdfast@', 'holdfast:hunter2@')
      const { code, out, err } = await drill(tmpdir(), '--store', url, '--jobs', '40', '--kills', '1', '--json')
      expect({ code, err }).toEqual({ code: 0, err: '' })
      const report = JSON.parse(out) as DrillReport
      expect(report).toMatchObject({ ok: true, jobs: 40, succeeded: 40, lost: 0, problems: [] })
      expect(report.kills).toHaveLength(1)
      expect(report.recovered).toBeGreaterThanOrEqual(report.kills[0]?.running as number)
      expect(out).not.toContain('hunter2')
      expect(await ask(server.url, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'holdfast%'")).toEqual([])
    } finally {
      await server.stop()
    }
  })

  it('says so, and fails, when a job is gone', { timeout: 120_000 }, async () => {
    const store = scratchStore()
    const steps: string[] = []
    let losing: Promise<void> | undefined
    const lose = ({ step }: DrillStep): void => {
      steps.push(step)
      if (step === 'workers') losing = cancelOne(store)
    }
    try {
      const report = await runDrill({ store, jobs: 80, kills: 1, limitMs: 110_000, onStep: lose })
      await losing
      expect(report).toMatchObject({ ok: false, jobs: 80, succeeded: 79, lost: 1 })
      expect(report.problems).toEqual(['1 acknowledged jobs were not done'])
      expect(steps).toEqual(['store', 'workers', 'enqueue', 'kill', 'restart', 'enqueue', 'finish'])
    } finally {
      await store.remove()
    }
  })
})

describe('a drill that cannot be', () => {
  it.each([
    [['--store', 'memory:'], 'must outlive a process'],
    [['--store', 'mysql://h'], 'store'],
    [['--kills', '0'], 'drill.kills'],
  ])('is refused: %j', async (args, message) => {
    const { code, err, out } = await runCommand(['drill', ...args], { cwd: tmpdir() })
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain(message)
  })

  it('says that the server does not answer, and no password', async () => {
    const { code, err } = await drill(tmpdir(), '--store', 'postgres://u:hunter2@127.0.0.1:1/d')
    expect(code).toBe(1)
    expect(err).toContain('127.0.0.1:1')
    expect(err).not.toContain('hunter2')
  })
})
