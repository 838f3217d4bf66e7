/** A process for tests of commands: takes what they print, and sends them signals. */
import type { Clock } from '../../core/clock.ts'
import type { Io, StopSignal } from '../io.ts'
import { run } from '../main.ts'

/** The moment that tests of commands take place at. */
export const NOW = Date.UTC(2030, 0, 1, 12)

export interface ScriptedIoOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly stdin?: string
  readonly isTTY?: boolean
  readonly columns?: number
  /** Waits are over at once, and the clock has moved; else they never are. */
  readonly timers?: boolean
}

export class ScriptedIo implements Io {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  readonly stdin: AsyncIterable<string>
  readonly isTTY: boolean
  readonly clock: Clock
  readonly stdout
  readonly stderr
  out = ''
  err = ''
  /** What `exit` was called with. */
  exited: number | undefined
  /** Monotonic; move it by hand. */
  time = 0
  readonly #listeners = new Set<(signal: StopSignal) => void>()

  constructor(
    argv: readonly string[],
    { env = {}, cwd = '/nowhere', stdin = '', isTTY = false, columns, timers = false }: ScriptedIoOptions = {},
  ) {
    this.argv = argv
    this.env = env
    this.cwd = cwd
    this.isTTY = isTTY
    this.stdin = pieces(stdin)
    this.clock = { now: () => this.time, wallNow: () => NOW, setTimer: (ms, wake) => (timers ? this.#pass(ms, wake) : () => {}) }
    this.stdout = {
      columns,
      write: (text: string) => {
        this.out += text
      },
    }
    this.stderr = {
      columns,
      write: (text: string) => {
        this.err += text
      },
    }
  }

  #pass(ms: number, wake: () => void): () => void {
    this.time += ms
    queueMicrotask(wake)
    return () => {}
  }

  exit(code: number): void {
    this.exited ??= code
  }

  onSignal(listener: (signal: StopSignal) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  get hasListeners(): boolean {
    return this.#listeners.size > 0
  }

  send(signal: StopSignal): void {
    for (const listener of this.#listeners) listener(signal)
  }
}

async function* pieces(text: string): AsyncIterable<string> {
  yield text.slice(0, 3)
  yield text.slice(3)
}

export interface Result {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs one command to its end. */
export async function runCommand(argv: readonly string[], options?: ScriptedIoOptions): Promise<Result> {
  const io = new ScriptedIo(argv, options)
  const code = await run(io)
  return { code, out: io.out, err: io.err }
}
