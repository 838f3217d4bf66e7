/**
 * The front door of durable work: checks what callers send, stores it, and answers questions about it. Runs nothing.
 */
import type { Clock } from '../core/clock.ts'
import type { EventBus } from '../core/events.ts'
import { checkInteger, checkKnown } from '../core/validate.ts'
import type { Batch, BatchEnqueued } from './batch.ts'
import type { BatchRequest } from './batch-request.ts'
import { checkBatchFields, checkBatchId, checkCallback } from './batch-request.ts'
import type { BatchPorts } from './end-batches.ts'
import { batchesOf, endBatches } from './end-batches.ts'
import type { IdSource } from './ids.ts'
import { idSource } from './ids.ts'
import type { DeadLetter, Enqueued, Job, NewJob } from './job.ts'
import type { JobRequest, RequestLimits } from './job-request.ts'
import { checkRequests, REQUEST_LIMITS } from './job-request.ts'
import type { KeyHold } from './key-holds.ts'
import { keyHolds } from './key-holds.ts'
import type { Kind } from './kind.ts'
import type { BatchFilter, DeadLetterFilter, JobFilter, JobStore, Page, RedriveRequest } from './store.ts'

export type { JobRequest } from './job-request.ts'

export interface JobQueueOptions {
  readonly store: JobStore
  readonly kinds: ReadonlyMap<string, Kind>
  readonly clock: Clock
  readonly events: EventBus
  readonly limits?: Partial<RequestLimits>
  /** Default: ids from `clock` and `crypto`. */
  readonly nextId?: IdSource
  /** Told of a cancel at once, so that a worker in this process need not wait for its next renewal. */
  readonly onCancel?: (id: string) => void
}

/** Needs no worker: a process that only sends has a store, the kinds and this. */
export class JobQueue {
  readonly #store: JobStore
  readonly #kinds: ReadonlyMap<string, Kind>
  readonly #clock: Clock
  readonly #events: EventBus
  readonly #limits: RequestLimits
  readonly #nextId: IdSource
  readonly #onCancel: (id: string) => void

  /** @throws OptionError */
  constructor(options: JobQueueOptions) {
    this.#store = options.store
    this.#kinds = options.kinds
    this.#clock = options.clock
    this.#events = options.events
    this.#limits = compileLimits(options.limits ?? {})
    this.#nextId = options.nextId ?? idSource(options.clock)
    this.#onCancel = options.onCancel ?? (() => {})
  }

  /**
   * Stores jobs durably: all of them, or none when one is bad.
   *
   * @throws JobInvalidError, UnknownKindError, HoldfastError with `ERR_IDEMPOTENCY_MISMATCH` or `ERR_STORE_UNAVAILABLE`
   */
  async enqueue(requests: readonly JobRequest[]): Promise<readonly Enqueued[]> {
    const jobs = this.prepare(requests)
    if (jobs.length === 0) return []
    const answers = await this.#store.enqueue(jobs)
    this.announce(jobs, answers)
    return answers
  }

