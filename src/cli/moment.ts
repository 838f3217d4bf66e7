import type { Clock } from '../core/clock.ts'
import { CliError, EXIT } from './cli-error.ts'
import { readTime } from './time-text.ts'

/**
 * A point in time from an option, as epoch ms.
 *
 * @throws CliError with the exit code of a usage error
 */
export function readMoment(text: string, option: string, clock: Clock): number {
  const at = readTime(text, clock.wallNow())
  if (at === undefined)
    throw new CliError(
      `${option} must be a time such as 2030-01-31T08:00:00Z, or from now such as 10m: got ${JSON.stringify(text)}.`,
      {
        exitCode: EXIT.usage,
      },
    )
  return at
}
