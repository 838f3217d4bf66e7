/**
 * Takes up work whose worker vanished: at the start, and again and again. Several rescuers may look at the same job; the
 * fence lets one of them settle it.
 */
import type { Clock } from '../core/clock.ts'
import type { Duration } from '../core/duration.ts'
import type { ErrorSummary } from '../core/errors.ts'
import { describeError } from '../core/errors.ts'
import type { EventBus } from '../core/events.ts'
import type { Random } from '../core/random.ts'
import { checkDuration } from '../core/validate.ts'
import { ClockWatch } from './clock-watch.ts'
import { batchesOf, endBatches } from './end-batches.ts'
import type { Job } from './job.ts'
import type { Kind } from './kind.ts'
import type { Onlooker } from './liveness.ts'
import { isDead, isOutOfSight, mayTakeOver } from './liveness.ts'
import { Periodic } from './periodic.ts'
import { rescueSettlement } from './rescue.ts'
import { tellSettled } from './settled-events.ts'
import type { JobStore, Settlement, WorkerRow } from './store.ts'
import { isSuspect } from './suspects.ts'
import type { WorkerIdentity } from './worker-options.ts'
import { workerId } from './worker-options.ts'

export interface RescuerOptions {
  readonly store: JobStore
  readonly kinds: ReadonlyMap<string, Kind>
  readonly clock: Clock
  readonly random: Random
  readonly events: EventBus
  readonly identity: WorkerIdentity
  /** Whether a worker's process of this host exists; undefined where that cannot be told. See process-liveness.ts. */
  readonly isAlive: (pid: number, bootId: string) => boolean | undefined
  /** What this process works on itself: never taken from it. See `Worker.holds`. */
  readonly isOurs?: (id: string) => boolean
  /** Told when jobs wait again, so that a worker in this process need not find that out. */
  readonly onRequeued?: () => void
  /** Default 10 s. */
  readonly every?: Duration
  /** When a live but silent process of this host has lost its work. Default 30 min. */
  readonly unresponsiveAfter?: Duration
}

export interface RescueReport {
  /** Jobs taken up, all together. */
  readonly recovered: number
  /** Of these: waiting again. */
  readonly requeued: number
  readonly parked: number
  readonly poison: number
}

export interface RecoveryReport extends RescueReport {
  /** Dead letters that wait for somebody or something. */
  readonly deadLetters: number
  /** Why recovery could not be done; the start goes on, and the next round tries again. */
  readonly error?: ErrorSummary
}

const BATCH = 500
/** A worker elsewhere without a sign for so many unresponsive times: only its row is left. */
const FORGOTTEN_TIMES = 2

/** Run it beside a worker: `recover` once before the worker starts, `start` for every round after that. */
export class Rescuer {
  readonly #options: RescuerOptions
  readonly #onlooker: Onlooker
  readonly #me: string
  readonly #clockWatch: ClockWatch
  readonly #periodic: Periodic

