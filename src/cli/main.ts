/**
 * The command line's entry: runs one command and answers its exit code.
 */
import { explainError } from './cli-error.ts'
import type { Io } from './io.ts'
import { processIo } from './io.ts'
import { Printer } from './printer.ts'
import { createProgram } from './program.ts'
import { readVersion } from './version.ts'

/** Runs the command in `io.argv`. Never throws: what goes wrong is told on stderr. */
export async function run(io: Io): Promise<number> {
  const printer = new Printer(io)
  try {
    return await createProgram({ io, printer, version: readVersion() }).run(io.argv)
  } catch (error) {
    const { text, exitCode } = explainError(error, (io.env.HOLDFAST_DEBUG ?? '') !== '')
    printer.note(text)
    return exitCode
  }
}

/** The same on the real process; see bin/holdfast.mjs. */
export function runProcess(): Promise<number> {
  // Whoever reads us stopped reading (`holdfast jobs list | head`): that is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    throw error
  })
  return run(processIo())
}
