/** A real Holdfast in a process of its own, on a folder of its own: started, asked over HTTP, killed without warning. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { onTestFinished } from 'vitest'
import type { UserConfig } from '../../src/config/user-config.ts'

export const MAIN = resolve(import.meta.dirname, '../../bin/holdfast.mjs')
const READY = /ready: (http:\/\/127\.0\.0\.1:\d+)/
const START_MS = 20_000

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-test-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** The environment without what a developer may have set for a Holdfast of their own. */
export function cleanEnvironment(more: Readonly<Record<string, string>> = {}): Record<string, string | undefined> {
  const own = /^(HOLDFAST|RETRY|CB|RATE|RESILIENCE|CIRCUIT_BREAKER)_/
  const kept = Object.entries(process.env).filter(([name]) => !own.test(name))
  return { ...Object.fromEntries(kept), NO_COLOR: '1', ...more }
}

export interface Command {
  readonly program: string
  readonly args: readonly string[]
  /** Default: the process's own folder. */
  readonly cwd?: string
  /** For a program that starts others: killing it kills them all. */
  readonly group?: boolean
}

const UP: Command = { program: process.execPath, args: [MAIN, 'up', '--port', '0'] }

export interface Answer<T> {
  readonly status: number
  readonly body: T
}

export class HoldfastProcess {
  readonly #folder: string
  #child: ChildProcess | undefined
  #group = false
  #exited: Promise<number | null> = Promise.resolve(null)
  url = ''
  /** All that it has written, on both streams. */
  output = ''

  private constructor(folder: string) {
    this.#folder = folder
  }

  /** Writes the configuration; nothing runs yet. */
  static async in(folder: string, config: UserConfig): Promise<HoldfastProcess> {
    await writeFile(join(folder, 'holdfast.config.json'), JSON.stringify(config))
    return HoldfastProcess.on(folder)
  }

  /** For a folder that has its configuration already. */
  static on(folder: string): HoldfastProcess {
    const holdfast = new HoldfastProcess(folder)
    onTestFinished(() => holdfast.kill().then(() => {}))
    return holdfast
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Resolves when the ready line is there. */
  async start(env: Record<string, string> = {}, { program, args, cwd, group = false }: Command = UP): Promise<void> {
    this.#group = group
    const child = spawn(program, args, {
      cwd: cwd ?? this.#folder,
      env: cleanEnvironment(env),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: group,
    })
    this.#child = child
    this.#exited = new Promise((done) => child.once('exit', (code) => done(code)))
    let said = ''
    const ready = new Promise<string>((done, fail) => {
      const limit = setTimeout(() => fail(new Error(`not ready after ${START_MS} ms:\n${said}`)), START_MS)
      const listen = (chunk: Buffer): void => {
        said += chunk
        this.output += chunk
        const url = READY.exec(said)?.[1]
        if (url === undefined) return
        clearTimeout(limit)
        done(url)
      }
      child.stdout?.on('data', listen)
      child.stderr?.on('data', listen)
      child.once('exit', (code) => {
        clearTimeout(limit)
        fail(new Error(`exited with ${code} before it was ready:\n${said}`))
      })
    })
    this.url = await ready
  }

  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<number | null> {
    if (this.#group && this.#child?.pid !== undefined)
      try {
        process.kill(-this.#child.pid, 'SIGKILL')
      } catch {
        // The whole group is gone already.
      }
    return this.signal('SIGKILL')
  }

  /** Sends a signal and answers the exit code, `null` for death by a signal. */
  signal(name: NodeJS.Signals): Promise<number | null> {
    this.#child?.kill(name)
    return this.#exited
  }

  async get<T>(path: string): Promise<T> {
    const { status, body } = await this.ask<T>('GET', path)
    if (status !== 200) throw new Error(`GET ${path}: ${status} ${JSON.stringify(body)}`)
    return body
  }

  post<T>(path: string, body?: unknown): Promise<Answer<T>> {
    return this.ask<T>('POST', path, body === undefined ? undefined : JSON.stringify(body))
  }

  /** Sends a body as it is, and reads the answer as JSON, whatever its status. */
  async ask<T>(method: string, path: string, body?: string | Uint8Array, type = 'application/json'): Promise<Answer<T>> {
    const response = await fetch(this.url + path, {
      method,
      ...(body === undefined ? {} : { body: body as RequestInit['body'], headers: type === '' ? {} : { 'content-type': type } }),
      signal: AbortSignal.timeout(15_000),
    })
    return { status: response.status, body: (await response.json()) as T }
  }
}
