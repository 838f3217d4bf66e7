/**
 * A breaker's state as plain data that outlives the process. Times are wall times; on the way back in they are clamped, so a
 * clock that stepped, or a restart, neither frees the target early nor isolates it for good.
 *
 * Version 1 knew neither isolations that end nor what a closed breaker has learnt; it is still read.
 */
import type { Clock } from '../../core/clock.ts'
import { OptionError } from '../../core/errors.ts'
import type { BreakerStateName } from '../../core/events.ts'
import type { BreakerMachine } from './machine.ts'

export interface BreakerStored {
  readonly version: 2
  readonly state: BreakerStateName
  readonly reason: string
  /** Epoch ms. */
  readonly since: number
  /** Epoch ms of the next probe; 0 when it is not open. */
  readonly openUntil: number
  /** Epoch ms; 0 when it is not isolated, or until somebody lifts it. */
  readonly isolatedUntil: number
  /** Openings in a row, by which the open time has grown. */
  readonly openings: number
  readonly consecutiveFailures: number
  /** It has just recovered, and admits a growing share. */
  readonly ramping: boolean
}

export function snapshotOf(machine: BreakerMachine, clock: Clock): BreakerStored {
  const now = clock.now()
  const offset = clock.wallNow() - now
  machine.endIsolation(now)
  const { reason, since, openUntil, isolatedUntil, openings, consecutiveFailures, ...memory } = machine.memory
  // A half-open breaker has probes in this process only; elsewhere it is one that is due to probe.
  const state = memory.state === 'half-open' ? 'open' : memory.state
  return {
    version: 2,
    state,
    reason,
    since: Math.round(since + offset),
    openUntil: state === 'open' ? Math.round(openUntil + offset) : 0,
    isolatedUntil: Number.isFinite(isolatedUntil) ? Math.round(isolatedUntil + offset) : 0,
    openings,
    consecutiveFailures,
    ramping: machine.share(now) < 1,
  }
}

const STATES: readonly unknown[] = ['closed', 'open', 'isolated', 'disabled']

export function hydrate(machine: BreakerMachine, stored: unknown, clock: Clock, longestOpenMs: number): void {
  const snapshot = (stored ?? {}) as { readonly [field in keyof BreakerStored]?: unknown } & { readonly reopened?: unknown }
  const { version, state } = snapshot
  if ((version !== 1 && version !== 2) || !STATES.includes(state))
    throw new OptionError('snapshot', 'must be a circuit breaker snapshot of version 1 or 2', stored)
  const now = clock.now()
  const wallNow = clock.wallNow()
  const isolatedUntil = finite(snapshot.isolatedUntil)
  machine.restore({
    state: state as BreakerStateName,
    reason: String(snapshot.reason ?? ''),
    since: now - Math.max(0, wallNow - finite(snapshot.since)),
    openUntil: now + Math.min(Math.max(0, finite(snapshot.openUntil) - wallNow), longestOpenMs),
    // No longer than it was meant to be, should the clock have been ahead when it was stored.
    isolatedUntil:
      isolatedUntil > 0 ? now + Math.max(0, isolatedUntil - Math.max(wallNow, finite(snapshot.since))) : Number.POSITIVE_INFINITY,
    // It counted the reopenings, of which the first opening is none.
    openings: version === 1 ? whole(snapshot.reopened) + (state === 'open' ? 1 : 0) : whole(snapshot.openings),
    consecutiveFailures: whole(snapshot.consecutiveFailures),
    ramping: snapshot.ramping === true,
  })
}

function whole(value: unknown): number {
  return Math.max(0, Math.floor(finite(value)))
}

function finite(value: unknown): number {
  return Number.isFinite(value) ? (value as number) : 0
}
