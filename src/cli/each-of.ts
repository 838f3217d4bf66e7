import { CliError, EXIT, explainError } from './cli-error.ts'
import type { Context, TalkOptions } from './context.ts'

/**
 * Does one thing to each of several ids. One that fails does not keep the others from their turn; the exit code tells.
 *
 * @throws CliError when nobody answers at all: then there is no point in going on
 */
export async function eachOf<T>(
  { printer }: Context,
  ids: readonly string[],
  { json }: TalkOptions,
  { change, say }: { readonly change: (id: string) => Promise<T>; readonly say: (answer: T) => string },
): Promise<number> {
  const answers: T[] = []
  let exitCode: number = EXIT.ok
  for (const id of ids) {
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