  /** @throws OptionError */
  constructor(options: RescuerOptions) {
    this.#options = options
    this.#me = workerId(options.identity)
    const unresponsiveMs = checkDuration(options.unresponsiveAfter ?? '30m', 'rescuer.unresponsiveAfter', 1)
    this.#onlooker = { ...options.identity, isAlive: options.isAlive, unresponsiveMs }
    const leases = Array.from(options.kinds.values(), (kind) => kind.leaseMs)
    this.#clockWatch = new ClockWatch({
      clock: options.clock,
      // A lease is renewed at a third of its length: a jump of no more than that ends none.
      toleranceMs: Math.min(...leases) / 3,
      graceMs: Math.max(0, ...leases),
    })
    const everyMs = checkDuration(options.every ?? '10s', 'rescuer.every', 1)
    this.#periodic = new Periodic(options.clock, everyMs, () => this.rescue())
  }

  start(): void {
    this.#periodic.start()
  }

  stop(): Promise<void> {
    return this.#periodic.stop()
  }

  /** Once, at the start, before the worker claims. Never rejects: a failed recovery does not stop the start. */
  async recover(): Promise<RecoveryReport> {
    let report: RecoveryReport = { recovered: 0, requeued: 0, parked: 0, poison: 0, deadLetters: 0 }
    try {
      report = { ...report, ...(await this.rescue()) }
      report = { ...report, deadLetters: await this.#openLetters() }
    } catch (error) {
      report = { ...report, error: describeError(error) }
    }
    const { events, clock } = this.#options
    if (events.active) events.emit({ type: 'worker.recovered', at: clock.wallNow(), worker: this.#me, ...report })
    return report
  }

  /** One round. Rejects with the store's error. */
  async rescue(): Promise<RescueReport> {
    const { store } = this.#options
    const rows = new Map((await store.workers()).map((row) => [row.id, row]))
    const dead = [...rows.values()].filter((row) => isDead(row, this.#onlooker)).map((row) => row.id)
    const report = { recovered: 0, requeued: 0, parked: 0, poison: 0 }
    for (;;) {
      const found = await store.abandoned(dead, BATCH)
      const taken = await this.#takeUp(found, rows, report)
      if (found.length < BATCH || taken === 0) break
    }
    await this.#forgetWorkers(rows, dead)
    return report
  }

  /** Answers how many were settled. */
  async #takeUp(found: readonly Job[], rows: ReadonlyMap<string, WorkerRow>, report: Counts): Promise<number> {
    const { store } = this.#options
    const now = await store.now()
    const doubtful = this.#clockWatch.isDoubtful(now)
    const jobs = found.filter((job) => this.#mayTake(job, rows, now, doubtful))
    if (jobs.length === 0) return 0
    const settlements = await Promise.all(jobs.map((job) => this.#decide(job, jobs)))
    const refused = new Set(await store.settle(settlements))
    for (const [i, settlement] of settlements.entries())
      if (!refused.has(settlement.id)) this.#count(jobs[i] as Job, settlement, report)
    if (report.requeued > 0) this.#options.onRequeued?.()
    const batches = batchesOf(jobs)
    if (batches.length > 0) await endBatches(this.#options, batches)
    return jobs.length - refused.size
  }

  /** A kind that is unknown here is left to those who know its rules. With a doubtful clock only the certainly dead count. */
  #mayTake(job: Job, rows: ReadonlyMap<string, WorkerRow>, now: number, doubtful: boolean): boolean {
    const { kinds, isOurs } = this.#options
    if (!kinds.has(job.kind) || isOurs?.(job.id) === true) return false
    const row = rows.get(job.worker ?? '')
    if (doubtful && row !== undefined && !isDead(row, this.#onlooker)) return false
    return mayTakeOver(job, row, this.#onlooker, now)
  }

  #decide(job: Job, lost: readonly Job[]): Promise<Settlement> {
    const { kinds, clock, random } = this.#options
    const kind = kinds.get(job.kind) as Kind
    const isRival = (other: Job): boolean =>
      other !== job && other.worker === job.worker && isSuspect(other, kinds.get(other.kind) as Kind)
    return rescueSettlement(job, kind, lost.filter(isRival).length, clock, random)
  }

  #count(job: Job, settlement: Settlement, report: Counts): void {
    report.recovered++
    if (settlement.type === 'rescued') report.requeued++
    if (settlement.type === 'parked') report.parked++
    if (settlement.type === 'dead') report.poison++
    const { events, clock } = this.#options
    if (settlement.type !== 'rescued' && events.active) {
      const about = { job: job.id, kind: job.kind, target: job.target, from: job.worker ?? '', to: settlement.type }
      events.emit({ type: 'job.rescued', at: clock.wallNow(), ...about, reason: 'its worker vanished' })
    }
    tellSettled(events, clock.wallNow(), job, settlement, 0)
  }

  async #forgetWorkers(rows: ReadonlyMap<string, WorkerRow>, dead: readonly string[]): Promise<void> {
    const { store } = this.#options
    const now = await store.now()
    const oldest = this.#clockWatch.isDoubtful(now) ? 0 : now - FORGOTTEN_TIMES * this.#onlooker.unresponsiveMs
    const silent = [...rows.values()].filter((row) => isOutOfSight(row, this.#onlooker) && row.seenAt < oldest)
    const ids = new Set([...dead, ...silent.map((row) => row.id)])
    if (ids.size > 0) await store.removeWorkers([...ids])
  }

  async #openLetters(): Promise<number> {
    const counts = await this.#options.store.deadLetterCounts()
    return counts.reduce((sum, { status, count }) => sum + (status === 'pending' || status === 'exhausted' ? count : 0), 0)
  }
}

type Counts = { -readonly [K in keyof RescueReport]: RescueReport[K] }
