/**
 * Brings settlements to the store: those that come together go together, and none is given up while the store is away,
 * because the fence decides, not this clock, whether it still counts.
 */
import type { Cancel, Clock } from '../core/clock.ts'
import { sleep } from '../core/clock.ts'
import { isHoldfastError } from '../core/errors.ts'
import type { EventBus } from '../core/events.ts'
import { batchesOf, endBatches } from './end-batches.ts'
import type { Job } from './job.ts'
import { lostLease, tellSettled } from './settled-events.ts'
import type { JobStore, Settlement } from './store.ts'
import type { StoreHealth } from './store-health.ts'
import { within } from './within.ts'

export interface SettlerOptions {
  readonly store: JobStore
  readonly health: StoreHealth
  readonly clock: Clock
  readonly events: EventBus
  readonly worker: string
  /** True when nothing runs that could still join the batch. */
  readonly isQuiet: () => boolean
  /** Called when a batch leaves, which frees its slots, and again when the store took it and work may have come back. */
  readonly onFlush: () => void
  /** Jobs with concurrency keys have ended: others with the same keys may start. */
  readonly onKeysFree: () => void
}

interface Entry {
  settlement: Settlement
  readonly job: Job
  readonly durationMs: number
  tries: number
}

const MAX_BATCH = 500
/** How long a settlement waits for company. */
const GATHER_MS = 2

export class Settler {
  readonly #options: SettlerOptions
  #queue: Entry[] = []
  #inFlight: readonly Entry[] = []
  #flushing: Promise<void> | undefined
  #checkQueued = false
  #timer: Cancel | undefined
  #batchLimit = MAX_BATCH

  constructor(options: SettlerOptions) {
    this.#options = options
  }

  /** Settlements that wait for the store; what it is taking now waits no more, unless it is in trouble. */
  get backlog(): number {
    return this.#queue.length + (this.#options.health.ok ? 0 : this.#inFlight.length)
  }

  /** Jobs whose end is not stored yet: still this worker's, so their leases are renewed. */
  unsettled(): Job[] {
    return [...this.#inFlight, ...this.#queue].map((entry) => entry.job)
  }

  add(job: Job, settlement: Settlement, durationMs: number): void {
    this.#queue.push({ settlement, job, durationMs, tries: 0 })
    this.#check()
  }

  /** Somebody asked to cancel it before it ran. */
  cancelled(job: Job): void {
    this.add(job, { id: job.id, token: job.token, type: 'cancelled' }, 0)
  }

  /** Brings everything to the store, trying until `deadline` (a reading of the clock). Answers how many are left. */
  async finish(deadline: number): Promise<number> {
    const { clock, health } = this.#options
    for (;;) {
      const rest = Math.max(0, deadline - clock.now())
      await within(clock, rest, this.#flush())
      const left = this.#queue.length + this.#inFlight.length
      if (left === 0 || clock.now() >= deadline) {
        this.#disarm()
        return left
      }
      if (!health.ok) await sleep(clock, Math.min(deadline - clock.now(), health.waitMs))
    }
  }

  /** In a microtask: jobs that end in the same turn are then all here. */
  #check(): void {
    if (this.#checkQueued) return
    this.#checkQueued = true
    queueMicrotask(() => {
      this.#checkQueued = false
      if (this.#flushing !== undefined || this.#queue.length === 0) return
      const ready = this.#options.health.ok && (this.#queue.length >= this.#batchLimit || this.#options.isQuiet())
      if (ready) void this.#flush()
      else this.#arm(this.#options.health.ok ? GATHER_MS : this.#options.health.waitMs)
    })
  }

  #arm(ms: number): void {
    this.#timer ??= this.#options.clock.setTimer(ms, () => {
      this.#timer = undefined
      void this.#flush()
    })
  }

