/**
 * The port of durable work. A store keeps jobs; it decides nothing: what happens to a job is settled by work/, and the store
 * carries it out under the fence.
 *
 * Rules that every store obeys, proven by testing/store-contract:
 * - One clock, the store's own, for everything it writes or compares. Callers pass delays, never times of their own, except
 *   `NewJob.runAt`.
 * - `enqueue` is all or nothing, and durable when it resolves.
 * - Every write after a claim is fenced: it applies only while the job runs under the same token.
 * - Every operation is safe to repeat.
 * - A store that is full, read-only, busy for too long or gone rejects with code `ERR_STORE_UNAVAILABLE` and changes nothing.
 */
import type { ErrorSummary } from '../core/errors.ts'
import type { SharedState } from '../core/shared-state.ts'
import type { StateStore } from '../core/state-store.ts'
import type { Batch, BatchEnqueued, CompletedBatch, NewBatch } from './batch.ts'
import type { DeadCause, DeadLetter, DeadLetterStatus, Enqueued, Job, JobState, NewJob } from './job.ts'

/** Jobs of one kind aimed at one target: the unit of admission and fairness. */
export interface Lane {
  readonly kind: string
  readonly target: string
}

/** A lane with work that may run now. */
export interface ReadyLane extends Lane {
  /** The highest priority waiting in it. */
  readonly priority: number
  /** When its first job (by priority, then time) became due. */
  readonly runAt: number
}

export interface ClaimRequest {
  readonly worker: string
  readonly leaseMs: number
  /** What to take, in this order. */
  readonly lanes: readonly LaneClaim[]
}

export interface LaneClaim extends Lane {
  /** At most so many jobs of this lane. */
  readonly limit: number
  /**
   * For a kind with concurrency keys: so many jobs of this kind with the same key run at once, whoever claimed them and for
   * whatever target. What may not run is passed over. Lanes without it are claimed whatever the keys.
   */
  readonly perKey?: number
}

/** How many jobs of a kind run with a key. */
export interface RunningKey {
  readonly kind: string
  readonly key: string
  readonly count: number
}

/** A claim's proof. */
export interface Fence {
  readonly id: string
  readonly token: number
}

/** What becomes of a claimed job. Delays count from the store's now. */
export type Settlement = Fence &
  (
    | { readonly type: 'succeeded'; readonly result?: unknown }
    /** The attempt counts. */
    | { readonly type: 'retry'; readonly delayMs: number; readonly error: ErrorSummary }
    /** The attempt does not count: refused, shut down, target down. */
    | { readonly type: 'returned'; readonly delayMs: number; readonly reason: string; readonly error?: ErrorSummary }
    | {
        readonly type: 'dead'
        readonly cause: DeadCause
        readonly error: ErrorSummary
        readonly targetDown: boolean
        /** Absent: the dead letter is exhausted, only a person redrives it. */
        readonly retryInMs?: number
        /** One more lost lease. */
        readonly workerLost?: boolean
      }
    | { readonly type: 'parked'; readonly reason: string; readonly error?: ErrorSummary; readonly workerLost?: boolean }
    | { readonly type: 'cancelled'; readonly reason?: string }
    /** The worker vanished: back to available, one more lost lease, the attempt given back. */
    | { readonly type: 'rescued'; readonly delayMs: number; readonly reason: string }
  )

export interface WorkerRow {
  /** host + pid + boot id, see `newIdentity`. */
  readonly id: string
  readonly host: string
  readonly pid: number
  readonly bootId: string
  readonly startedAt: number
  readonly seenAt: number
}

export interface RenewResult {
  /** Jobs that are no longer this worker's: abort the handler, drop its result. */
  readonly lost: readonly string[]
  /** Jobs that somebody asked to cancel. */
  readonly cancelled: readonly string[]
}

export interface JobFilter {
  readonly state?: JobState | undefined
  readonly kind?: string | undefined
  readonly target?: string | undefined
  readonly batch?: string | undefined
  /** 1 to 1000, default 50. */
  readonly limit?: number | undefined
  /** From the last page's `nextCursor`. Newest first. */
  readonly cursor?: string | undefined
}

export interface BatchFilter {
  /** `open`: some of its jobs have not ended. */
  readonly state?: 'open' | 'ended' | undefined
  /** 1 to 1000, default 50. What each costs grows with its jobs. */
  readonly limit?: number | undefined
  /** From the last page's `nextCursor`. */
  readonly cursor?: string | undefined
}

export interface Page<T> {
  readonly items: readonly T[]
  readonly nextCursor?: string
}

export interface DeadLetterFilter {
  readonly status?: DeadLetterStatus | undefined
  readonly kind?: string | undefined
  readonly target?: string | undefined
  readonly limit?: number | undefined
  readonly cursor?: string | undefined
}

export interface RedriveRequest {
  /** These, or all that match the filter. Only `pending` and `exhausted` ones come back. */
  readonly ids?: readonly string[] | undefined
  readonly kind?: string | undefined
  readonly target?: string | undefined
  /** Only those that died while their target was down. */
  readonly targetDownOnly?: boolean | undefined
  /** Only those whose `nextRetryAt` has passed. */
  readonly dueOnly?: boolean | undefined
  /** Default 100. */
  readonly limit?: number | undefined
  /** Answers what would come back, and changes nothing. */
  readonly dryRun?: boolean | undefined
  /** Who asks: `person`, `clock`, `breaker`. Kept in the history. */
  readonly by: string
}

/** One number of jobs. */
export interface JobCount extends Lane {
  readonly state: JobState
  readonly count: number
  /** Oldest `runAt` among them; 0 for finished jobs, of which none waits. */
  readonly oldestRunAt: number
}

export interface DeadLetterCount extends Lane {
  readonly status: DeadLetterStatus
  readonly count: number
}

