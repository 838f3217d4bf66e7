/**
 * The one place that wires everything: store, targets, kinds, queue, worker, and those who look after them. It can be
 * embedded in a process of yours; `startHoldfast` adds the HTTP API, the audit and the log.
 *
 * Start order matters: the store opens, targets learn what they were before the restart, what a crash left behind is taken
 * up again, and only then does the worker claim.
 */
import { type Clock, systemClock } from '../core/clock.ts'
import type { Duration } from '../core/duration.ts'
import { describeError } from '../core/errors.ts'
import { EventBus, type Listener, type Observable, type Unobserve } from '../core/events.ts'
import { type Random, systemRandom } from '../core/random.ts'
import type { SharedState } from '../core/shared-state.ts'
import { memorySharedState } from '../stores/memory/memory-shared-state.ts'
import { TargetRegistry } from '../targets/registry.ts'
import type { SharedLimits, TargetOptions } from '../targets/settings.ts'
import { BatchSweep } from '../work/batch-sweep.ts'
import { DeadLetterClock } from '../work/dead-letter-clock.ts'
import { type Kind, kindTable } from '../work/kind.ts'
import { isProcessAlive } from '../work/process-liveness.ts'
import { Pruner } from '../work/pruner.ts'
import { JobQueue } from '../work/queue.ts'
import { type RecoveryReport, Rescuer } from '../work/rescuer.ts'
import type { Schedule } from '../work/schedules/schedule.ts'
import { Scheduler } from '../work/schedules/scheduler.ts'
import type { JobStore } from '../work/store.ts'
import { TargetRedrive } from '../work/target-redrive.ts'
import { newIdentity } from '../work/this-process.ts'
import { Worker } from '../work/worker.ts'
import { jobRunner } from './job-runner.ts'
import { Sharing } from './sharing.ts'

export interface RuntimeOptions {
  /** Not yet open; the runtime opens and closes it. */
  readonly store: JobStore
  readonly kinds: readonly Kind[]
  /** By name or pattern. */
  readonly targets?: Readonly<Record<string, TargetOptions>>
  /** For targets that nothing names. */
  readonly targetDefaults?: TargetOptions
  /**
   * Where several processes share how their targets are; the runtime opens and closes it. `false`: this process stands alone.
   * Default: the store's own, where several processes can be on it.
   */
  readonly shared?: SharedState | false
  /** Jobs at once. Default 50. */
  readonly concurrency?: number
  readonly pollMax?: Duration
  /** What is to be done again and again; see `defineSchedule`. */
  readonly schedules?: readonly Schedule[]
  /** For kinds without one of their own. */
  readonly retention?: { readonly olderThan: Duration; readonly keep: number; readonly every: Duration }
  /** How often work of vanished workers is looked for (10 s), and when a live but silent process has lost its work (30 min). */
  readonly recovery?: { readonly every?: Duration; readonly unresponsiveAfter?: Duration }
  /**
   * The name of this machine. Default: the system's, and containers that share it tell each other apart. One of your own must be
   * unique among all on the store: then a container that was started anew takes up at once what it left, not after the lease.
   */
  readonly host?: string
  readonly clock?: Clock
  readonly random?: Random
}

export class Runtime implements Observable {
  readonly store: JobStore
  readonly targets: TargetRegistry
  readonly queue: JobQueue
  readonly worker: Worker
  readonly scheduler: Scheduler
  readonly clock: Clock
  readonly events = new EventBus()
  readonly startedAt: number
  /** Undefined where nothing is shared. */
  readonly sharing: Sharing | undefined
  readonly #alone: SharedState
  readonly #rescuer: Rescuer
  readonly #deadLetters: DeadLetterClock
  readonly #redrive: TargetRedrive
  readonly #pruner: Pruner
  readonly #batches: BatchSweep
  #recovery: (RecoveryReport & { readonly at: number }) | undefined
  #stopped: Promise<void> | undefined

