/**
 * A breaker's state as plain data that outlives the process. Times are wall times; on the way back in they are clamped, so a
 * clock that stepped, or a restart, neither frees the target early nor isolates it for good.
 */
import type { Clock } from '../../core/clock.ts'
import { OptionError } from '../../core/errors.ts'
import type { BreakerStateName } from '../../core/events.ts'
import type { BreakerMachine } from './machine.ts'

export interface BreakerStored {
  readonly version: 1
  readonly state: BreakerStateName
  readonly reason: string
  /** Epoch ms. */
  readonly since: number
  /** Epoch ms; 0 when it is not open. */
  readonly openUntil: number
  readonly reopened: number
}

export function snapshotOf(machine: BreakerMachine, clock: Clock): BreakerStored {
  const offset = clock.wallNow() - clock.now()
  // A half-open breaker has probes in this process only; elsewhere it is one that is due to probe.
  const state = machine.state === 'half-open' ? 'open' : machine.state
  return {
    version: 1,
    state,
    reason: machine.reason,
    since: Math.round(machine.since + offset),
    openUntil: state === 'open' ? Math.round(machine.openUntil + offset) : 0,
    reopened: machine.reopened,
  }
}

const STATES: readonly string[] = ['closed', 'open', 'isolated', 'disabled']

export function hydrate(machine: BreakerMachine, stored: unknown, clock: Clock, longestOpenMs: number): void {
  const { version, state, reason, since, openUntil, reopened } = (stored ?? {}) as Partial<BreakerStored>
  if (version !== 1 || !STATES.includes(String(state)))
    throw new OptionError('snapshot', 'must be a circuit breaker snapshot of version 1', stored)
  const now = clock.now()
  const wallNow = clock.wallNow()
  const left = Math.min(Math.max(0, finite(openUntil) - wallNow), longestOpenMs)
  const age = Math.max(0, wallNow - finite(since))
  machine.restore(
    state as BreakerStateName,
    String(reason ?? ''),
    now + left,
    Math.max(0, Math.floor(finite(reopened))),
    now - age,
  )
}

function finite(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0
}
