/**
 * Does the work: claims what may start, runs it under its lease, and settles it. The loop never ends by an error; it ends by
 * `drain` or `stop`.
 */
import { checkDuration, checkInteger, checkKnown } from '../core/validate.ts'
import { Ahead } from './ahead.ts'
import { Alarm } from './alarm.ts'
import { Breath } from './breath.ts'
import { Claimer } from './claimer.ts'
import { conclude } from './conclude.ts'
import type { Outcome } from './decide.ts'
import { Holds } from './holds.ts'
import type { JobRun } from './job-run.ts'
import { LeaseKeeper } from './lease-keeper.ts'
import { Runs } from './runs.ts'
import { Settler } from './settler.ts'
import { Skew } from './skew.ts'
import { Slots } from './slots.ts'
import type { Settlement, WorkerRow } from './store.ts'
import { StoreHealth } from './store-health.ts'
import { within } from './within.ts'
import type { WorkerOptions, WorkerSnapshot, WorkerState } from './worker-options.ts'
import { WORKER_OPTIONS, workerId } from './worker-options.ts'

export type { WorkerIdentity, WorkerOptions, WorkerSnapshot, WorkerState } from './worker-options.ts'

/** How long the last settlements may take once everything has ended, in ms. */
const FINISH_MS = 2000

/**
 * Claims jobs of its kinds, runs them under their leases, settles them. It does not rescue, redrive or prune: see `Rescuer`,
 * `DeadLetterClock`, `TargetRedrive` and `Pruner`, which want to be run beside it, as `Runtime` does.
 */
export class Worker {
  readonly id: string
  readonly #options: WorkerOptions
  readonly #concurrency: number
  readonly #pollMinMs: number
  readonly #pollMaxMs: number
  readonly #alarm: Alarm
  readonly #health: StoreHealth
  readonly #skew: Skew
  readonly #holds: Holds
  readonly #runs: Runs
  readonly #ahead: Ahead
  readonly #slots: Slots
  readonly #settler: Settler
  readonly #keeper: LeaseKeeper
  readonly #claimer: Claimer
  #state: WorkerState = 'stopped'
  #isLooping = false
  #unlisten: () => void = () => {}
  #ending: Promise<void> | undefined
  /** Wakes the drain: something ended, or somebody is in a hurry. */
  readonly #ended: Alarm
  #drainUntil = Number.POSITIVE_INFINITY
  #returned = 0