  /** @throws OptionError naming the target, kind or option */
  constructor(options: RuntimeOptions) {
    const { store, targets, targetDefaults, concurrency, pollMax, retention, recovery } = options
    const clock = options.clock ?? systemClock
    const random = options.random ?? systemRandom
    const kinds = kindTable(options.kinds)
    const { events } = this
    this.clock = clock
    this.#alone = memorySharedState({ clock })
    this.startedAt = clock.wallNow()
    this.store = store
    const shared = options.shared ?? (store.capabilities.multiProcess ? store.sharedState?.() : undefined)
    this.targets = new TargetRegistry({
      limits: this.#limitsIn(shared || undefined),
      states: store,
      clock,
      random,
      ...(targets && { targets }),
      ...(targetDefaults && { defaults: targetDefaults }),
    })
    this.queue = new JobQueue({ store, kinds, clock, events, onCancel: (id) => this.worker.cancel(id) })
    const identity = newIdentity(options.host)
    this.worker = new Worker({
      store,
      kinds,
      clock,
      random,
      events,
      identity,
      admission: this.targets,
      run: jobRunner(this.targets),
      isTargetDown: (target) => this.targets.find(target)?.isDown ?? false,
      pauseTarget: (target, until) => this.pause(target, until),
      ...(concurrency && { concurrency }),
      ...(pollMax && { pollMax }),
    })
    this.#rescuer = new Rescuer({
      store,
      kinds,
      clock,
      random,
      events,
      identity,
      isAlive: isProcessAlive,
      isOurs: (id) => this.worker.holds(id),
      onRequeued: () => this.worker.wake(),
      ...recovery,
    })
    this.scheduler = new Scheduler({ store, queue: this.queue, clock, events, schedules: options.schedules ?? [] })
    const reporter = this.worker.id
    const onNews = (): void => this.worker.wake()
    this.sharing = shared ? new Sharing({ shared, registry: this.targets, reporter, events, clock, random, onNews }) : undefined
    const turns = this.sharing && { turns: this.sharing.turns }
    this.#deadLetters = new DeadLetterClock({ store, clock, events, ...turns })
    this.#redrive = new TargetRedrive({ store, clock, events, ...turns })
    this.#pruner = new Pruner({ store, clock, kinds: kinds.values(), ...retention })
    this.#batches = new BatchSweep({ store, clock, events })
    this.targets.observe((event) => {
      events.emit(event)
      if (event.type === 'circuit-breaker.changed' && event.target !== undefined) this.#breakerChanged(event.target, event.to)
    })
  }

  /** A process that stands alone shares its limits with itself. */
  #limitsIn(shared: SharedState | undefined): SharedLimits {
    return shared === undefined ? { state: this.#alone, processes: () => 1 } : { state: shared }
  }

  /** What the start found of earlier processes. */
  get recovery(): (RecoveryReport & { readonly at: number }) | undefined {
    return this.#recovery
  }

  /** @throws HoldfastError with `ERR_STORE_UNAVAILABLE` when the store cannot be opened */
  async start(): Promise<RecoveryReport> {
    await this.store.open()
    await this.#alone.open()
    await this.#loadTargets()
    await this.sharing?.start()
    const report = await this.#rescuer.recover()
    this.#recovery = { at: this.clock.wallNow(), ...report }
    this.#rescuer.start()
    this.#deadLetters.start()
    this.#pruner.start()
    this.#batches.start()
    this.worker.start()
    this.scheduler.start()
    return report
  }

  /** Stops claiming, waits for what runs up to the deadline, hands the rest back, closes the store. Idempotent. */
  stop(deadlineMs: number): Promise<void> {
    this.#stopped ??= this.#stop(deadlineMs)
    return this.#stopped
  }

  async #stop(deadlineMs: number): Promise<void> {
    await this.scheduler.stop()
    await this.worker.drain(deadlineMs)
    await Promise.all([
      this.#rescuer.stop(),
      this.#deadLetters.stop(),
      this.#redrive.stop(),
      this.#pruner.stop(),
      this.#batches.stop(),
    ])
    await this.targets.close()
    await this.sharing?.stop()
    await this.targets.flush()
    await this.store.close()
  }

  /** Holds the work of a target; `until` is epoch ms. The pause outlives the process. */
  pause(target: string, until?: number): void {
    this.targets.get(target).pause(until)
    this.#pauseChanged(target)
  }

  resume(target: string): void {
    this.targets.get(target).resume()
    this.#pauseChanged(target)
  }

  #pauseChanged(target: string): void {
    this.targets.save(target)
    this.sharing?.targets.pauseChanged(this.targets.get(target))
    this.worker.wake()
  }

  isolate(target: string): void {
    this.targets.get(target).isolate()
  }

  reset(target: string): void {
    this.targets.get(target).reset()
    this.sharing?.targets.wasReset(this.targets.get(target))
    this.worker.wake()
  }

  observe(listener: Listener): Unobserve {
    return this.events.observe(listener)
  }

  /** Targets that begin anew know less, and work all the same: that stops no start. */
  async #loadTargets(): Promise<void> {
    try {
      await this.targets.load()
    } catch (error) {
      const reason = `the states of the targets were not read: ${describeError(error).message}`
      this.events.emit({ type: 'store.degraded', at: this.clock.wallNow(), reason })
    }
  }

  #breakerChanged(target: string, to: string): void {
    this.worker.wake()
    if (to !== 'closed') return
    const since = this.targets.find(target)?.outageSince
    // Deaths are told by the store's clock.
    void this.#redrive.redriveTarget(target, since && since + this.worker.snapshot().skewMs)
  }
}
