import { parseDuration } from '../core/duration.ts'
import { OptionError } from '../core/errors.ts'
import type { HoldfastConfig } from './config.ts'

/**
 * The limit of an operation in ms: its own, or its profile's; `normal` for operations that nobody mapped.
 * Also takes a profile's name.
 *
 * @throws OptionError when there is no such operation, profile or `normal`
 */
export function timeoutOf({ timeouts }: Pick<HoldfastConfig, 'timeouts'>, operation: string): number {
  const limit = timeouts.operations[operation] ?? operation
  const ms = timeouts.profiles[String(limit)]
  if (ms !== undefined) return ms
  if (limit !== operation) return parseDuration(limit, `timeouts.operations.${operation}`)
  const normal = timeouts.profiles.normal
  if (normal === undefined) throw new OptionError('operation', 'must have a timeout profile', operation)
  return normal
}