  /** @throws OptionError */
  constructor(options: WorkerOptions) {
    checkKnown(options, WORKER_OPTIONS, 'worker')
    this.#options = options
    this.id = workerId(options.identity)
    this.#concurrency = checkInteger(options.concurrency ?? 50, 'worker.concurrency', 1)
    this.#pollMinMs = checkDuration(options.pollMin ?? 50, 'worker.pollMin', 1)
    this.#pollMaxMs = checkDuration(options.pollMax ?? 2000, 'worker.pollMax', this.#pollMinMs)
    const abandonedHoldMs = checkDuration(options.abandonedHold ?? '1m', 'worker.abandonedHold')
    const { store, kinds, clock, events, run, log } = options
    this.#alarm = new Alarm(clock)
    this.#ended = new Alarm(clock)
    this.#health = new StoreHealth(clock, events)
    this.#skew = new Skew(store, clock, events)
    this.#holds = new Holds(options.admission, clock, events)
    this.#ahead = new Ahead(clock, 4 * this.#concurrency)
    this.#runs = new Runs({
      clock,
      events,
      run,
      log,
      worker: this.id,
      abandonedHoldMs,
      conclude: (jobRun, outcome) => this.#conclude(jobRun, outcome),
      onConcluded: (jobRun, settlement) => this.#settler.add(jobRun.job, settlement, clock.now() - jobRun.startedAt),
      onLost: (jobRun) => void this.#settler.lost(jobRun.job, clock.now() - jobRun.startedAt),
      onEnded: () => this.#runEnded(),
      onFree: () => this.wake(),
    })
    this.#settler = new Settler({
      store,
      health: this.#health,
      clock,
      events,
      worker: this.id,
      isQuiet: () => this.#runs.running === 0,
      onFlush: () => this.wake(),
      onKeysFree: () => this.#lookAgain(),
    })
    const now = clock.wallNow()
    const worker: WorkerRow = { ...options.identity, id: this.id, startedAt: now, seenAt: now }
    const [runs, ahead, settler, health, holds] = [this.#runs, this.#ahead, this.#settler, this.#health, this.#holds]
    this.#keeper = new LeaseKeeper({ store, health, clock, kinds, worker, runs, ahead, settler, skew: this.#skew })
    this.#slots = new Slots({ concurrency: this.#concurrency, kinds, runs, ahead, settler, health, holds })
    const ofKind = (kind: string): number => runs.ofKind(kind)
    this.#claimer = new Claimer({ store, kinds, clock, holds, ahead, worker: this.id, freshMs: this.#pollMinMs, ofKind })
  }

  /** Begins to work. Idempotent; a worker that was stopped stays stopped. The store must be open. */
  start(): void {
    if (this.#state !== 'stopped' || this.#ending !== undefined) return
    this.#state = 'running'
    this.#unlisten = this.#options.store.onWork(() => this.#lookAgain())
    this.#keeper.start()
    this.#tell({ type: 'worker.started', worker: this.id })
    void this.#work().finally(() => {
      this.#isLooping = false
      this.#ended.ring()
    })
    this.#isLooping = true
  }

  /** Looks for work now: something may start that could not before. */
  wake(): void {
    this.#alarm.ring()
  }

  #lookAgain(): void {
    this.#claimer.lookAtKeys()
    this.wake()
  }

  /** Tells a job that runs here to stop; it is settled as cancelled. False when it does not run here. */
  cancel(id: string): boolean {
    const waiting = this.#ahead.take(id)
    if (waiting !== undefined) this.#settler.cancelled(waiting)
    return waiting !== undefined || this.#runs.abort(id, 'cancelled')
  }

  /** True while the job runs here, or its end is not stored yet. */
  holds(id: string): boolean {
    return this.#runs.get(id) !== undefined || this.#ahead.has(id) || this.#settler.unsettled().some((job) => job.id === id)
  }

  /**
   * Stops claiming, lets what runs end, and after `deadlineMs` takes the rest from its handlers and hands it back, its
   * attempt uncounted. Idempotent: an earlier deadline than the last one counts.
   */
  drain(deadlineMs: number): Promise<void> {
    this.#drainUntil = Math.min(this.#drainUntil, this.#options.clock.now() + deadlineMs)
    this.#ended.ring()
    this.#ending ??= this.#end()
    return this.#ending
  }

  /** Hands everything back at once. */
  stop(): Promise<void> {
    return this.drain(0)
  }

  snapshot(): WorkerSnapshot {
    const { ok, reason, since } = this.#health
    return {
      id: this.id,
      state: this.#state,
      running: this.#runs.running,
      ahead: this.#ahead.size,
      concurrency: this.#concurrency,
      abandoned: this.#runs.abandoned,
      unsettled: this.#settler.unsettled().length,
      held: this.#holds.list(),
      store: { ok, ...(reason === undefined ? {} : { reason }), ...(since === undefined ? {} : { since }) },
      skewMs: this.#skew.ms,
      isSkewed: this.#skew.isTooLarge,
    }
  }

  /** Something runs, or may be claimed yet. */
  get #isBusy(): boolean {
    return this.#isLooping || this.#runs.running > 0
  }

  /** Waits until nothing is left to do, or until a reading of the clock, which may come nearer meanwhile. */
  async #whileBusy(until: () => number): Promise<void> {
    for (let rest = 1; this.#isBusy && rest > 0; ) {
      rest = until() - this.#options.clock.now()
      if (rest > 0) await this.#ended.sleep(rest)
    }
  }

  async #work(): Promise<void> {
    const breath = new Breath(this.#options.clock)
    let idleMs = this.#pollMinMs
    while (this.#state === 'running') {
      this.#slots.fill()
      const { room } = this.#slots
      let waitMs = Number.POSITIVE_INFINITY
      if (room > 0)
        try {
          const claimed = await this.#round(room)
          idleMs = claimed > 0 ? this.#pollMinMs : Math.min(idleMs * 2, this.#pollMaxMs)
          waitMs = claimed > 0 ? 0 : await this.#quietFor(idleMs)
        } catch (error) {
          this.#health.failed(error, 'claim')
          waitMs = this.#health.waitMs
        }
      waitMs = Math.min(waitMs, this.#slots.patienceMs)
      if (waitMs > 0 && this.#state === 'running') await this.#alarm.sleep(waitMs)
      await breath.take()
    }
    breath.stop()
  }

  async #round(room: number): Promise<number> {
    await this.#keeper.register()
    const { clock } = this.#options
    const began = clock.now()
    // A store in this process takes the processor for a claim: meanwhile nothing ends, and no slot waits.
    let hasWaited = false
    const unwatch = clock.setTimer(0, () => (hasWaited = true), true)
    const jobs = await this.#claimer.round(room).finally(unwatch)
    this.#ahead.noteClaim(hasWaited ? clock.now() - began : 0)
    this.#health.succeeded('claim')
    for (const job of jobs) this.#slots.take(job)
    return jobs.length
  }

  #runEnded(): void {
    this.#ahead.runEnded()
    this.#ended.ring()
    this.#slots.fill()
    if (this.#ahead.room > 0) this.wake()
  }

  /** How long nothing can happen unless somebody wakes us. What is overdue and not ours must not make the loop spin. */
  async #quietFor(idleMs: number): Promise<number> {
    const now = this.#options.clock.wallNow()
    const runAt = await this.#options.store.nextRunAt()
    const due = runAt === undefined ? idleMs : runAt - this.#skew.ms - now
    const released = (this.#holds.nextAt() ?? Number.POSITIVE_INFINITY) - now
    const soonest = Math.min(due > 0 ? due : idleMs, released > 0 ? released : idleMs)
    return Math.max(1, Math.min(soonest, idleMs))
  }

  #conclude(run: JobRun, outcome: Outcome): Promise<Settlement> {
    const { clock, random, admission, isTargetDown, pauseTarget } = this.#options
    if (outcome.type === 'aborted' && outcome.by === 'shutdown') this.#returned++
    const isShuttingDown = (): boolean => this.#state !== 'running'
    return conclude(run.job, run.kind, outcome, { clock, random, admission, isTargetDown, pauseTarget, isShuttingDown })
  }

  async #end(): Promise<void> {
    const { clock, store } = this.#options
    const hasStarted = this.#state === 'running'
    this.#state = hasStarted ? 'draining' : 'stopped'
    if (!hasStarted) return
    this.#unlisten()
    this.#slots.close()
    this.wake()
    await this.#whileBusy(() => this.#drainUntil)
    this.#runs.abortAll('shutdown')
    const until = clock.now() + FINISH_MS
    await this.#whileBusy(() => until)
    await this.#settler.finish(until)
    this.#keeper.stop()
    // What could not be settled has no worker row from now on, and is rescued at once by whoever comes next.
    await within(clock, FINISH_MS, store.removeWorkers([this.id]))
    this.#state = 'stopped'
    this.#tell({ type: 'worker.stopped', worker: this.id, returned: this.#returned })
  }

  #tell(event: { type: 'worker.started'; worker: string } | { type: 'worker.stopped'; worker: string; returned: number }): void {
    const { events, clock } = this.#options
    if (events.active) events.emit({ ...event, at: clock.wallNow() })
  }
}
