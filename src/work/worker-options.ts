/** What a worker is made of, who it is, and how it shows itself. */
import type { Clock } from '../core/clock.ts'
import type { Duration } from '../core/duration.ts'
import type { EventBus } from '../core/events.ts'
import type { Random } from '../core/random.ts'
import type { AdmissionPort } from './admission.ts'
import type { Hold } from './holds.ts'
import type { Job } from './job.ts'
import type { JobLog, Kind } from './kind.ts'
import type { JobRunner } from './runner.ts'
import type { JobStore } from './store.ts'

/** Who a worker is; `newIdentity` makes one. A new boot id at every start of a process: pids come back. */
export interface WorkerIdentity {
  readonly host: string
  readonly pid: number
  readonly bootId: string
}

/** The id of a worker's row. */
export function workerId({ host, pid, bootId }: WorkerIdentity): string {
  return `${host}:${pid}:${bootId}`
}

export interface WorkerOptions {
  readonly store: JobStore
  readonly kinds: ReadonlyMap<string, Kind>
  readonly admission: AdmissionPort
  readonly run: JobRunner
  /** True when the target's breaker is open and several distinct jobs have failed there: then a failure costs no attempt. */
  readonly isTargetDown: (target: string, job: string) => boolean
  /** Carries out a handler's `pauseTarget`; without it the job alone waits. `until` is epoch ms. */
  readonly pauseTarget?: (target: string, until: number) => void
  readonly clock: Clock
  readonly random: Random
  readonly events: EventBus
  readonly identity: WorkerIdentity
  /** Jobs at once. Default 50. */
  readonly concurrency?: number
  /** How soon it looks again after finding nothing: from `pollMin` (50 ms), doubling, to `pollMax` (2 s). */
  readonly pollMin?: Duration
  readonly pollMax?: Duration
  /** How long a handler that ignores its abort keeps its slot. Default 1 min. */
  readonly abandonedHold?: Duration
  /** Gives handlers their `log`. */
  readonly log?: (job: Job) => JobLog
}

export type WorkerState = 'running' | 'draining' | 'stopped'

export interface WorkerSnapshot {
  readonly id: string
  /** `stopped` before the start, too. */
  readonly state: WorkerState
  readonly running: number
  /** Claimed, and waiting here for a slot. */
  readonly ahead: number
  readonly concurrency: number
  /** Handlers that run on after their job was settled. */
  readonly abandoned: number
  /** Ends that the store has not taken yet. */
  readonly unsettled: number
  readonly held: readonly Hold[]
  /** `since`: when the trouble began, in epoch ms. */
  readonly store: { readonly ok: boolean; readonly reason?: string; readonly since?: number }
  /** How far the store's clock is ahead, in ms. */
  readonly skewMs: number
  /** So far that people should know: more than 5 s. */
  readonly isSkewed: boolean
}

/** The names of the options above. */
export const WORKER_OPTIONS = [
  'store',
  'kinds',
  'admission',
  'run',
  'isTargetDown',
  'pauseTarget',
  'clock',
  'random',
  'events',
  'identity',
  'concurrency',
  'pollMin',
  'pollMax',
  'abandonedHold',
  'log',
] as const
