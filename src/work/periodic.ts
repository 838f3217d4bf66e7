/**
 * Something to be done again and again: never twice at once, never stopped by an error, and never keeping a process alive.
 */
import type { Cancel, Clock } from '../core/clock.ts'

export class Periodic {
  readonly #clock: Clock
  readonly #everyMs: () => number
  readonly #task: () => Promise<unknown>
  #cancel: Cancel | undefined
  #current: Promise<void> | undefined

  /** `task` deals with its own errors; what it throws all the same is dropped. A function for `everyMs` is asked each time. */
  constructor(clock: Clock, everyMs: number | (() => number), task: () => Promise<unknown>) {
    this.#clock = clock
    this.#everyMs = typeof everyMs === 'number' ? () => everyMs : everyMs
    this.#task = task
  }

  /** First run after one interval. Harmless when already started. */
  start(): void {
    this.#cancel ??= this.#arm()
  }

  /** Resolves when a run that was under way has ended. Idempotent. */
  async stop(): Promise<void> {
    this.#cancel?.()
    this.#cancel = undefined
    await this.#current
  }

  #arm(): Cancel {
    return this.#clock.setTimer(this.#everyMs(), () => void this.#run(), true)
  }

  async #run(): Promise<void> {
    this.#current = this.#task().then(
      () => {},
      () => {},
    )
    await this.#current
    this.#current = undefined
    if (this.#cancel !== undefined) this.#cancel = this.#arm()
  }
}
