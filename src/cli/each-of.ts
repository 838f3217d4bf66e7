import { sleep } from '../core/clock.ts'
import { CliError, EXIT, explainError } from './cli-error.ts'
import type { Context, TalkOptions } from './context.ts'
import { ProgressBar } from './progress.ts'

export interface Each<T> {
  readonly change: (id: string) => Promise<T>
  readonly say: (answer: T) => string
  /** At most so many a second, with a bar for people. */
  readonly pace?: number | undefined
}

/**
 * Does one thing to each of several ids. One that fails does not keep the others from their turn; the exit code tells.
 *
 * @throws CliError when nobody answers at all: then there is no point in going on
 */
export async function eachOf<T>(
  { printer, io }: Context,
  ids: readonly string[],
  { json }: TalkOptions,
  { change, say, pace }: Each<T>,
): Promise<number> {
  const answers: T[] = []
  const bar = new ProgressBar(io)
  let exitCode: number = EXIT.ok
  for (const [index, id] of ids.entries()) {
    if (pace !== undefined) {
      bar.show(index / ids.length, `${index} of ${ids.length}`)
      if (index > 0) await sleep(io.clock, 1000 / pace)
      bar.end()
    }
    try {
      const answer = await change(id)
      answers.push(answer)
      if (!json) printer.line(say(answer))
    } catch (error) {
      if (!(error instanceof CliError) || error.exitCode === EXIT.unreachable) throw error
      printer.note(`${id}: ${explainError(error).text}`)
      exitCode = EXIT.failed
    }
  }
  if (json) printer.json(answers)
  return exitCode
}
