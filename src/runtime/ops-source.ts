/**
 * What the windows look through: the runtime, told in the words of ops/source.ts.
 *
 * Counting all jobs costs a pass over an index, so counts are kept for a moment and shared by everybody who asks.
 */
import type { Clock } from '../core/clock.ts'
import type { Listener, Unobserve } from '../core/events.ts'
import { healthOf, type Since } from '../ops/health/health-of.ts'
import { OperationBook } from '../ops/metrics/operation-book.ts'
import type { DeadLetterStats, JobRequest, JobView, OpsSource, ScheduleView, Status, TargetStatus } from '../ops/source.ts'
import type { Batch, BatchEnqueued } from '../work/batch.ts'
import type { BatchRequest } from '../work/batch-request.ts'
import { DEAD_LETTER_STATUSES, type DeadLetter, type DeadLetterStatus, type Enqueued, JOB_STATES, type Job } from '../work/job.ts'
import type {
  BatchFilter,
  DeadLetterCount,
  DeadLetterFacts,
  DeadLetterFilter,
  JobCount,
  JobFilter,
  Page,
  RedriveRequest,
} from '../work/store.ts'
import { viewJob } from './job-views.ts'
import { Kept } from './kept.ts'
import { letterStats, openOf } from './letter-stats.ts'
import type { Runtime } from './runtime.ts'
import { StoreProbe } from './store-probe.ts'
import { TargetBook } from './target-book.ts'
import { jobsByTarget, MOST_TARGETS, mostTelling, viewStranger, viewTarget } from './target-views.ts'

interface Counted {
  readonly jobs: readonly JobCount[]
  readonly letters: readonly DeadLetterCount[]
}

const COUNTS_FRESH_MS = 500
/** Where a batch stands costs a look at each of its jobs, of which it may have ten thousand. */
const BATCHES_FRESH_MS = 2000
const MOST_BATCHES = 10
const MOST_PAUSED = 1000
/** As of the target of a job. */
const LONGEST_NAME = 500
const NOTHING: Counted = { jobs: [], letters: [] }
const NO_FACTS: DeadLetterFacts = { causes: {} }
/** They take up to two thousand rows to tell. */
const FACTS_FRESH_MS = 2000

export class RuntimeSource implements OpsSource {
  readonly #runtime: Runtime
  readonly #version: string
  readonly #mayAimAt: (target: string) => boolean
  readonly #clock: Clock
  readonly #probe: StoreProbe
  readonly #operations: OperationBook
  readonly #targets: TargetBook
  readonly #counts: Kept<Counted>
  readonly #letterFacts: Kept<DeadLetterFacts>
  readonly #batches: Kept<readonly Batch[]>
  readonly #schedules: Kept<readonly ScheduleView[]>
  readonly #since: Since = new Map()
  #stopping = false

