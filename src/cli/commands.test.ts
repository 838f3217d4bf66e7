import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Batch, JobView, ScheduleView, Status, TargetStatus } from '../ops/source.ts'
import { Client } from './client.ts'
import type { Answers } from './testing/scripted-api.ts'
import { ScriptedApi } from './testing/scripted-api.ts'
import type { Result, ScriptedIoOptions } from './testing/scripted-io.ts'
import { NOW, runCommand } from './testing/scripted-io.ts'

let folder: string
let api: ScriptedApi | undefined
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-cli-'))
})
afterEach(async () => {
  await api?.close()
  api = undefined
  rmSync(folder, { recursive: true, force: true })
})

const against = async (answers: Answers, argv: readonly string[], options: ScriptedIoOptions = {}): Promise<Result> => {
  api = await ScriptedApi.start(answers)
  return runCommand(argv, { cwd: folder, ...options, env: { HOLDFAST_URL: api.url, ...options.env } })
}

const target = (more: Partial<TargetStatus> = {}): TargetStatus => ({
  name: 'https://api.example.com',
  latency: { count: 2, minMs: 1, avgMs: 2, p50Ms: 2, p95Ms: 1500, p99Ms: 3 },
  successes: 8,
  failures: 5,
  jobs: { available: 3 },
  held: 3,
  heldBy: 'breaker',
  breaker: { state: 'open', since: NOW - 60_000, failures: 5, calls: 5, probeAt: NOW + 12_000 },
  ...more,
})

const schedule = (more: Partial<ScheduleView> = {}): ScheduleView => ({
  name: 'feed',
  kind: 'http',
  everyMs: 30_000,
  timezone: 'UTC',
  missed: 'latest',
  paused: false,
  nextAt: NOW + 12_000,
  lastAt: NOW - 18_000,
  lastJob: 'j1',
  ...more,
})

const status = (more: Partial<Status> = {}): Status => ({
  status: 'healthy',
  reasons: [],
  version: '0.1.0',
  startedAt: NOW - 180_000,
  now: NOW,
  store: { name: 'sqlite', description: 'sqlite:/var/x.db', ok: true },
  worker: { id: 'w', running: 3, concurrency: 50, state: 'running', skewMs: 0 },
  jobs: { scheduled: 1, available: 3, running: 3, succeeded: 200, dead: 1, cancelled: 0, parked: 0 },
  held: 3,
  oldestWaitingMs: 12_000,
  deadLetters: { pending: 1, retrying: 0, exhausted: 0, resolved: 2, discarded: 0 },
  targets: [target()],
  schedules: [schedule()],
  batches: [],
  operations: [{ operation: 'http', count: 9, minMs: 1, avgMs: 2, p50Ms: 2, p95Ms: 3, p99Ms: 3, retries: 1, failures: 2 }],
  ...more,
})

const job = (more: Partial<JobView> = {}): JobView => ({
  id: 'j1',
  kind: 'http',
  target: 'https://api.example.com',
  payload: { url: 'https://api.example.com/x' },
  state: 'available',
  priority: 0,
  attempts: 1,
  createdAt: NOW - 120_000,
  runAt: NOW - 60_000,
  token: 1,
  lostLeases: 0,
  generation: 0,
  cancelRequested: false,
  history: [
    { at: NOW - 60_000, event: 'failed', attempt: 1, error: { name: 'HttpStatusError', message: 'answered 503', status: 503 } },
  ],
  ...more,
})

