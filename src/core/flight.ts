/**
 * One run of the operation that several callers wait for.
 *
 * Invariants: a caller who cancels is released at once and the others go on; the run is aborted when the last caller has left,
 * and only then; its end is observed, whoever is still there.
 */
import { LiveExecution } from './execution.ts'

export class Flight {
  readonly key: string
  /** Of its own: no caller's cancel reaches it, and no caller's signal is lent to it. */
  readonly execution: LiveExecution
  /** What it answers was kept before, so it need not be kept again. */
  fromStore = false
  readonly #allLeft: (flight: Flight) => void
  #result: Promise<unknown> | undefined
  #callers = 0
  #landed = false

  constructor(key: string, first: LiveExecution, allLeft: (flight: Flight) => void) {
    this.key = key
    const options = { key: first.key, operation: first.operation, attributes: first.attributes, id: first.id }
    this.execution = new LiveExecution(first.clock, first.run, options, undefined, first.attempt, true)
    this.execution.deadline = first.deadline
    this.#allLeft = allLeft
  }

  /** Those who wait. */
  get callers(): number {
    return this.#landed ? 0 : this.#callers
  }

  /**
   * Begins; called once. `run` may be synchronous and may throw. Who awaits the promise that this returns hears of the end before
   * any caller does.
   */
  begin(run: (execution: LiveExecution) => unknown): Promise<unknown> {
    this.#result = new Promise((resolve) => resolve(run(this.execution)))
    const land = (): void => {
      this.#landed = true
    }
    this.#result.then(land, land)
    return this.#result
  }

  /** The result for one caller, who may leave. */
  join(call: LiveExecution): Promise<unknown> {
    this.#callers++
    // As long as somebody has time left the run has; those who have less are released by their own deadline.
    this.execution.deadline = Math.max(this.execution.deadline, call.deadline)
    const result = this.#result!
    if (!call.cancellable) return result
    return new Promise((resolve, reject) => {
      const { signal } = call
      const leave = (): void => {
        reject(call.abortReason)
        this.#leave(call.abortReason)
      }
      const stay = (): void => signal.removeEventListener('abort', leave)
      // A listener of the policy's events may have cancelled the call.
      if (signal.aborted) return leave()
      signal.addEventListener('abort', leave, { once: true })
      result.then(stay, stay)
      result.then(resolve, reject)
    })
  }

  #leave(reason: unknown): void {
    this.#callers--
    if (this.#callers > 0 || this.#landed) return
    this.#allLeft(this)
    this.execution.abort(reason)
  }
}
