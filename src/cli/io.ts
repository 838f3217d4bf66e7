/**
 * The process as the command line sees it: the only door to argv, environment, terminal and signals, so that a test can
 * stand in for it.
 */
import type { Clock } from '../core/clock.ts'
import { systemClock } from '../core/clock.ts'

export interface Output {
  write(text: string): unknown
  /** Width of a terminal; undefined when piped. */
  readonly columns?: number | undefined
}

export type StopSignal = 'SIGTERM' | 'SIGINT'

export interface Io {
  /** Without the program and the script. */
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly stdin: AsyncIterable<Uint8Array | string>
  readonly stdout: Output
  readonly stderr: Output
  /** True when people read stdout. */
  readonly isTTY: boolean
  readonly clock: Clock
  /** Ends the process at once. */
  exit(code: number): void
  /** Answers how to stop listening. */
  onSignal(listener: (signal: StopSignal) => void): () => void
}

/** The real process. */
export function processIo(): Io {
  return {
    argv: process.argv.slice(2),
    env: process.env,
    cwd: process.cwd(),
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    isTTY: process.stdout.isTTY === true,
    clock: systemClock,
    exit: (code) => process.exit(code),
    onSignal(listener) {
      const heard = (signal: NodeJS.Signals): void => listener(signal as StopSignal)
      process.on('SIGTERM', heard).on('SIGINT', heard)
      return () => process.off('SIGTERM', heard).off('SIGINT', heard)
    },
  }
}
