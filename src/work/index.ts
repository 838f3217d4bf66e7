/**
 * Durable work: jobs, the kinds that handle them, the queue and the worker, and the ports that a store fills. `Runtime` of
 * `holdfast/runtime` wires all of this; the parts are here for those who build a worker of their own.
 */
export { EventBus, type HoldfastEvent, type Listener, type Observable, type WorkEvent } from '../core/events.ts'
export { type Admission, type AdmissionPort, admitAll, type HoldReason } from './admission.ts'
export type { Backoff, BackoffOptions, Jitter } from './backoff.ts'
export type { Batch, BatchEnqueued, BatchSummary, CompletedBatch, NewBatch } from './batch.ts'
export type { BatchCallback, BatchRequest } from './batch-request.ts'
export { BatchSweep, type BatchSweepOptions } from './batch-sweep.ts'
export { DeadLetterClock, type DeadLetterClockOptions } from './dead-letter-clock.ts'
export type { Hold } from './holds.ts'
export { type Idempotency, idempotency, type OnceOptions } from './idempotent/idempotency.ts'
export { IdempotencyError } from './idempotent/idempotency-error.ts'
export type { IdempotencyOptions, OnceVerdict, OnceVerify } from './idempotent/options.ts'
export { type IdSource, idSource, idTime, isId, type RandomBytes } from './ids.ts'
export {
  DEAD_LETTER_STATUSES,
  type DeadCause,
  type DeadLetter,
  type DeadLetterStatus,
  type Enqueued,
  type HistoryEntry,
  JOB_STATES,
  type Job,
  type JobState,
  type NewJob,
} from './job.ts'
export { type AbortCause, JobAbortedError, JobInvalidError, UnknownKindError } from './job-errors.ts'
export { REQUEST_LIMITS, type RequestLimits } from './job-request.ts'
export {
  defineKind,
  type Handler,
  type JobContext,
  type JobLog,
  type Kind,
  type KindOptions,
  kindTable,
  type UnknownPolicy,
  type Verify,
  type VerifyAnswer,
} from './kind.ts'
export type { KindRetention, RetentionOptions } from './kind-retention.ts'
export { isFinal, LIFECYCLE, mayHappen, type Transition } from './lifecycle.ts'
export { isProcessAlive } from './process-liveness.ts'
export { Pruner, type PrunerOptions } from './pruner.ts'
export { JobQueue, type JobQueueOptions, type JobRequest } from './queue.ts'
export { type RecoveryReport, type RescueReport, Rescuer, type RescuerOptions } from './rescuer.ts'
export { type JobOperation, type JobRunner, runPlainly } from './runner.ts'
export { defineSchedule, type MissedPolicy, type Occurrence, type Schedule, type ScheduleOptions } from './schedules/schedule.ts'
export type { ScheduleView } from './schedules/schedule-view.ts'
export { Scheduler, type SchedulerOptions } from './schedules/scheduler.ts'
export { DeadError, park, pauseTarget, retryAfter, type Steering, snooze } from './steering.ts'
export type * from './store.ts'
export { type RedriveReport, TargetRedrive, type TargetRedriveOptions } from './target-redrive.ts'
export { newIdentity } from './this-process.ts'
export { Worker, type WorkerIdentity, type WorkerOptions, type WorkerSnapshot, type WorkerState } from './worker.ts'
export { workerId } from './worker-options.ts'