describe('holdfast status', () => {
  for (const [health, code] of [
    ['healthy', 0],
    ['degraded', 1],
    ['unhealthy', 2],
  ] as const)
    it(`exits ${code} when ${health}`, async () => {
      const result = await against({ 'GET /v1/status': { json: status({ status: health }) } }, ['status'])
      expect(result).toMatchObject({ code, err: '' })
      expect(result.out).toMatch(new RegExp(`^status +${health}\n`))
    })

  // R: X11
  it('prints the API’s answer as it is with --json', async () => {
    const result = await against({ 'GET /v1/status': { json: status() } }, ['status', '--json'])
    expect(JSON.parse(result.out)).toEqual(status())
  })

  it('tells people what is wrong, since when, what is held and what happens next', async () => {
    const reasons = [{ check: 'targets', status: 'degraded' as const, message: 'a breaker is open', since: NOW - 60_000 }]
    const { out } = await against({ 'GET /v1/status': { json: status({ status: 'degraded', reasons }) } }, ['status'])
    expect(out).toMatch(/targets +degraded +1 min ago +a breaker is open/)
    expect(out).toMatch(/https:\/\/api\.example\.com +open +3 +8 +5 +1 s +probe in 12 s/)
    expect(out).toMatch(/dead letters +1 pending, 2 resolved/)
  })

  it('tells with how many it shares, and what is wrong with that', async () => {
    const telling = async (more: Partial<Status>) => (await against({ 'GET /v1/status': { json: status(more) } }, ['status'])).out
    const shared = { name: 'redis', description: 'redis://h:6379', ok: true, processes: 3 }
    expect(await telling({ shared })).toMatch(/shared by +3 processes at redis:\/\/h:6379\n/)
    expect(await telling({ shared: { ...shared, ok: false, message: 'ECONNREFUSED', processes: 1 } })).toMatch(
      /shared by +ECONNREFUSED/,
    )
    expect(await telling({ shared: { ...shared, description: 'sqlite:/var/x.db', processes: 1 } })).not.toContain('shared by')
  })

  // R: R6
  it('tells what its start found of earlier processes, and what kept it from looking', async () => {
    const found = { at: NOW, recovered: 5, requeued: 3, parked: 1, poison: 1, deadLetters: 2 }
    const telling = async (recovery: Status['recovery']) =>
      (await against({ 'GET /v1/status': { json: status(recovery && { recovery }) } }, ['status'])).out
    expect(await telling(found)).toMatch(/at its start +recovered 5: 3 taken up again, 1 set aside, 1 poison\n/)
    const nothing = { ...found, recovered: 0, requeued: 0, parked: 0, poison: 0 }
    expect(await telling(nothing)).not.toContain('at its start')
    const error = { name: 'E', message: 'disk I/O' }
    expect(await telling({ ...nothing, error })).toMatch(/at its start +recovery failed, and is tried again: disk I\/O\n/)
  })

  it('exits 2, with one line and the next step, when nobody is there', async () => {
    const port = await freePort()
    const result = await runCommand(['status', '--url', `http://127.0.0.1:${port}`], { cwd: folder })
    expect(result).toEqual({
      code: 2,
      out: '',
      err: `No Holdfast is running at http://127.0.0.1:${port}.\n  Start one with: npm start\n`,
    })
  })

  it('exits 2 when it is not let in, so that no script takes that for degraded', async () => {
    const answers = {
      'GET /v1/status': { status: 401, json: { error: { code: 'ERR_UNAUTHORIZED', message: 'A token is needed.' } } },
    }
    const result = await against(answers, ['status'])
    expect(result).toMatchObject({ code: 2, err: expect.stringContaining('Set HOLDFAST_TOKEN') as string })
  })

  it('finds the process by the configuration of the folder, token included', async () => {
    api = await ScriptedApi.start({ 'GET /v1/status': { json: status() } })
    writeFileSync(
      join(folder, 'holdfast.config.json'),
      JSON.stringify({ server: { port: Number(new URL(api.url).port), token: 'a-long-enough-token' } }),
    )
    expect(await runCommand(['status'], { cwd: folder })).toMatchObject({ code: 0 })
    expect(api.asked[0]?.token).toBe('Bearer a-long-enough-token')
  })
})

