import { isHoldfastError } from '../core/errors.ts'

/** Exit codes that scripts may rely on. */
export const EXIT = { ok: 0, failed: 1, usage: 2, unreachable: 2, config: 2 } as const

/** What a command ends with when it cannot do its work: one line, the next step, and an exit code. */
export class CliError extends Error {
  readonly hint: string | undefined
  readonly exitCode: number

  constructor(message: string, { hint, exitCode = EXIT.failed }: { hint?: string | undefined; exitCode?: number } = {}) {
    super(message)
    this.hint = hint
    this.exitCode = exitCode
  }
}
CliError.prototype.name = 'CliError'

/** What a person reads of an error, and the exit code. Never a stack trace, unless nobody foresaw the error and `debug` asks. */
export function explainError(error: unknown, debug = false): { readonly text: string; readonly exitCode: number } {
  if (error instanceof CliError) return { text: withHint(error.message, error.hint), exitCode: error.exitCode }
  if (isHoldfastError(error)) {
    const exitCode = error.code === 'ERR_CONFIG' || error.code === 'ERR_OPTION' ? EXIT.config : EXIT.failed
    return { text: withHint(error.message, error.hint), exitCode }
  }
  if (!(error instanceof Error)) return { text: String(error), exitCode: EXIT.failed }
  const text = debug
    ? (error.stack ?? error.message)
    : withHint(error.message, 'Set HOLDFAST_DEBUG=1 to see where it comes from.')
  return { text, exitCode: EXIT.failed }
}

function withHint(message: string, hint: string | undefined): string {
  return hint === undefined ? message : `${message}\n  ${hint}`
}
