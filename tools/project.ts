/** Where the project is, and how its tools run other programs. */
import { spawn } from 'node:child_process'
import { delimiter, join } from 'node:path'

/** The root of the repository. */
export const root: string = join(import.meta.dirname, '..')

/**
 * The environment for programs that the project starts: its own Node and tools come first on the path, and what Node has
 * compiled is kept, which takes most of the start of a program that is made of our sources.
 */
export function projectEnvironment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const compiled = process.env.NODE_COMPILE_CACHE ?? join(root, 'node_modules/.cache/holdfast')
  return {
    ...process.env,
    NODE_COMPILE_CACHE: compiled,
    PATH: `${join(root, 'node_modules/.bin')}${delimiter}${process.env.PATH ?? ''}`,
    ...extra,
  }
}

export interface Ran {
  /** The exit code; 1 when the program could not start, 124 when it took too long. */
  readonly code: number
  /** Standard output and standard error, as they came. */
  readonly output: string
  readonly ms: number
}

export interface RunOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** After so long the program is killed. Default five minutes. */
  readonly timeoutMs?: number
}

/** Runs a program without a standard input and keeps what it printed. Never rejects. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const started = performance.now()
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: options.cwd ?? root,
      env: projectEnvironment(options.env),
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: options.timeoutMs ?? 300_000,
      killSignal: 'SIGKILL',
    })
    const chunks: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk))
    const end = (code: number, note = ''): void =>
      resolve({ code, output: Buffer.concat(chunks).toString() + note, ms: performance.now() - started })
    child.on('error', (error) => end(1, `${command}: ${error.message}\n`))
    child.on('close', (code, signal) =>
      end(code ?? 124, signal === null ? '' : `\nkilled by ${signal} after ${options.timeoutMs} ms\n`),
    )
  })
}
