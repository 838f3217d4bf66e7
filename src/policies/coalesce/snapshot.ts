/**
 * Kept results as data that outlives the process, as far as the results themselves do. Times are wall times; on the way back in
 * they are clamped, so a clock that stepped gives no result a longer life than it would get now.
 */
import type { Clock } from '../../core/clock.ts'
import { OptionError } from '../../core/errors.ts'
import type { ResultCache } from './machine.ts'

export interface CoalesceStored {
  readonly version: 1
  /** Least recently used first. `expiresAt` is epoch ms. */
  readonly entries: readonly { readonly key: string; readonly value: unknown; readonly expiresAt: number }[]
}

export function snapshotOf(cache: ResultCache | undefined, clock: Clock): CoalesceStored {
  const wallNow = clock.wallNow()
  const kept = [...(cache?.values(clock.now()) ?? [])]
  return { version: 1, entries: kept.map(({ key, value, leftMs }) => ({ key, value, expiresAt: Math.round(wallNow + leftMs) })) }
}

export function hydrate(cache: ResultCache | undefined, stored: unknown, clock: Clock, ttl: (value: unknown) => number): void {
  const { version, entries } = (stored ?? {}) as Partial<CoalesceStored>
  if (version !== 1 || !Array.isArray(entries) || !entries.every(isEntry))
    throw new OptionError('snapshot', 'must be a coalesce snapshot of version 1', stored)
  const wallNow = clock.wallNow()
  for (const { key, value, expiresAt } of entries) {
    const left = Math.min(expiresAt - wallNow, ttl(value))
    if (left > 0) cache?.set(key, { value }, left, clock.now())
  }
}

function isEntry(entry: unknown): entry is CoalesceStored['entries'][number] {
  if (typeof entry !== 'object' || entry === null || !('value' in entry)) return false
  const { key, expiresAt } = entry as Record<string, unknown>
  return typeof key === 'string' && Number.isFinite(expiresAt)
}
