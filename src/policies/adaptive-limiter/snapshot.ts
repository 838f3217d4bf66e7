/**
 * What an adaptive limiter has learnt, as plain data. No times: a limit and a round trip are as true after a restart as before.
 */
import { OptionError } from '../../core/errors.ts'

export interface AdaptiveLimiterStored {
  readonly version: 1
  readonly limit: number
  readonly baselineMs?: number
}

/** @throws OptionError when it is not a snapshot of version 1 */
export function readStored(stored: unknown): { readonly limit: number; readonly baselineMs: number | undefined } {
  const { version, limit, baselineMs } = (stored ?? {}) as Partial<AdaptiveLimiterStored>
  if (version !== 1 || !isPositive(limit))
    throw new OptionError('snapshot', 'must be an adaptive limiter snapshot of version 1', stored)
  return { limit, baselineMs: isPositive(baselineMs) ? baselineMs : undefined }
}

function isPositive(value: unknown): value is number {
  return Number.isFinite(value) && (value as number) > 0
}
