import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { explainError } from '../cli-error.ts'
import { Printer } from '../printer.ts'
import type { ScriptedIoOptions } from '../testing/scripted-io.ts'
import { runCommand, ScriptedIo } from '../testing/scripted-io.ts'
import type { StartHoldfast, UpOptions } from './up.ts'
import { upWith } from './up.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-up-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const begin = (start: StartHoldfast, options: UpOptions = {}, more: ScriptedIoOptions = {}) => {
  const io = new ScriptedIo([], { cwd: folder, ...more })
  const ended = upWith(async () => start)({ io, printer: new Printer(io), version: '0.1.0' }, options)
  return { io, ended }
}

const untilReady = async (io: ScriptedIo): Promise<void> => {
  while (!io.out.includes('ready')) await new Promise(setImmediate)
}

const running =
  (stop: () => Promise<void> = async () => {}): StartHoldfast =>
  async (config) => ({
    url: `http://${config.config.server.host}:${config.config.server.port}`,
    stop,
    recovery: { recovered: 2 },
  })

describe('holdfast up', () => {
  it('says in one line where it is, and what to try next', async () => {
    const { io, ended } = begin(running(), { port: '5000' })
    await untilReady(io)
    expect(io.out).toMatch(
      /^Holdfast 0\.1\.0 is ready: http:\/\/127\.0\.0\.1:5000 \(store sqlite:\.\/var\/holdfast\.db, started in 0ms\)\n/,
    )
    expect(io.out).toContain(
      `curl -sd '{"kind":"http","payload":{"url":"https://example.com/"}}' -H 'content-type: application/json' http://127.0.0.1:5000/v1/jobs`,
    )
    expect(io.out).toContain('npx holdfast status --url http://127.0.0.1:5000')
    io.send('SIGTERM')
    expect(await ended).toBe(0)
  })

  // R: U6
  it('says that resilience is on, or off', async () => {
    for (const [env, line] of [
      [
        {},
        'Resilience is on: calls are tried up to 3 times, breakers open after 10 failures in a row or when 50 % fail, for 5s.',
      ],
      [{ RESILIENCE_RETRY_ENABLED: 'false' }, 'Resilience is on: retry is switched off, breakers open after'],
      [{ RESILIENCE_ENABLED: 'false' }, 'Resilience is switched off'],
    ] as const) {
      const { io, ended } = begin(running(), {}, { env })
      await untilReady(io)
      expect(io.out).toContain(line)
      io.send('SIGTERM')
      await ended
    }
  })

  it('is one line of JSON where the log is', async () => {
    const { io, ended } = begin(running(), { logFormat: 'json' })
    await untilReady(io)
    expect(JSON.parse(io.out)).toMatchObject({ message: 'ready', url: 'http://127.0.0.1:4680', recovery: { recovered: 2 } })
    io.send('SIGINT')
    expect(await ended).toBe(0)
  })

  // W: 20
  it('drains at the first signal and ends at once at the second', async () => {
    for (const [signal, code] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
    ] as const) {
      const drained = Promise.withResolvers<void>()
      const { io, ended } = begin(running(() => drained.promise))
      await untilReady(io)
      io.send(signal)
      io.time += 5
      // The same Ctrl-C again, passed on by npm.
      io.send(signal)
      expect(io.exited).toBeUndefined()
      io.time += 1000
      io.send(signal)
      expect(io.exited).toBe(code)
      drained.resolve()
      expect(await ended).toBe(0)
    }
  })

  it('stops at once after a start that a signal came into', async () => {
    const started = Promise.withResolvers<void>()
    let stopped = false
    const { io, ended } = begin(async (config, options) => {
      await started.promise
      return running(async () => {
        stopped = true
      })(config, options)
    })
    while (!io.hasListeners) await new Promise(setImmediate)
    io.send('SIGTERM')
    started.resolve()
    expect(await ended).toBe(0)
    expect(stopped).toBe(true)
  })

  it('says which port is taken, and what to do', async () => {
    const taken = Object.assign(new Error('listen EADDRINUSE'), { code: 'EADDRINUSE' })
    const { ended } = begin(async () => Promise.reject(taken), { port: '5000' })
    const error = await ended.catch((reason: unknown) => reason)
    expect(explainError(error)).toEqual({
      text: 'Port 5000 on 127.0.0.1 is taken.\n  Is a Holdfast running already? See: npx holdfast status. Or take another port: npm start -- --port 5001',
      exitCode: 1,
    })
  })

  it('exits 2 with one message, and starts nothing, when the configuration is wrong', async () => {
    const result = await runCommand(['up', '--port', 'x', '--store', 'postgres://u:p/w@h:x/d'], { cwd: folder })
    expect(result).toMatchObject({ code: 2, out: '' })
    expect(result.err).toBe(
      [
        'The configuration has 2 problems:',
        '  server.port must be a whole number from 0 to 65535: got "x" (flag --port)',
        `  store.url must be 'postgres://user:password@host:port/database': got "postgres://u:(hidden)@h:x/d" (flag --store)`,
        '    In a user or password, write %40 for @, %2F for / and %3A for a colon.',
        '',
      ].join('\n'),
    )
  })
})
