/**
 * What the windows (HTTP API, dashboard, status, metrics, health) look through. The runtime fills it; nothing in ops/ knows
 * a policy or a store by itself.
 */
import type { ErrorSummary } from '../core/errors.ts'
import type { BreakerStateName, Observable } from '../core/events.ts'
import type { HoldReason } from '../work/admission.ts'
import type { Batch, BatchEnqueued } from '../work/batch.ts'
import type { BatchRequest } from '../work/batch-request.ts'
import type { DeadLetter, DeadLetterStatus, Enqueued, Job, JobState } from '../work/job.ts'
import type { JobRequest } from '../work/queue.ts'
import type { ScheduleView } from '../work/schedules/schedule-view.ts'
import type { BatchFilter, DeadLetterFacts, DeadLetterFilter, JobFilter, Lane, Page, RedriveRequest } from '../work/store.ts'

export type { Batch } from '../work/batch.ts'
export type { BatchRequest } from '../work/batch-request.ts'
export type { JobRequest } from '../work/queue.ts'
export type { ScheduleView } from '../work/schedules/schedule-view.ts'

/** A job with the answer to «why is it not running?». */
export interface JobView extends Job {
  readonly heldBy?: HoldReason
  readonly heldUntil?: number
  readonly heldReason?: string
  /** The concurrency key that it waits for; then `heldBy` is `concurrency`. */
  readonly heldKey?: string
  /** When it runs next: its `runAt`, or later when it is held; absent when finished or running. */
  readonly nextRunAt?: number
}

export interface LatencySummary {
  readonly count: number
  readonly minMs: number
  readonly avgMs: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
}

export interface TargetStatus {
  readonly name: string
  readonly breaker?: {
    readonly state: BreakerStateName
    /** Epoch ms when it entered this state. */
    readonly since: number
    readonly failures: number
    readonly calls: number
    /** When the next probe may go: epoch ms. */
    readonly probeAt?: number
    readonly reason?: string
    /** So many of the processes that share it have found it down themselves; absent where nothing is shared, or none has. */
    readonly openedBy?: { readonly processes: number; readonly of: number }
  }
  readonly limiter?: { readonly available: number; readonly capacity: number; readonly nextAt?: number }
  /** `limit` is 0 where there is none. */
  readonly bulkhead?: { readonly inFlight: number; readonly limit: number; readonly queued: number }
  /** Present while paused; without `until` it lasts until resumed. `since` is absent where nobody noted it. */
  readonly paused?: { readonly since?: number; readonly until?: number }
  readonly heldBy?: HoldReason
  readonly heldUntil?: number
  readonly heldReason?: string
  readonly latency: LatencySummary
  readonly successes: number
  readonly failures: number
  /** Jobs of this target by state. */
  readonly jobs: Partial<Record<JobState, number>>
  /** Jobs that wait because of `heldBy`. */
  readonly held: number
  readonly lastError?: { readonly name: string; readonly message: string; readonly at: number }
}

export type Health = 'healthy' | 'degraded' | 'unhealthy'

export interface HealthReason {
  readonly check: string
  readonly status: Health
  readonly message: string
  /** Epoch ms. */
  readonly since: number
}

export interface RecoveryStatus {
  readonly at: number
  /** Jobs whose worker had vanished, all together. */
  readonly recovered: number
  /** Of these: waiting again; set aside for a person; dead as poison. */
  readonly requeued: number
  readonly parked: number
  readonly poison: number
  /** Dead letters that waited for somebody or something. */
  readonly deadLetters: number
  /** Why it could not be done; it is tried again and again. */
  readonly error?: ErrorSummary
}

export interface SharedStatus {
  readonly name: string
  readonly description: string
  /** False while it is lost, and this process is on its own, or while its set-up puts something at risk. */
  readonly ok: boolean
  readonly message?: string
  /** This one counted; 1 while it is lost. */
  readonly processes: number
}

