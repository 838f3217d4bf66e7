/** What the breaker's machine is told, what it tells, and what it remembers, as plain data. */
import type { BreakerStateName } from '../../core/events.ts'
import type { OpeningSettings } from './openings.ts'
import type { RampSettings } from './ramp.ts'
import type { Trip } from './trip.ts'

export interface BreakerSettings extends OpeningSettings {
  readonly trip: Trip
  readonly halfOpenCalls: number
  /** Probes that close it, and probes that reopen it (default 1). */
  readonly successes: number
  readonly failures?: number
  readonly probeLeaseMs: number
  /** How it admits after it has recovered; absent: everybody at once. */
  readonly ramp?: RampSettings
  /** A failure that asks to be left alone opens at once. Default false: it may only make an open time longer. */
  readonly opensWhenAsked?: boolean
}

export interface BreakerChange {
  readonly from: BreakerStateName
  readonly to: BreakerStateName
  readonly reason: string
  readonly retryAfterMs?: number
}

/** What outlives the process; times by the machine's own clock. */
export interface BreakerMemory {
  readonly state: BreakerStateName
  readonly reason: string
  readonly since: number
  readonly openUntil: number
  /** `Infinity`: until somebody lifts it. */
  readonly isolatedUntil: number
  readonly openings: number
  readonly consecutiveFailures: number
  readonly ramping: boolean
}