  #disarm(): void {
    this.#timer?.()
    this.#timer = undefined
  }

  /** One at a time; joins the one under way. */
  #flush(): Promise<void> {
    this.#disarm()
    this.#flushing ??= this.#flushBatch().finally(() => {
      this.#flushing = undefined
      if (this.#queue.length > 0) this.#check()
    })
    return this.#flushing
  }

  async #flushBatch(): Promise<void> {
    const { store, health } = this.#options
    const batch = this.#queue.splice(0, this.#batchLimit)
    if (batch.length === 0) return
    this.#inFlight = batch
    this.#options.onFlush()
    try {
      const refused = await store.settle(batch.map((entry) => entry.settlement))
      const wasAway = !health.ok
      health.succeeded('settle')
      this.#batchLimit = MAX_BATCH
      this.#inFlight = []
      if (batch.some(hasKey)) this.#options.onKeysFree()
      if (wasAway || batch.some(comesBack)) this.#options.onFlush()
      await this.#tell(batch, new Set(refused))
    } catch (error) {
      this.#inFlight = []
      this.#keep(batch, error)
      health.failed(error, 'settle')
      return
    }
    const batches = batchesOf(batch.map((entry) => entry.job))
    if (batches.length > 0) await endBatches(this.#options, batches)
  }

  /** Back into the queue. A batch that the store refuses for its content is taken apart until the one at fault is alone. */
  #keep(batch: readonly Entry[], error: unknown): void {
    for (const entry of batch) entry.tries++
    const isAway = isHoldfastError(error) && error.code === 'ERR_STORE_UNAVAILABLE'
    if (isAway || batch.length > 1) this.#queue.unshift(...batch)
    else this.#queue.push(...batch.map(withoutResult))
    if (!isAway) this.#batchLimit = Math.max(1, batch.length >> 1)
  }

  async #tell(batch: readonly Entry[], refused: ReadonlySet<string>): Promise<void> {
    for (const entry of batch) {
      const { job, durationMs } = entry
      const taken = refused.has(job.id)
        ? await this.#takenBefore(job, entry.tries > 0 ? entry.settlement : undefined)
        : entry.settlement
      this.#tellEnd(job, taken, durationMs)
    }
  }

  /** Tells of a job whose lease is gone, and so cannot be settled here: lost, unless its handler has completed it itself. */
  async lost(job: Job, durationMs: number): Promise<void> {
    this.#tellEnd(job, await this.#takenBefore(job), durationMs)
  }

  #tellEnd(job: Job, taken: Settlement | undefined, durationMs: number): void {
    const { events, clock, worker } = this.#options
    const at = clock.wallNow()
    if (taken !== undefined) tellSettled(events, at, job, taken, durationMs)
    else if (events.active) events.emit({ ...lostLease(job, worker), at })
  }

  /**
   * What was refused may have been settled already under this very claim: by a try whose answer never came, or by the
   * handler, which completed its job in a transaction of its own. Undefined when the lease was lost.
   *
   * @param tried what a try before this one may have settled it as
   */
  async #takenBefore(job: Job, tried?: Settlement): Promise<Settlement | undefined> {
    const now = await this.#options.store.get(job.id).catch(() => undefined)
    if (now === undefined || now.token !== job.token) return undefined
    if (now.state === 'succeeded') return { id: job.id, token: job.token, type: 'succeeded' }
    return now.state === 'running' ? undefined : tried
  }
}

/** The job runs again, at a time that the worker's loop does not know of yet. */
function comesBack({ settlement }: Entry): boolean {
  return settlement.type === 'retry' || settlement.type === 'returned'
}

function hasKey({ job }: Entry): boolean {
  return job.concurrencyKey !== undefined && job.concurrencyKey !== ''
}

/** A result that the store cannot keep is the likeliest thing wrong with a settlement; the job is done all the same. */
function withoutResult(entry: Entry): Entry {
  if (entry.settlement.type !== 'succeeded') return entry
  const { result: _dropped, ...settlement } = entry.settlement
  return { ...entry, settlement }
}
