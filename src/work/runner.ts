/** The port through which a runtime wraps handlers in the policies of their target. */
import type { Job } from './job.ts'

/**
 * The handler, ready to be called. Each call is one run of the handler, bounded by the kind's timeout; a timeout rejects, so
 * that a breaker around it counts a failure. `deadline` is a reading of the clock that shortens the timeout.
 */
export type JobOperation = (signal: AbortSignal, deadline?: number) => Promise<unknown>

/**
 * Runs an operation under policies and answers what it answered. `signal` aborts on cancel, lost lease and shutdown, never
 * on the job's own timeout.
 */
export type JobRunner = (job: Job, operation: JobOperation, signal: AbortSignal) => Promise<unknown>

/** No policies. */
export const runPlainly: JobRunner = (_job, operation, signal) => operation(signal)