  /**
   * Checks jobs and names them, and stores nothing: for `enqueueWith` of a store, which takes jobs in the caller's own
   * transaction. After the commit `announce` tells of them.
   *
   * @throws JobInvalidError, UnknownKindError
   */
  prepare(requests: readonly JobRequest[]): readonly NewJob[] {
    const checked = checkRequests(requests, this.#kinds, this.#clock.wallNow(), this.#limits)
    return checked.map((job) => ({ id: this.#nextId(), ...job }))
  }

  /**
   * Tells listeners (audit, metrics, the dashboard) that jobs were enqueued, as `enqueue` does by itself. To be called once a
   * transaction that took them has committed: before that it is not true yet. Nothing depends on it but what listeners show.
   */
  announce(jobs: readonly NewJob[], answers: readonly Enqueued[]): void {
    if (this.#events.active) for (const [i, answer] of answers.entries()) this.#tellEnqueued(jobs[i] as NewJob, answer)
  }

  /**
   * Stores jobs that belong together, and the job that is enqueued once when all of them have ended: in one transaction, all or
   * nothing. That job's payload gets the summary, see `BatchSummary`.
   *
   * @throws JobInvalidError, UnknownKindError, HoldfastError with `ERR_IDEMPOTENCY_MISMATCH` or `ERR_STORE_UNAVAILABLE`
   */
  async enqueueBatch(request: BatchRequest): Promise<BatchEnqueued> {
    checkBatchFields(request)
    const id = checkBatchId(request.id) ?? this.#nextId()
    const jobs = this.prepare(request.jobs)
    const callback = request.onComplete && this.#callback(request.onComplete, { id, total: jobs.length })
    const answer = await this.#store.enqueueBatch({ id, callback }, jobs)
    if (answer.duplicate) return answer
    this.#tellBatch(answer, callback?.id)
    this.announce(jobs, answer.jobs)
    if (answer.jobs.every(({ duplicate }) => duplicate)) await endBatches(this.#ports, [id])
    return answer
  }

  #tellBatch({ id, jobs }: BatchEnqueued, callback: string | undefined): void {
    if (!this.#events.active) return
    const total = jobs.filter(({ duplicate }) => !duplicate).length
    const follows = callback === undefined ? {} : { callback }
    this.#events.emit({ type: 'batch.enqueued', at: this.#clock.wallNow(), batch: id, total, ...follows })
  }

  #callback(callback: NonNullable<BatchRequest['onComplete']>, batch: { readonly id: string; readonly total: number }): NewJob {
    return { id: this.#nextId(), ...checkCallback(callback, batch, this.#kinds, this.#clock.wallNow(), this.#limits) }
  }

  /** Where a batch stands. Undefined when there is no such batch, or not any more. */
  batch(id: string): Promise<Batch | undefined> {
    return this.#store.batch(id)
  }

  /** Those that have not ended first, then those that have, the last to end first. */
  batches(filter: BatchFilter = {}): Promise<Page<Batch>> {
    return this.#store.batches(filter)
  }

  /** Undefined when there is no such job. */
  get(id: string): Promise<Job | undefined> {
    return this.#store.get(id)
  }

  /** Which of these wait for their concurrency keys, by id. */
  keyHolds(jobs: readonly Job[]): Promise<ReadonlyMap<string, KeyHold>> {
    return keyHolds(this.#store, this.#kinds, jobs)
  }

  /** Newest first. */
  list(filter: JobFilter = {}): Promise<Page<Job>> {
    return this.#store.list(filter)
  }

  /** A running job is asked to stop; one that has finished stays as it is. Undefined when unknown. */
  async cancel(id: string): Promise<Job | undefined> {
    const before = await this.#store.get(id)
    const job = await this.#store.cancel(id)
    if (job?.state === 'running') this.#onCancel(id)
    if (job?.state === 'cancelled' && before?.state !== 'cancelled') {
      this.#tell(job, { type: 'job.cancelled' })
      await endBatches(this.#ports, batchesOf([job]))
    }
    return job
  }

  /** Makes a waiting, parked, dead or cancelled job available now. Undefined when unknown. */
  async retry(id: string): Promise<Job | undefined> {
    const before = await this.#store.get(id)
    const job = await this.#store.retry(id)
    if (job !== undefined && before?.state === 'dead' && job.state !== 'dead')
      this.#tell(job, { type: 'job.redriven', generation: job.generation, by: 'person' })
    return job
  }

  deadLetters(filter: DeadLetterFilter = {}): Promise<Page<DeadLetter>> {
    return this.#store.deadLetters(filter)
  }

  /** Brings dead letters back. Answers the ids of those that came back, or would on a dry run. */
  async redrive(request: RedriveRequest): Promise<readonly string[]> {
    const ids = await this.#store.redrive(request)
    if (request.dryRun !== true) await tellRedriven(this.#store, this.#events, this.#clock, ids, request.by)
    return ids
  }

  /** Settles a dead letter for good: it is no problem any more, and is pruned in time. */
  discard(id: string): Promise<DeadLetter | undefined> {
    return this.#store.discard(id)
  }

  get #ports(): BatchPorts {
    return { store: this.#store, clock: this.#clock, events: this.#events }
  }

  #tellEnqueued(job: NewJob, answer: Enqueued): void {
    const { kind, target } = job
    const at = this.#clock.wallNow()
    this.#events.emit({ type: 'job.enqueued', at, job: answer.id, kind, target, duplicate: answer.duplicate })
  }

  #tell(job: Job, event: { type: 'job.cancelled' } | { type: 'job.redriven'; generation: number; by: string }): void {
    if (!this.#events.active) return
    this.#events.emit({ ...event, at: this.#clock.wallNow(), job: job.id, kind: job.kind, target: job.target })
  }
}

/** Emits `job.redriven` for each; reads the jobs only when somebody listens. */
export async function tellRedriven(
  store: JobStore,
  events: EventBus,
  clock: Clock,
  ids: readonly string[],
  by: string,
): Promise<void> {
  if (!events.active) return
  for (const id of ids) {
    const job = await store.get(id).catch(() => undefined)
    if (job === undefined) continue
    const { kind, target, generation } = job
    events.emit({ type: 'job.redriven', at: clock.wallNow(), job: id, kind, target, generation, by })
  }
}

function compileLimits(options: Partial<RequestLimits>): RequestLimits {
  checkKnown(options, Object.keys(REQUEST_LIMITS), 'limits')
  const limits = { ...REQUEST_LIMITS, ...options }
  for (const [name, value] of Object.entries(limits)) checkInteger(value, `limits.${name}`, 1)
  return Object.freeze(limits)
}