  /** @param mayAimAt whether jobs may aim at a target that is not known yet */
  constructor(runtime: Runtime, version: string, mayAimAt: (target: string) => boolean = () => false) {
    this.#runtime = runtime
    this.#mayAimAt = mayAimAt
    this.#version = version
    this.#clock = runtime.clock
    this.#probe = new StoreProbe(runtime.store, runtime.clock)
    this.#operations = new OperationBook(runtime.clock)
    this.#targets = new TargetBook(runtime.clock)
    this.#counts = new Kept(runtime.clock, COUNTS_FRESH_MS, async () => {
      const [jobs, letters] = await Promise.all([runtime.store.counts(), runtime.store.deadLetterCounts()])
      return { jobs, letters }
    })
    this.#letterFacts = new Kept(runtime.clock, FACTS_FRESH_MS, () => runtime.store.deadLetterFacts())
    this.#batches = new Kept(runtime.clock, BATCHES_FRESH_MS, async () => {
      const { items } = await runtime.queue.batches({ limit: MOST_BATCHES })
      return items
    })
    this.#schedules = new Kept(runtime.clock, COUNTS_FRESH_MS, () => runtime.scheduler.list())
    runtime.observe(this.#operations.listen)
    runtime.observe(this.#targets.listen)
  }

  /** From now on it is not ready; what is under way goes on. */
  beginStop(): void {
    this.#stopping = true
  }

  observe(listener: Listener): Unobserve {
    return this.#runtime.observe(listener)
  }

  enqueue(requests: readonly JobRequest[]): Promise<readonly Enqueued[]> {
    return this.#runtime.queue.enqueue(requests)
  }

  enqueueBatch(request: BatchRequest): Promise<BatchEnqueued> {
    return this.#runtime.queue.enqueueBatch(request)
  }

  batch(id: string): Promise<Batch | undefined> {
    return this.#runtime.queue.batch(id)
  }

  batches(filter: BatchFilter): Promise<Page<Batch>> {
    return this.#runtime.queue.batches(filter)
  }

  async job(id: string): Promise<JobView | undefined> {
    return this.#view(await this.#runtime.queue.get(id))
  }

  async jobs(filter: JobFilter): Promise<Page<JobView>> {
    const { items, nextCursor } = await this.#runtime.queue.list(filter)
    const views = await this.#views(items)
    return nextCursor === undefined ? { items: views } : { items: views, nextCursor }
  }

  async cancel(id: string): Promise<JobView | undefined> {
    return this.#view(await this.#runtime.queue.cancel(id))
  }

  async retry(id: string): Promise<JobView | undefined> {
    return this.#view(await this.#runtime.queue.retry(id))
  }

  async #view(job: Job | undefined): Promise<JobView | undefined> {
    return job && (await this.#views([job]))[0]
  }

  async #views(jobs: readonly Job[]): Promise<readonly JobView[]> {
    const holds = await this.#runtime.queue.keyHolds(jobs)
    return jobs.map((job) => viewJob(job, this.#runtime.targets, holds.get(job.id)))
  }

  deadLetters(filter: DeadLetterFilter): Promise<Page<DeadLetter>> {
    return this.#runtime.queue.deadLetters(filter)
  }

  async deadLetterStats(): Promise<DeadLetterStats> {
    const [{ letters }, facts] = await Promise.all([this.#counts.ask(), this.#letterFacts.ask()])
    return letterStats(letters, facts)
  }

  redrive(request: Omit<RedriveRequest, 'by'>): Promise<readonly string[]> {
    return this.#runtime.queue.redrive({ ...request, by: 'person' })
  }

  discard(id: string): Promise<DeadLetter | undefined> {
    return this.#runtime.queue.discard(id)
  }

  async targets(): Promise<readonly TargetStatus[]> {
    return this.#targetsOf(await this.#counted())
  }

  isolate(target: string): Promise<TargetStatus | undefined> {
    return this.#steer(target, () => this.#runtime.isolate(target))
  }

  reset(target: string): Promise<TargetStatus | undefined> {
    return this.#steer(target, () => this.#runtime.reset(target))
  }

  pause(target: string, until?: number): Promise<TargetStatus | undefined> {
    return this.#steer(target, () => this.#runtime.pause(target, until), this.#isExpected(target))
  }

  resume(target: string): Promise<TargetStatus | undefined> {
    return this.#steer(target, () => this.#runtime.resume(target))
  }

  schedules(): Promise<readonly ScheduleView[]> {
    return this.#runtime.scheduler.list()
  }

  pauseSchedule(name: string): Promise<ScheduleView | undefined> {
    return this.#runtime.scheduler.pause(name)
  }

  resumeSchedule(name: string): Promise<ScheduleView | undefined> {
    return this.#runtime.scheduler.resume(name)
  }

  runSchedule(name: string): Promise<Enqueued | undefined> {
    return this.#runtime.scheduler.run(name)
  }

  async status(): Promise<Status> {
    const runtime = this.#runtime
    const schedulesNow = this.#schedules.ask().catch(() => [])
    const batchesNow = this.#batches.ask().catch(() => [])
    const [probed, counted, schedules, batches] = await Promise.all([
      this.#probe.ask(),
      this.#counted(),
      schedulesNow,
      batchesNow,
    ])
    const deadLetters = sums<DeadLetterStatus, 'status'>(DEAD_LETTER_STATUSES, counted.letters, 'status')
    // What is not there has not begun.
    const letters = openOf(deadLetters) === 0 ? NO_FACTS : await this.#letterFacts.ask().catch(() => NO_FACTS)
    const now = this.#clock.wallNow()
    const targets = this.#targetsOf(counted)
    const { id, running, concurrency, state, skewMs, isSkewed, store } = runtime.worker.snapshot()
    const shared = runtime.sharing && { shared: runtime.sharing.status() }
    const facts = {
      now,
      store: probed,
      ...shared,
      targets,
      deadLetters,
      held: targets.reduce((sum, { held }) => sum + held, 0),
      oldestWaitingMs: oldestWaiting(counted.jobs, targets, now),
      worker: { id, running, concurrency, state, skewMs },
    }
    return {
      ...healthOf(
        {
          ...facts,
          store: { ...probed, since: store.since },
          oldestLetterAt: letters.oldestAt,
          worker: { state, skewMs, isSkewed },
        },
        {},
        this.#since,
      ),
      version: this.#version,
      startedAt: runtime.startedAt,
      now,
      store: { name: runtime.store.capabilities.name, description: runtime.store.description, ...probed },
      ...shared,
      worker: facts.worker,
      ...(runtime.recovery === undefined ? {} : { recovery: runtime.recovery }),
      jobs: sums(JOB_STATES, counted.jobs, 'state'),
      held: facts.held,
      oldestWaitingMs: facts.oldestWaitingMs,
      deadLetters: facts.deadLetters,
      targets: mostTelling(targets),
      ...(targets.length > MOST_TARGETS ? { moreTargets: targets.length - MOST_TARGETS } : {}),
      schedules,
      batches,
      operations: this.#operations.operations(),
    }
  }

  async ready(): Promise<{ readonly ok: boolean; readonly message: string }> {
    if (this.#stopping) return { ok: false, message: 'shutting down' }
    return this.#probe.ask()
  }

  /** A store that is gone must not take the status with it: then there is nothing to count. */
  #counted(): Promise<Counted> {
    return this.#counts.ask().catch(() => NOTHING)
  }

  #targetsOf({ jobs }: Counted): readonly TargetStatus[] {
    const byTarget = jobsByTarget(jobs)
    const { targets, sharing } = this.#runtime
    // A few are met here first, as their settings say. Of many that would drive out those which this process works for.
    if (byTarget.size <= MOST_TARGETS) for (const name of byTarget.keys()) targets.get(name)
    const known = targets.all().map((target) => viewTarget(target, byTarget.get(target.name) ?? {}, this.#targets, sharing))
    const strangers = Array.from(byTarget, ([name, jobs]) => (targets.find(name) ? [] : viewStranger(name, jobs)))
    return [...known, ...strangers.flat()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** A target may be paused before its first job. What is paused is stored, so their number is bounded. */
  #isExpected(name: string): boolean {
    const { targets } = this.#runtime
    if (name.length > LONGEST_NAME || !(targets.names(name) || this.#mayAimAt(name))) return false
    return targets.all().filter(({ isPaused }) => isPaused).length < MOST_PAUSED
  }

  async #steer(name: string, change: () => void, isExpected = false): Promise<TargetStatus | undefined> {
    const counted = await this.#counted()
    const jobs = jobsByTarget(counted.jobs).get(name)
    const target = this.#runtime.targets.find(name) ?? ((jobs || isExpected) && this.#runtime.targets.get(name))
    if (!target) return undefined
    change()
    await this.#runtime.targets.flush()
    return viewTarget(target, jobs ?? {}, this.#targets, this.#runtime.sharing)
  }
}

function sums<K extends string, F extends string>(
  names: readonly K[],
  rows: readonly ({ readonly count: number } & Readonly<Record<F, K>>)[],
  field: F,
): Record<K, number> {
  const total = Object.fromEntries(names.map((name) => [name, 0])) as Record<K, number>
  for (const row of rows) total[row[field]] += row.count
  return total
}

/** How late the oldest job is that may run and is not held. */
function oldestWaiting(jobs: readonly JobCount[], targets: readonly TargetStatus[], now: number): number {
  const held = new Set(targets.filter(({ heldBy }) => heldBy !== undefined).map(({ name }) => name))
  const waiting = jobs.filter(({ state, target }) => state === 'available' && !held.has(target))
  return waiting.reduce((longest, { oldestRunAt }) => Math.max(longest, now - oldestRunAt), 0)
}
