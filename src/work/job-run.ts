/**
 * A claimed job while it runs: from the claim to its outcome. The outcome comes once, even when the handler ignores its
 * signal; `onIdle` comes when nothing of it runs any more.
 */
import type { Clock } from '../core/clock.ts'
import type { Outcome } from './decide.ts'
import { HandlerCall } from './handler-call.ts'
import type { Job } from './job.ts'
import type { AbortCause } from './job-errors.ts'
import { JobAbortedError } from './job-errors.ts'
import type { JobLog, Kind } from './kind.ts'
import type { JobRunner } from './runner.ts'

export interface JobRunPorts {
  readonly clock: Clock
  readonly run: JobRunner
  readonly log?: ((job: Job) => JobLog) | undefined
}

export class JobRun {
  readonly job: Job
  readonly kind: Kind
  /** A reading of the clock. */
  readonly startedAt: number
  readonly #ports: JobRunPorts
  readonly #aborter = new AbortController()
  readonly #onIdle: () => void
  /** The runner and the handlers under way. */
  #open = 0
  #began = false
  #abortedBy: AbortCause | undefined
  #release: ((error: unknown) => void) | undefined

  constructor(job: Job, kind: Kind, ports: JobRunPorts, onIdle: () => void) {
    this.job = job
    this.kind = kind
    this.startedAt = ports.clock.now()
    this.#ports = ports
    this.#onIdle = onIdle
  }

  get isIdle(): boolean {
    return this.#open === 0
  }

  /** Runs it. Never rejects. Undefined when the lease was lost: then there is nothing to settle. */
  async outcome(): Promise<Outcome | undefined> {
    try {
      return { type: 'returned', value: await this.#released(this.#run()) }
    } catch (error) {
      const by = this.#abortedBy
      if (by === undefined) return { type: 'failed', error, started: this.#began }
      return by === 'lease-lost' ? undefined : { type: 'aborted', by }
    }
  }

  /** Takes the job away from its handler. The first cause counts. */
  abort(by: AbortCause): void {
    if (this.#abortedBy !== undefined) return
    this.#abortedBy = by
    const reason = new JobAbortedError(by, this.job.target)
    this.#aborter.abort(reason)
    this.#release?.(reason)
  }

  /** Settles with the runner, or at once when the job is taken away. */
  #released(running: Promise<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#release = reject
      running.then(resolve, reject)
    })
  }

  async #run(): Promise<unknown> {
    this.#open++
    try {
      return await this.#ports.run(this.job, (signal, deadline) => this.#operate(signal, deadline), this.#aborter.signal)
    } finally {
      this.#close()
    }
  }

  #operate(signal: AbortSignal, deadline: number | undefined): Promise<unknown> {
    if (signal.aborted) return Promise.reject(signal.reason as Error)
    this.#began = true
    this.#open++
    const call = new HandlerCall(this.job, this.kind, this.#ports.clock, signal, deadline, this.#ports.log?.(this.job))
    return call.run(this.kind.handler, this.job.payload, () => this.#close())
  }

  #close(): void {
    this.#open--
    if (this.#open === 0) this.#onIdle()
  }
}
