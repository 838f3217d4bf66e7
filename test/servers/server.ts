/**
 * A real server for the length of a test: its own folder, its own port, ended for sure (see supervisor.ts).
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { chownSync, mkdtempSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** What a supervisor is told. */
export interface Supervised {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Removed at the end. */
  readonly folder: string
  readonly stopSignal: NodeJS.Signals
  /** The user to run as, where it must not be root. */
  readonly identity?: Identity | undefined
  /** How long the server may take to end before it is killed. */
  readonly graceMs: number
  /** Gives the server an input that stays open. */
  readonly keepInput: boolean
}

export interface Identity {
  readonly uid: number
  readonly gid: number
}

export interface StartOptions {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly folder: string
  readonly env?: Readonly<Record<string, string>>
  readonly identity?: Identity | undefined
  readonly stopSignal?: NodeJS.Signals
  readonly graceMs?: number
  readonly keepInput?: boolean
  /** Resolves true when the server answers; asked again and again. `output` is what it printed so far. */
  readonly ready: (output: string) => Promise<boolean> | boolean
  /** Default 30 s. */
  readonly readyWithinMs?: number
}

export interface RunningServer {
  /** What it printed so far. */
  output(): string
  /** Stops it, by its own signal or a ruder one, and starts it again on what it has; resolves when it answers. */
  restart(by?: NodeJS.Signals): Promise<void>
  /** Ends it and waits until it is gone. Twice is once. */
  stop(): Promise<void>
}

/** What a supervisor prints when the server that was stopped is started again. */
export const RESTARTED = 'supervisor: restarted'

/** Starts a server and waits until it answers. Throws, with what it printed, when it ends or stays silent. */
export async function startServer(options: StartOptions): Promise<RunningServer> {
  const { name, command, args, folder, identity } = options
  const told: Supervised = {
    command,
    args,
    folder,
    identity,
    env: options.env ?? {},
    stopSignal: options.stopSignal ?? 'SIGTERM',
    graceMs: options.graceMs ?? 5000,
    keepInput: options.keepInput ?? false,
  }
  const child = spawn(process.execPath, [join(import.meta.dirname, 'supervisor.ts'), JSON.stringify(told)], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let output = ''
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-20_000)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  child.stdin.on('error', () => {})
  const server = {
    output: () => output,
    stop: () => stop(child),
    async restart(by = told.stopSignal) {
      output = ''
      child.stdin.write(`restart ${by}\n`)
      await until((said) => said.includes(RESTARTED) && options.ready(said))
    },
  }
  await until(options.ready)
  return server

  async function until(ready: StartOptions['ready']): Promise<void> {
    const deadline = performance.now() + (options.readyWithinMs ?? 30_000)
    while (!(await ready(output))) await orFail(deadline)
  }

  async function orFail(deadline: number): Promise<void> {
    const lack =
      child.exitCode !== null
        ? `ended with ${child.exitCode}`
        : performance.now() > deadline
          ? 'did not answer in time'
          : undefined
    if (lack !== undefined) {
      await server.stop()
      throw new Error(`${name} ${lack}:\n${output}`)
    }
    await sleep(25)
  }
}

function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    child.once('exit', () => resolve())
    child.stdin!.end()
  })
}

/** A folder of its own for a server, owned by the user that the server runs as. */
export function serverFolder(name: string, identity?: Identity): string {
  const folder = mkdtempSync(join(tmpdir(), `holdfast-${name}-`))
  if (identity !== undefined) chownSync(folder, identity.uid, identity.gid)
  return folder
}

/** A TCP port of the loopback interface that nobody listens on at the moment. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.on('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number }
      probe.close(() => resolve(port))
    })
  })
}