describe('output', () => {
  const colour = String.fromCharCode(27)

  it('has colour on a terminal only, and none with NO_COLOR', async () => {
    const answers = { 'GET /v1/status': { json: status() } }
    expect((await against(answers, ['status'], { isTTY: true })).out).toContain(colour)
    await api?.close()
    expect((await against(answers, ['status'])).out).not.toContain(colour)
    await api?.close()
    expect((await against(answers, ['status'], { isTTY: true, env: { NO_COLOR: '1' } })).out).not.toContain(colour)
  })

  it('cuts long texts on a terminal, never in a pipe', async () => {
    const lastError = { name: 'Error', message: `it broke ${'x'.repeat(200)}` }
    const answers = { 'GET /v1/jobs?limit=50': { json: { jobs: [job({ lastError })] } } }
    const terminal = await against(answers, ['jobs', 'list'], { isTTY: true, columns: 100, env: { NO_COLOR: '1' } })
    expect(Math.max(...terminal.out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100)
    expect(terminal.out).toContain('…')
    await api?.close()
    expect((await against(answers, ['jobs', 'list'])).out).toContain(lastError.message)
  })

  it('does not let an error message steer the terminal', async () => {
    const lastError = { name: 'Error', message: `bad${colour}]0;owned\u0007${colour}[2J\nnews` }
    const { out } = await against({ 'GET /v1/jobs?limit=50': { json: { jobs: [job({ lastError })] } } }, ['jobs', 'list'])
    expect(out).not.toContain(colour)
    expect(out.trimEnd().split('\n')).toHaveLength(2)
  })
})

describe('holdfast send', () => {
  const accepted = { 'POST /v1/jobs': { status: 202, json: { id: 'j1', state: 'available', duplicate: false } } }

  it('sends kind, payload and options', async () => {
    const argv = ['send', 'http', '{"url":"x"}', '--key', 'k', '--priority', '-5', '--run-at', '10m']
    expect(await against(accepted, argv)).toEqual({ code: 0, out: 'j1 is available.\n', err: '' })
    expect(api?.asked[0]).toMatchObject({
      body: { kind: 'http', payload: { url: 'x' }, idempotencyKey: 'k', priority: -5, runAt: NOW + 600_000 },
    })
  })

  it('reads the payload from stdin or a file', async () => {
    await against(accepted, ['send', 'http', '-'], { stdin: '{"from":"stdin"}' })
    expect(api?.asked[0]?.body).toEqual({ kind: 'http', payload: { from: 'stdin' } })
    await api?.close()
    writeFileSync(join(folder, 'p.json'), '{"from":"file"}')
    await against(accepted, ['send', 'http', '@p.json'])
    expect(api?.asked[0]?.body).toEqual({ kind: 'http', payload: { from: 'file' } })
  })

  it('takes what is no JSON, no file or no time as a usage error', async () => {
    for (const argv of [
      ['send', 'http', '{url:1}'],
      ['send', 'http', '@none.json'],
      ['send', 'http', '{}', '--run-at', 'soon'],
      ['send', 'http', '{}', '--priority', 'high'],
      ['send', 'http'],
    ])
      expect(await runCommand(argv, { cwd: folder, env: { HOLDFAST_URL: 'http://127.0.0.1:1' } })).toMatchObject({
        code: 2,
        out: '',
      })
  })

  it('passes the API’s refusal on, with its hint', async () => {
    const error = { code: 'ERR_JOB_UNKNOWN_KIND', message: "There is no kind 'htp'.", hint: "Did you mean 'http'?" }
    const result = await against({ 'POST /v1/jobs': { status: 400, json: { error } } }, ['send', 'htp', '{}'])
    expect(result).toEqual({ code: 1, out: '', err: "There is no kind 'htp'. (ERR_JOB_UNKNOWN_KIND)\n  Did you mean 'http'?\n" })
  })

  it('says when the key was sent before', async () => {
    const answers = { 'POST /v1/jobs': { json: { id: 'j1', state: 'succeeded', duplicate: true } } }
    expect((await against(answers, ['send', 'http', '{}'])).out).toBe('j1 was sent before with this key, and is succeeded.\n')
  })
})

describe('holdfast jobs', () => {
  it('lists with filters, and tells on stderr that there is more', async () => {
    const answers = {
      'GET /v1/jobs?state=dead&kind=http&limit=2': { json: { jobs: [job({ state: 'dead' })], nextCursor: 'c2' } },
    }
    const result = await against(answers, ['jobs', 'list', '--state', 'dead', '--kind', 'http', '--limit', '2'])
    expect(result.code).toBe(0)
    expect(result.out).toMatch(/^ID +KIND.*\nj1 +http +https:\/\/api\.example\.com +dead +1/)
    expect(result.err).toContain('--cursor c2')
  })

  it('refuses a state that is none, without asking anybody', async () => {
    expect(await runCommand(['jobs', 'list', '--state', 'sleepy'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('scheduled') as string,
    })
  })

  it('shows one with its story and why it is not running', async () => {
    const held = job({ heldBy: 'breaker', heldUntil: NOW + 8000, heldReason: '5 failures in a row' })
    const { out } = await against({ 'GET /v1/jobs/j1': { json: held } }, ['jobs', 'show', 'j1'])
    expect(out).toMatch(/why +It is held: the circuit breaker of https:\/\/api\.example\.com is open \(5 failures in a row\)/)
    expect(out).toMatch(/2030-01-01T11:59:00Z +1 min ago +failed +1 +HttpStatusError: answered 503/)
  })

  it('cancels and retries each of several, and goes on after one that cannot be', async () => {
    const answers = {
      'POST /v1/jobs/a/cancel': { json: job({ id: 'a', state: 'cancelled' }) },
      'POST /v1/jobs/b/cancel': { status: 409, json: { error: { code: 'ERR_JOB_STATE', message: 'The job is dead.' } } },
      'POST /v1/jobs/c%2Fd/cancel': { json: job({ id: 'c/d', state: 'running' }) },
      'POST /v1/jobs/a/retry': { json: job({ id: 'a' }) },
    }
    const result = await against(answers, ['jobs', 'cancel', 'a', 'b', 'c/d'])
    expect(result).toEqual({
      code: 1,
      out: 'a is cancelled.\nc/d is asked to stop.\n',
      err: 'b: The job is dead. (ERR_JOB_STATE)\n',
    })
    await api?.close()
    expect(await against(answers, ['jobs', 'retry', 'a'])).toMatchObject({ code: 0, out: 'a is available.\n' })
  })

  it('explains a job in sentences', async () => {
    const answers = { 'GET /v1/jobs/j1': { json: job({ heldBy: 'breaker', heldUntil: NOW + 8000 }) } }
    const { out } = await against(answers, ['explain', 'j1'])
    expect(out.trimEnd().split('\n')).toEqual([
      'Job j1 of kind http, for https://api.example.com.',
      'It is held: the circuit breaker of https://api.example.com is open.',
      'The next probe may go in 8 s.',
      'While it is held it uses up no attempt.',
    ])
  })
})

describe('holdfast dlq', () => {
  const letter = {
    id: 'd1',
    kind: 'http',
    target: 't',
    cause: 'attempts',
    error: { name: 'Error', message: 'no' },
    attempts: 10,
    generation: 0,
    status: 'pending',
    targetDown: true,
    createdAt: NOW - 3_600_000,
    nextRetryAt: NOW + 60_000,
  }

  it('lists dead letters', async () => {
    const answers = { 'GET /v1/dead-letters?status=pending&limit=50': { json: { deadLetters: [letter] } } }
    const { out } = await against(answers, ['dlq', 'list', '--status', 'pending'])
    expect(out).toMatch(/d1 +http +t +pending +attempts +1 h ago +in 1 min +no/)
  })

  // R: R4
  it('counts them by target, kind and status, with the oldest, the next retry and the causes', async () => {
    const stats = {
      deadLetters: { pending: 12, retrying: 0, exhausted: 1, resolved: 3, discarded: 0 },
      groups: [
        { target: 'api', kind: 'http', pending: 12, retrying: 0, exhausted: 0, resolved: 3, discarded: 0 },
        { target: 't', kind: 'mail', pending: 0, retrying: 0, exhausted: 1, resolved: 0, discarded: 0 },
      ],
      oldestAt: NOW - 3_600_000,
      nextRetryAt: NOW + 60_000,
      causes: { rejected: 1, attempts: 12 },
    }
    const answers = { 'GET /v1/dead-letters/stats': { json: stats } }
    expect((await against(answers, ['dlq', 'stats'])).out).toBe(
      [
        'TARGET  KIND  PENDING  RETRYING  EXHAUSTED  RESOLVED  DISCARDED',
        'api     http       12         0          0         3          0',
        't       mail        0         0          1         0          0',
        'all                12         0          1         3          0',
        '',
        'oldest                1 h ago',
        'next automatic retry  in 1 min',
        'causes                attempts 12, rejected 1',
        '',
      ].join('\n'),
    )
    await api?.close()
    expect(JSON.parse((await against(answers, ['dlq', 'stats', '--json'])).out)).toEqual(stats)
    await api?.close()
    const none = { 'GET /v1/dead-letters/stats': { json: { ...stats, groups: [] } } }
    expect(await against(none, ['dlq', 'stats'])).toMatchObject({ out: '', err: 'No dead letters.\n' })
  })

  it('redrives by id, by filter, and only when asked which', async () => {
    const answers = {
      'POST /v1/dead-letters/d1/redrive': { json: { ids: ['d1'], count: 1, dryRun: false } },
      'POST /v1/dead-letters/redrive': { json: { ids: ['d1', 'd2'], count: 2, dryRun: true } },
    }
    expect(await against(answers, ['dlq', 'redrive', 'd1'])).toMatchObject({ code: 0, out: 'd1 runs again.\n' })
    await api?.close()
    const dry = await against(answers, ['dlq', 'redrive', '--target', 't', '--limit', '5', '--dry-run'])
    expect(dry).toEqual({ code: 0, out: 'd1\nd2\n', err: '2 would run again; nothing was changed.\n' })
    expect(api?.asked[0]?.body).toEqual({ target: 't', limit: 5, dryRun: true })
    expect(await runCommand(['dlq', 'redrive'])).toMatchObject({ code: 2 })
    expect(await runCommand(['dlq', 'redrive', 'd1', '--all'])).toMatchObject({ code: 2 })
  })

  it('redrives at a pace, each of those that were there at the beginning once', async () => {
    const answers = {
      'POST /v1/dead-letters/redrive': { json: { ids: ['d1', 'd2', 'd3'], count: 3, dryRun: true } },
      ...Object.fromEntries(
        ['d1', 'd2', 'd3'].map((id) => [`POST /v1/dead-letters/${id}/redrive`, { json: { ids: [id], count: 1, dryRun: false } }]),
      ),
    }
    const paced = await against(answers, ['dlq', 'redrive', '--all', '--pace', '2'], { timers: true, isTTY: true })
    expect(paced).toMatchObject({ code: 0, out: 'd1 runs again.\nd2 runs again.\nd3 runs again.\n' })
    expect(paced.err).toContain('2 of 3')
    expect(api?.asked.map(({ body }) => body)).toEqual([{ dryRun: true }, {}, {}, {}])
    expect(await runCommand(['dlq', 'redrive', '--all', '--pace', '0'])).toMatchObject({ code: 2 })
  })

  it('discards', async () => {
    const answers = { 'POST /v1/dead-letters/d1/discard': { json: { ...letter, status: 'discarded' } } }
    expect(await against(answers, ['dlq', 'discard', 'd1'])).toMatchObject({ code: 0, out: 'd1 is discarded.\n' })
  })
})

describe('holdfast targets', () => {
  const path = 'POST /v1/targets/https%3A%2F%2Fapi.example.com'

  it('lists them', async () => {
    const answers = { 'GET /v1/targets': { json: { targets: [target({ paused: { until: NOW + 60_000 } })] } } }
    expect((await against(answers, ['targets', 'list'])).out).toMatch(/open .*pause ends in 1 min/)
    await api?.close()
    expect(JSON.parse((await against(answers, ['targets', 'list', '--json'])).out)).toHaveProperty('targets.0.held', 3)
  })

  for (const verb of ['isolate', 'reset', 'resume', 'pause'] as const)
    it(`does ${verb}`, async () => {
      const result = await against({ [`${path}/${verb}`]: { json: target() } }, ['targets', verb, 'https://api.example.com'])
      expect(result).toMatchObject({ code: 0, err: '' })
      expect(result.out).toContain('https://api.example.com')
    })

  it('pauses until a time', async () => {
    await against({ [`${path}/pause`]: { json: target() } }, [
      'targets',
      'pause',
      'https://api.example.com',
      '--until',
      '2030-01-01T13:00:00Z',
    ])
    expect(api?.asked[0]?.body).toEqual({ until: NOW + 3_600_000 })
  })
})

describe('holdfast batches', () => {
  const open: Batch = {
    ...{ id: 'import', total: 10, pending: 4, succeeded: 5, dead: 1, cancelled: 0, createdAt: NOW - 90_000 },
    ...{ callback: 'j7', callbackKind: 'report' },
  }
  const ended = { ...open, id: 'old', pending: 0, succeeded: 9, completedAt: NOW - 60_000 }
  const stuck = { ...open, id: 'stuck', parked: 2 }

  it('lists them, and shows one', async () => {
    const answers: Answers = {
      'GET /v1/batches?state=open&limit=3': { json: { batches: [open, stuck, ended], nextCursor: 'abc' } },
      'GET /v1/batches?limit=50': { json: { batches: [open, stuck, ended] } },
      'GET /v1/batches/stuck': { json: stuck },
    }
    const { out, err } = await against(answers, ['batches', 'list', '--state', 'open', '--limit', '3'])
    expect(out).toMatch(/import +6 +10 +1 +0 +1 min ago +then report/)
    expect(out).toMatch(/stuck +.*2 set aside: a person decides/)
    expect(out).toMatch(/old +10 +10 +1 +.*ended 1 min ago, then report j7/)
    expect(err).toContain('--cursor abc')
    await api?.close()
    const shown = await against(answers, ['batches', 'show', 'stuck'])
    for (const line of [/state +open/, /set aside +2/, /follows +report j7/]) expect(shown.out).toMatch(line)
    expect(shown.err).toContain('jobs list --batch stuck')
    await api?.close()
    expect(JSON.parse((await against(answers, ['batches', 'list', '--json'])).out)).toHaveProperty('batches.2.id', 'old')
    await api?.close()
    const none = await against({ 'GET /v1/batches?limit=50': { json: { batches: [] } } }, ['batches', 'list'])
    expect(none).toMatchObject({ code: 0, out: '', err: 'No such batches.\n' })
  })

  it('stand in the status while they are open', async () => {
    const { out } = await against({ 'GET /v1/status': { json: status({ batches: [open, ended] }) } }, ['status'])
    expect(out).toMatch(/import +6 +10/)
    expect(out).not.toContain('old ')
  })
})

describe('holdfast schedules', () => {
  it('lists them', async () => {
    const nightly = schedule({
      name: 'nightly',
      cron: '0 3 * * *',
      everyMs: undefined as never,
      timezone: 'Europe/Berlin',
      paused: true,
    })
    const answers = { 'GET /v1/schedules': { json: { schedules: [schedule(), nightly] } } }
    const { out } = await against(answers, ['schedules', 'list'])
    expect(out).toMatch(/feed +http +every 30 s +18 s ago +in 12 s/)
    expect(out).toMatch(/nightly +http +0 3 \* \* \* Europe\/Berlin .*paused until resumed/)
    await api?.close()
    expect(JSON.parse((await against(answers, ['schedules', 'list', '--json'])).out)).toHaveProperty('schedules.1.paused', true)
    await api?.close()
    expect((await against({ 'GET /v1/schedules': { json: { schedules: [] } } }, ['schedules', 'list'])).code).toBe(0)
  })

  it('pauses, resumes and runs one', async () => {
    const answers: Answers = {
      'POST /v1/schedules/feed/pause': { json: schedule({ paused: true }) },
      'POST /v1/schedules/feed/resume': { json: schedule() },
      'POST /v1/schedules/feed/run': { status: 202, json: { id: 'j9', state: 'available', duplicate: false } },
    }
    const said = { pause: 'schedules resume feed', resume: 'goes on, next at 2030-01-01T12:00:12', run: 'j9 is available' }
    for (const [verb, text] of Object.entries(said)) {
      const result = await against(answers, ['schedules', verb, 'feed'])
      expect(result).toMatchObject({ code: 0, err: '' })
      expect(result.out).toContain(text)
      await api?.close()
    }
  })

  it('are part of the status', async () => {
    expect((await against({ 'GET /v1/status': { json: status() } }, ['status'])).out).toMatch(/SCHEDULE .*\nfeed/)
  })
})

describe('holdfast config dump', () => {
  // R: X5
  it('prints every value with its source', async () => {
    writeFileSync(join(folder, 'holdfast.config.json'), '{"worker":{"concurrency":9}}')
    const argv = ['config', 'dump', '--port', '5000', '--timeout', 'short=1s', 'goto=short']
    const { out, code } = await runCommand(argv, { cwd: folder, env: { RETRY_MAX_DELAY: '30' } })
    expect(code).toBe(0)
    expect(out).toMatch(/^server\.port +5000 +flag --port$/m)
    expect(out).toMatch(/^worker\.concurrency +9 +file holdfast\.config\.json$/m)
    expect(out).toMatch(/^retry\.max +30s +env RETRY_MAX_DELAY$/m)
    expect(out).toMatch(/^timeouts\.profiles\.short +1s +flag --timeout$/m)
    expect(out).toMatch(/^timeouts\.profiles\.io +15s +default$/m)
  })

  it('has a stable JSON form, without secrets', async () => {
    const { out } = await runCommand(['config', 'dump', '--json'], {
      cwd: folder,
      env: { HOLDFAST_TOKEN: 'a-long-enough-token' },
    })
    const dump = JSON.parse(out) as { values: unknown[] }
    expect(dump).toMatchObject({ file: null })
    expect(dump.values).toContainEqual({ path: 'server.token', value: '(hidden)', source: 'env HOLDFAST_TOKEN' })
    expect(out).not.toContain('a-long-enough-token')
  })

  it('exits 2 with all problems and no stack trace when the configuration is wrong', async () => {
    const result = await runCommand(['config', 'dump'], { cwd: folder, env: { HOLDFAST_PORT: 'x', HOLDFAST_HOST: '0.0.0.0' } })
    expect(result).toMatchObject({ code: 2, out: '' })
    expect(result.err).toMatch(/^The configuration has 2 problems:\n {2}server\.port/)
    expect(result.err).not.toMatch(/\n\s+at /)
  })
})

describe('holdfast doctor', () => {
  it('finds a machine that will do', async () => {
    const { out, code } = await runCommand(['doctor', '--port', String(await freePort())], { cwd: folder })
    expect(out).toMatch(/ok +store: .*will be made/)
    expect(out).toMatch(/ok +port: \d+ is free/)
    expect(code).toBe(0)
  })

  it('tells Holdfast from a stranger on the port', async () => {
    api = await ScriptedApi.start({ 'GET /health/live': { json: { status: 'healthy', version: '0.1.0' } } })
    const port = new URL(api.url).port
    expect((await runCommand(['doctor', '--port', port], { cwd: folder })).out).toContain(
      `ok       port: Holdfast 0.1.0 runs at ${api.url}`,
    )
    await api.close()
    api = await ScriptedApi.start({})
    const stranger = await runCommand(['doctor', '--json', '--port', new URL(api.url).port], { cwd: folder })
    expect(stranger.code).toBe(1)
    expect(JSON.parse(stranger.out)).toMatchObject({ ok: false })
    expect(stranger.out).toContain('taken by something else')
  })

  it('looks at shared state, tells the next step, and no secret', async () => {
    const findings = async (env: Record<string, string>) => {
      const { out, code } = await runCommand(['doctor', '--json', '--port', '0'], { cwd: folder, env })
      const { checks } = JSON.parse(out) as { checks: readonly { check: string }[] }
      return { code, out, found: checks.filter(({ check }) => check === 'shared state') }
    }
    expect((await findings({})).found).toMatchObject([{ status: 'ok', message: 'in the store' }])
    expect((await findings({ HOLDFAST_STATE: 'local' })).found).toMatchObject([{ status: 'ok' }])
    const gone = await findings({ HOLDFAST_STATE: `redis://me:s3cret@127.0.0.1:${await freePort()}/2` })
    expect(gone.found).toMatchObject([
      {
        status: 'problem',
        message: expect.stringMatching(/^store redis:\/\/127\.0\.0\.1:\d+\/2 is unavailable \(refused\)/) as string,
        hint: expect.stringContaining('Start the server, or correct host and port') as string,
      },
    ])
    expect(gone.code).toBe(1)
    expect(gone.out).not.toContain('s3cret')
  })

  it('finds a store that a newer Holdfast wrote, and a file that is no store', async () => {
    const path = join(folder, 's.db')
    const found = async () => (await runCommand(['doctor', '--store', `sqlite:${path}`, '--port', '0'], { cwd: folder })).out
    const db = new DatabaseSync(path)
    db.exec('CREATE TABLE holdfast_migrations (version INTEGER); INSERT INTO holdfast_migrations VALUES (1)')
    expect(await found()).toMatch(/ok +store: .*s\.db, will be brought up to date/)
    db.exec('UPDATE holdfast_migrations SET version = 99')
    db.close()
    expect(await found()).toMatch(/problem +store: .*s\.db has version 99, this Holdfast knows \d+\n.*Run the newer Holdfast/)
    writeFileSync(path, 'x'.repeat(5000))
    expect(await found()).toMatch(/problem +store: .*s\.db: .*not a database/)
  })

  it('reports a wrong configuration as one of its findings', async () => {
    const { out, code } = await runCommand(['doctor'], { cwd: folder, env: { HOLDFAST_STORE: 'x' } })
    expect(out).toMatch(/problem +configuration: The configuration has a problem/)
    expect(code).toBe(1)
  })
})

describe('holdfast migrate status', () => {
  it('looks without making anything', async () => {
    expect(await runCommand(['migrate', 'status', '--json'], { cwd: folder })).toMatchObject({
      code: 0,
      out: expect.stringContaining('"current": null') as string,
    })
  })
})

describe('holdfast migrate', () => {
  it('brings the store up to date, and says what it applied', async () => {
    const store = ['--store', 'sqlite:x.db']
    const first = await runCommand(['migrate', ...store], { cwd: folder })
    expect(first).toMatchObject({
      code: 0,
      out: expect.stringMatching(/1 jobs.*: applied\.\n.*now at version \d+\.\n$/s) as string,
    })
    const second = await runCommand(['migrate', 'up', ...store], { cwd: folder })
    expect(second).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^sqlite:x\.db: up to date at version \d+\.\n$/) as string,
    })
  })

  it('moves everything to another store, with a bar for people and a table for all', async () => {
    await runCommand(['migrate', '--store', 'sqlite:a.db'], { cwd: folder })
    const moved = await runCommand(['migrate', '--from', 'sqlite:a.db', '--to', 'sqlite:b.db'], { cwd: folder, isTTY: true })
    expect(moved).toMatchObject({ code: 0, out: expect.stringContaining('checksum, same on both sides') as string })
    expect(moved.err).toContain('Next: set HOLDFAST_STORE to the new store')
    const again = await runCommand(['migrate', '--from', 'sqlite:a.db', '--to', 'sqlite:b.db', '--json'], { cwd: folder })
    expect(again).toMatchObject({ code: 0, out: expect.stringContaining('"tables"') as string })
  })

  it('names the end of the move that is missing', async () => {
    const result = await runCommand(['migrate', '--from', 'sqlite:a.db'], { cwd: folder })
    expect(result).toMatchObject({ code: 2, err: expect.stringContaining('--to is missing') as string })
  })
})

