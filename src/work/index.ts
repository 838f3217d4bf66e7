/** Durable work: jobs, the kinds that handle them, the queue and the worker, and the ports that a store fills. */
export { type Admission, type AdmissionPort, admitAll, type HoldReason } from './admission.ts'
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
export { isFinal, LIFECYCLE, mayHappen, type Transition } from './lifecycle.ts'
export { JobQueue, type JobQueueOptions, type JobRequest } from './queue.ts'
export { DeadError, park, pauseTarget, retryAfter, type Steering, snooze } from './steering.ts'
export type * from './store.ts'
export { Worker, type WorkerIdentity, type WorkerOptions, type WorkerSnapshot, type WorkerState } from './worker.ts'