/** What is known of open dead letters beyond their numbers; open ones are `pending` or `exhausted`. */
export interface DeadLetterFacts {
  /** When the oldest of them came: epoch ms. */
  readonly oldestAt?: number
  /** When the first comes back by its clock; in the past when it is due. */
  readonly nextRetryAt?: number
  /** Causes of the newest ones: of at most a thousand `pending` and a thousand `exhausted`. */
  readonly causes: Readonly<Partial<Record<DeadCause, number>>>
}

/** What of finished jobs (succeeded, cancelled; dead ones only when resolved or discarded) goes. */
export interface PruneRule {
  /** Those that ended longer ago than this. */
  readonly olderThanMs: number
  /** And all but the newest so many. */
  readonly keep: number
}

/**
 * Its rule is for all kinds together that are not in `kinds`. A batch that has ended goes with the last of its jobs, or at the
 * longest `olderThanMs`.
 */
export interface PruneRequest extends PruneRule {
  /** Kinds with a rule of their own: each is counted alone, and not among the others. */
  readonly kinds?: ReadonlyMap<string, PruneRule>
  /** At most so many rows a call, the oldest of what is due. What it costs does not grow with what is not. */
  readonly limit: number
}

export interface StoreCapabilities {
  readonly name: 'memory' | 'sqlite' | 'postgres'
  /** Survives the process. */
  readonly durable: boolean
  /** Several processes may work on it at once. */
  readonly multiProcess: boolean
}

export interface JobStore extends StateStore {
  readonly capabilities: StoreCapabilities
  /** Where it is, without secrets, for people. */
  readonly description: string

  /** Opens or creates it and brings its schema up to date. When that rejects, later calls try again by themselves. */
  open(): Promise<void>
  /** Idempotent; afterwards every call rejects. */
  close(): Promise<void>
  /** Proves that a write is possible now; rejects with the reason otherwise. */
  check(): Promise<void>
  /** Epoch ms by the store's clock. */
  now(): Promise<number>

  enqueue(jobs: readonly NewJob[]): Promise<readonly Enqueued[]>
  /** Stores jobs as a batch, in one transaction with it. An id that is known stores nothing. */
  enqueueBatch(batch: NewBatch, jobs: readonly NewJob[]): Promise<BatchEnqueued>
  /**
   * Of these batches, ends those whose jobs have all ended, and enqueues their callbacks: each batch once, whoever asks and
   * however often. Cheap for batches that have not ended.
   */
  completeBatches(ids: readonly string[]): Promise<readonly CompletedBatch[]>
  /** Batches that were not ended yet, in order of id, beyond one. */
  openBatches(beyond: string, limit: number): Promise<readonly string[]>
  batch(id: string): Promise<Batch | undefined>
  /** Those that have not ended first, by id downwards; then those that have, the last to end first. */
  batches(filter: BatchFilter): Promise<Page<Batch>>

  /** Lanes of these kinds with work that is due (scheduled work that became due included), at most `limit`. */
  readyLanes(kinds: readonly string[], limit: number): Promise<readonly ReadyLane[]>
  /** When the next scheduled job becomes due, if any: epoch ms. */
  nextRunAt(): Promise<number | undefined>
  /** Takes jobs: state running, token + 1, attempts + 1, lease from now. */
  claim(request: ClaimRequest): Promise<readonly Job[]>
  /** Applies each settlement whose fence holds, in one transaction; answers the ids whose fence did not. */
  settle(settlements: readonly Settlement[]): Promise<readonly string[]>

  /** Adds or refreshes the worker's row, and its leases. */
  renew(worker: WorkerRow, leaseMs: number, held: readonly Fence[]): Promise<RenewResult>
  workers(): Promise<readonly WorkerRow[]>
  removeWorkers(ids: readonly string[]): Promise<void>
  /** Running jobs whose lease has ended, or whose worker is in `deadWorkers`, or has no row. */
  abandoned(deadWorkers: readonly string[], limit: number): Promise<readonly Job[]>

  /** The concurrency keys in use, of all kinds. There are at most as many as jobs that run. */
  runningKeys(): Promise<readonly RunningKey[]>

  get(id: string): Promise<Job | undefined>
  list(filter: JobFilter): Promise<Page<Job>>
  counts(): Promise<readonly JobCount[]>
  /**
   * Waiting and parked jobs are cancelled; a running one is asked to (see `renew`): it may still succeed or die, and is
   * cancelled by any settlement that would let it wait again.
   * Answers the job as it is then; undefined when unknown. A finished job is left as it is.
   */
  cancel(id: string): Promise<Job | undefined>
  /** Scheduled, parked, dead and cancelled jobs become available now, attempts from 0 unless scheduled. Others are left. */
  retry(id: string): Promise<Job | undefined>

  deadLetters(filter: DeadLetterFilter): Promise<Page<DeadLetter>>
  deadLetterCounts(): Promise<readonly DeadLetterCount[]>
  /** Costs the same however many letters there are. */
  deadLetterFacts(): Promise<DeadLetterFacts>
  /** Dead jobs back to available: attempts 0, generation + 1, letter `retrying`. Answers the ids. */
  redrive(request: RedriveRequest): Promise<readonly string[]>
  /** Letter `discarded`: the job stays dead, is not counted as a problem, and is pruned in time. */
  discard(id: string): Promise<DeadLetter | undefined>

  /** Answers how many rows went. */
  prune(request: PruneRequest): Promise<number>
  /** Called after an enqueue, redrive or retry of this process or, where the store can tell, of another. A hint, never relied on. */
  onWork(listener: () => void): () => void
  /** Where the processes on this store share what is not a job; absent where there is only one. Opened and closed by its user. */
  sharedState?(): SharedState
}