describe('the command line itself', () => {
  it('prints help and version', async () => {
    expect(await runCommand(['--help'])).toMatchObject({
      code: 0,
      out: expect.stringContaining('Usage: holdfast') as string,
      err: '',
    })
    expect(await runCommand(['--version'])).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as string })
  })

  it('exits 2 for what it does not know, with the nearest that it does', async () => {
    expect(await runCommand(['statsu'])).toMatchObject({ code: 2, err: expect.stringContaining('Did you mean status') as string })
    expect(await runCommand(['status', '--frob'])).toMatchObject({ code: 2 })
    expect(await runCommand(['status', '--url', 'ftp://x'])).toMatchObject({ code: 2 })
  })

  it('tells a stranger that answers from Holdfast', async () => {
    const result = await against({ 'GET /v1/jobs?limit=50': { text: '<html>' } }, ['jobs', 'list'])
    expect(result).toMatchObject({ code: 2, err: expect.stringContaining('it is not Holdfast') as string })
  })

  it('gives up on a process that does not answer', async () => {
    api = await ScriptedApi.start({ 'GET /v1/status': 'hang' })
    const client = new Client({ url: api.url, timeoutMs: 50 })
    await expect(client.get('/v1/status')).rejects.toMatchObject({
      message: expect.stringContaining('did not answer within') as string,
      exitCode: 2,
    })
  })
})

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}
