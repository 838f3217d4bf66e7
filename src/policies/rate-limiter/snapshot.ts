/**
 * What a rate limiter has counted, as versioned plain data. Times are stored relative to one wall time, so that a restart
 * neither gives back what was used nor takes more than could have been used.
 */
import { OptionError } from '../../core/errors.ts'
import type { Limits } from './limits.ts'
import type { RateMachine, RateState } from './rate-machine.ts'
import { ServerView, type ToldQuota } from './server-view.ts'

export interface LimitStored {
  /** Numbers of the algorithm. */
  readonly state: RateState
  readonly blockedMs?: number
  readonly quotas?: readonly ToldQuota[]
}

export interface RateLimiterStored {
  readonly version: 1
  /** Epoch ms. */
  readonly at: number
  readonly all: LimitStored
  readonly keys: readonly (readonly [key: string, stored: LimitStored])[]
}

/** @param maxKeys of more keys those are stored whose limits would take longest to be whole again */
export function snapshotOf(limits: Limits, now: number, wallNow: number, maxKeys: number): RateLimiterStored {
  const busy: { readonly key: string; readonly idleAt: number; readonly stored: LimitStored }[] = []
  for (const [key, machine] of limits.keyed.busy(now)) busy.push({ key, idleAt: machine.idleAt, stored: dump(machine, now) })
  if (busy.length > maxKeys) busy.sort((one, other) => other.idleAt - one.idleAt).length = maxKeys
  return { version: 1, at: wallNow, all: dump(limits.all, now), keys: busy.map(({ key, stored }) => [key, stored]) }
}

function dump(machine: RateMachine, now: number): LimitStored {
  const state = machine.dump(now)
  if (!(machine instanceof ServerView)) return { state }
  const blockedMs = machine.blockedUntil - now
  const quotas = machine.quotas(now).map(({ name, limit, windowMs, remaining, resetAt }) => ({
    name,
    remaining,
    resetMs: resetAt - now,
    ...(limit === undefined ? {} : { limit }),
    ...(windowMs === undefined ? {} : { windowMs }),
  }))
  return { state, ...(blockedMs > 0 ? { blockedMs } : {}), ...(quotas.length > 0 ? { quotas } : {}) }
}

/**
 * Counts on from a snapshot. What cannot be read of a single key is left out, so that one bad entry loses nothing else.
 *
 * @throws OptionError when it is not a snapshot of version 1
 */
export function hydrate(limits: Limits, stored: unknown, now: number, wallNow: number): void {
  const { version, at, all, keys } = (stored ?? {}) as Partial<RateLimiterStored>
  // Other policies store a version and a time as well.
  if (version !== 1 || !isNumber(at) || all === undefined || keys === undefined)
    throw new OptionError('snapshot', 'must be a rate limiter snapshot of version 1', stored)
  // A clock that stepped back says nothing of how long ago it was: then nothing has been refilled since.
  const elapsedMs = Math.max(0, wallNow - at)
  restore(limits, undefined, all, now, elapsedMs)
  if (!Array.isArray(keys)) return
  for (const entry of keys as unknown[])
    if (Array.isArray(entry) && typeof entry[0] === 'string') restore(limits, entry[0], entry[1], now, elapsedMs)
}

function restore(limits: Limits, key: string | undefined, stored: unknown, now: number, elapsedMs: number): void {
  if (typeof stored !== 'object' || stored === null) return
  const { state, blockedMs, quotas } = stored as Partial<LimitStored>
  if (Array.isArray(state)) limits.load(key, state, now, elapsedMs)
  if (isAhead(blockedMs, elapsedMs)) limits.changeView(key, (view) => view.block(now, blockedMs - elapsedMs))
  if (!Array.isArray(quotas)) return
  for (const told of quotas as Partial<ToldQuota>[]) {
    if (typeof told?.name !== 'string' || !isAhead(told.resetMs, elapsedMs) || !isNumber(told.remaining)) continue
    const { name, remaining, resetMs } = told
    const limit = isNumber(told.limit) ? told.limit : undefined
    const windowMs = isAhead(told.windowMs, 0) ? told.windowMs : undefined
    limits.changeView(key, (view) => view.learn(now, { name, remaining, limit, windowMs, resetMs: resetMs - elapsedMs }))
  }
}

function isNumber(value: unknown): value is number {
  return Number.isFinite(value)
}

function isAhead(ms: unknown, elapsedMs: number): ms is number {
  return isNumber(ms) && ms > elapsedMs
}