/** `GET /v1/status` and `holdfast status --json`: a stable schema. */
export interface Status {
  readonly status: Health
  readonly reasons: readonly HealthReason[]
  readonly version: string
  readonly startedAt: number
  readonly now: number
  readonly store: { readonly name: string; readonly description: string; readonly ok: boolean; readonly message?: string }
  /** Where processes share how their targets are, and how many do; absent where nothing is shared. */
  readonly shared?: SharedStatus
  readonly worker: {
    readonly id: string
    readonly running: number
    readonly concurrency: number
    readonly state: 'running' | 'draining' | 'stopped'
    /** How far the store's clock is ahead of this process's, in ms. */
    readonly skewMs: number
  }
  /** What was found at the start of what earlier processes had left behind; absent until that is known. */
  readonly recovery?: RecoveryStatus
  readonly jobs: Record<JobState, number>
  readonly held: number
  readonly oldestWaitingMs: number
  readonly deadLetters: Record<DeadLetterStatus, number>
  /** At most 500, those in trouble first among them; `GET /v1/targets` has all. */
  readonly targets: readonly TargetStatus[]
  /** How many are not in `targets`; absent when all are. */
  readonly moreTargets?: number
  readonly schedules: readonly ScheduleView[]
  /** The first few of `GET /v1/batches`: those that have not ended, then those that ended last. */
  readonly batches: readonly Batch[]
  /** Operations by name: the recent past, in memory. */
  readonly operations: readonly (LatencySummary & {
    readonly operation: string
    readonly retries: number
    readonly failures: number
  })[]
}

/** `GET /v1/dead-letters/stats` and `holdfast dlq stats --json`: a stable schema. Open ones are `pending` or `exhausted`. */
export interface DeadLetterStats extends DeadLetterFacts {
  readonly deadLetters: Readonly<Record<DeadLetterStatus, number>>
  /** At most 500, those with the most open ones first. */
  readonly groups: readonly DeadLetterGroup[]
  /** How many are not in `groups`; absent when all are. */
  readonly moreGroups?: number
}

/** Letters of one target and one kind, by status. */
export type DeadLetterGroup = Lane & Readonly<Record<DeadLetterStatus, number>>

export interface OpsSource extends Observable {
  /** All or nothing. @throws HoldfastError with `ERR_JOB_INVALID`, `ERR_JOB_UNKNOWN_KIND`, `ERR_IDEMPOTENCY_MISMATCH`, `ERR_STORE_UNAVAILABLE` */
  enqueue(requests: readonly JobRequest[]): Promise<readonly Enqueued[]>
  /** All or nothing, with the job that is enqueued when all have ended. @throws as `enqueue` */
  enqueueBatch(request: BatchRequest): Promise<BatchEnqueued>
  batch(id: string): Promise<Batch | undefined>
  /** Open ones first, then those that have ended, the last to end first. */
  batches(filter: BatchFilter): Promise<Page<Batch>>
  job(id: string): Promise<JobView | undefined>
  jobs(filter: JobFilter): Promise<Page<JobView>>
  cancel(id: string): Promise<JobView | undefined>
  retry(id: string): Promise<JobView | undefined>
  deadLetters(filter: DeadLetterFilter): Promise<Page<DeadLetter>>
  deadLetterStats(): Promise<DeadLetterStats>
  redrive(request: Omit<RedriveRequest, 'by'>): Promise<readonly string[]>
  discard(id: string): Promise<DeadLetter | undefined>
  targets(): Promise<readonly TargetStatus[]>
  /** Each answers the target as it is then; undefined when there is no such target. */
  isolate(target: string): Promise<TargetStatus | undefined>
  reset(target: string): Promise<TargetStatus | undefined>
  /** `until` is epoch ms; absent pauses until resumed. */
  pause(target: string, until?: number): Promise<TargetStatus | undefined>
  resume(target: string): Promise<TargetStatus | undefined>
  schedules(): Promise<readonly ScheduleView[]>
  /** Each answers the schedule as it is then; undefined when there is no such schedule. */
  pauseSchedule(name: string): Promise<ScheduleView | undefined>
  resumeSchedule(name: string): Promise<ScheduleView | undefined>
  /** Enqueues its job now. Undefined when there is no such schedule. */
  runSchedule(name: string): Promise<Enqueued | undefined>
  status(): Promise<Status>
  /** Ready to accept work: the store takes writes and the process is not shutting down. Cached, bounded in time. */
  ready(): Promise<{ readonly ok: boolean; readonly message: string }>
}
