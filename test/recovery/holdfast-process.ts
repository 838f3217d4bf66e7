/** A real Holdfast in a process of its own, on a folder of its own: started, asked over HTTP, killed without warning. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { onTestFinished } from 'vitest'
import type { UserConfig } from '../../src/config/user-config.ts'

const MAIN = resolve(import.meta.dirname, '../../src/cli/main.ts')
const READY = /http:\/\/127\.0\.0\.1:\d+/
const START_MS = 20_000

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-test-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export class HoldfastProcess {
  readonly #folder: string
  #child: ChildProcess | undefined
  #exited: Promise<number | null> = Promise.resolve(null)
  url = ''
  output = ''

  private constructor(folder: string) {
    this.#folder = folder
  }

  /** Writes the configuration; nothing runs yet. */
  static async in(folder: string, config: UserConfig): Promise<HoldfastProcess> {
    await writeFile(join(folder, 'holdfast.config.json'), JSON.stringify(config))
    const holdfast = new HoldfastProcess(folder)
    onTestFinished(() => holdfast.kill().then(() => {}))
    return holdfast
  }

  /** Resolves when the ready line is there. */
  async start(env: Record<string, string> = {}): Promise<void> {
    const child = spawn(process.execPath, [MAIN, 'up', '--port', '0'], {
      cwd: this.#folder,
      env: { ...process.env, NO_COLOR: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    this.#exited = new Promise((done) => child.once('exit', (code) => done(code)))
    let said = ''
    const ready = new Promise<string>((done, fail) => {
      const listen = (chunk: Buffer): void => {
        said += chunk
        this.output += chunk
        const url = READY.exec(said)?.[0]
        if (url !== undefined) done(url)
      }
      child.stdout?.on('data', listen)
      child.stderr?.on('data', listen)
      child.once('exit', (code) => fail(new Error(`exited with ${code} before it was ready:\n${said}`)))
      setTimeout(() => fail(new Error(`not ready after ${START_MS} ms:\n${said}`)), START_MS).unref()
    })
    this.url = await ready
  }

  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<number | null> {
    this.#child?.kill('SIGKILL')
    return this.#exited
  }

  /** Sends a signal and answers the exit code, `null` for death by a signal. */
  signal(name: NodeJS.Signals): Promise<number | null> {
    this.#child?.kill(name)
    return this.#exited
  }

  async get<T>(path: string): Promise<T> {
    const response = await fetch(this.url + path)
    if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as T
  }

  async post<T>(path: string, body: unknown): Promise<{ readonly status: number; readonly body: T }> {
    const response = await fetch(this.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    return { status: response.status, body: (await response.json()) as T }
  }
}
