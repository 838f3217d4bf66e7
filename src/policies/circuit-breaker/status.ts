/**
 * How a breaker stands, in numbers for people and dashboards.
 */
import type { Clock } from '../../core/clock.ts'
import type { BreakerStateName } from '../../core/events.ts'
import type { BreakerMachine } from './machine.ts'
import type { BreakerMode } from './options.ts'
import type { ShadowBook, ShadowCounts } from './shadow.ts'
import type { CallWindow } from './window.ts'

export interface BreakerStatus {
  readonly state: BreakerStateName
  /** Epoch ms when it entered this state. */
  readonly since: number
  readonly reason: string
  /** Epoch ms of the next probe, while open. */
  readonly probeAt: number | undefined
  readonly consecutiveFailures: number
  /** Finished calls in the window, and failures among them; without a window the failures in a row. */
  readonly calls: number
  readonly failures: number
  /** Results that came back too late to count. */
  readonly stale: number
}

export interface BreakerDetails extends BreakerStatus {
  readonly mode: BreakerMode
  /** Slow calls in the window. */
  readonly slow: number
  /** How often it has opened, and how often in a row, by which the open time grows. */
  readonly opened: number
  readonly openings: number
  /** Calls refused. */
  readonly rejected: number
  /** Of this half-open period. */
  readonly probes: { readonly running: number; readonly succeeded: number; readonly failed: number }
  /** The share of calls that a closed breaker admits; below 1 after a recovery, where a ramp is asked for. */
  readonly share: number
  /** Epoch ms when an isolation ends by itself. */
  readonly isolatedUntil: number | undefined
  /** What it would have refused in shadow mode. */
  readonly shadow: ShadowCounts
}

export function statusOf(
  machine: BreakerMachine,
  window: CallWindow | undefined,
  clock: Clock,
  { mode, rejected, shadow }: { readonly mode: BreakerMode; readonly rejected: number; readonly shadow: ShadowBook },
): BreakerDetails {
  const now = clock.now()
  const offset = clock.wallNow() - now
  machine.endIsolation(now)
  window?.expire(now)
  const { state, since, reason, openUntil, isolatedUntil, openings, consecutiveFailures } = machine.memory
  return {
    state,
    since: Math.round(since + offset),
    reason,
    probeAt: state === 'open' ? Math.ceil(openUntil + offset) : undefined,
    consecutiveFailures,
    calls: window?.calls ?? consecutiveFailures,
    failures: window?.failures ?? consecutiveFailures,
    stale: machine.stale,
    mode,
    slow: window?.slow ?? 0,
    opened: machine.opened,
    openings,
    rejected,
    probes: machine.probes,
    share: machine.share(now),
    isolatedUntil: Number.isFinite(isolatedUntil) ? Math.ceil(isolatedUntil + offset) : undefined,
    shadow: shadow.counts(),
  }
}
