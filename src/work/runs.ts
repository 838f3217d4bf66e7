/** The jobs that run in this worker now, and the slots that they take. */
import type { EventBus } from '../core/events.ts'
import type { Outcome } from './decide.ts'
import type { Job } from './job.ts'
import type { AbortCause } from './job-errors.ts'
import type { JobRunPorts } from './job-run.ts'
import { JobRun } from './job-run.ts'
import type { Kind } from './kind.ts'
import type { Settlement } from './store.ts'

export interface RunsOptions extends JobRunPorts {
  readonly events: EventBus
  readonly worker: string
  /** How long a handler that ignores its signal keeps its slot. */
  readonly abandonedHoldMs: number
  /** What becomes of it; the run counts as running until this resolves. Never rejects. Not called for a lost lease. */
  readonly conclude: (run: JobRun, outcome: Outcome) => Promise<Settlement>
  /** It runs no more, and this is to be stored. */
  readonly onConcluded: (run: JobRun, settlement: Settlement) => void
  /** It runs no more, because its lease is gone. */
  readonly onLost: (run: JobRun) => void
  /** It runs no more. */
  readonly onEnded: () => void
  /** A slot became free without anything to store. */
  readonly onFree: () => void
}

export class Runs {
  readonly #options: RunsOptions
  readonly #running = new Map<string, JobRun>()
  /** Decided, but their handlers run on: they keep their slots for a while, so that a target is not overrun. */
  readonly #abandoned = new Map<JobRun, () => void>()

  constructor(options: RunsOptions) {
    this.#options = options
  }

  get running(): number {
    return this.#running.size
  }

  get abandoned(): number {
    return this.#abandoned.size
  }

  /** Slots in use. */
  get occupied(): number {
    return this.#running.size + this.#abandoned.size
  }

  /** Slots in use by one kind. */
  ofKind(kind: string): number {
    return this.#count((run) => run.kind.name === kind)
  }

  get(id: string): JobRun | undefined {
    return this.#running.get(id)
  }

  jobs(): Job[] {
    return Array.from(this.#running.values(), (run) => run.job)
  }

  some(test: (run: JobRun) => boolean): boolean {
    for (const run of this.#running.values()) if (test(run)) return true
    return false
  }

  start(job: Job, kind: Kind): void {
    const run: JobRun = new JobRun(job, kind, this.#options, () => this.#releaseSlot(run))
    this.#running.set(job.id, run)
    const { events, clock, worker } = this.#options
    const about = { job: job.id, kind: job.kind, target: job.target, worker }
    if (events.active) events.emit({ type: 'job.started', at: clock.wallNow(), ...about, attempt: job.attempts })
    void run.outcome().then((outcome) => this.#end(run, outcome))
  }

  /** False when it does not run here. */
  abort(id: string, by: AbortCause): boolean {
    const run = this.#running.get(id)
    run?.abort(by)
    return run !== undefined
  }

  abortAll(by: AbortCause): void {
    for (const run of this.#running.values()) run.abort(by)
  }

  async #end(run: JobRun, outcome: Outcome | undefined): Promise<void> {
    const { conclude, onConcluded, onLost, onEnded, onFree } = this.#options
    const settlement = outcome && (await conclude(run, outcome))
    this.#running.delete(run.job.id)
    if (!run.isIdle) this.#abandon(run)
    if (settlement !== undefined) onConcluded(run, settlement)
    else {
      onLost(run)
      onFree()
    }
    onEnded()
  }

  #abandon(run: JobRun): void {
    const { clock, abandonedHoldMs } = this.#options
    const release = clock.setTimer(abandonedHoldMs, () => this.#releaseSlot(run), true)
    this.#abandoned.set(run, release)
  }

  #releaseSlot(run: JobRun): void {
    const cancel = this.#abandoned.get(run)
    if (cancel === undefined) return
    cancel()
    this.#abandoned.delete(run)
    this.#options.onFree()
  }

  #count(test: (run: JobRun) => boolean): number {
    let count = 0
    for (const run of this.#running.values()) if (test(run)) count++
    for (const run of this.#abandoned.keys()) if (test(run)) count++
    return count
  }
}
