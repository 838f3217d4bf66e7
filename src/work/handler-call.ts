/** One run of a handler: what it is told, its time limit, and its signal, which is made only when it is read. */
import type { Clock } from '../core/clock.ts'
import { TimeoutError } from '../core/errors.ts'
import { WheelEntry, wheelOf } from '../core/timer-wheel.ts'
import type { Job } from './job.ts'
import type { JobContext, JobLog, Kind } from './kind.ts'
import type { Fence } from './store.ts'

export class HandlerCall implements JobContext {
  readonly id: string
  readonly kind: string
  readonly target: string
  readonly attempt: number
  readonly idempotencyKey: string
  readonly traceparent?: string
  readonly generation: number
  readonly deadline: number
  readonly clock: Clock
  readonly fence: Fence
  readonly log?: JobLog
  readonly #parent: AbortSignal
  readonly #limitMs: number
  #aborter: AbortController | undefined
  #timeout: TimeoutError | undefined
  #unlink: () => void = () => {}

  /** `deadline`, a reading of the clock, may only shorten the kind's timeout. */
  constructor(job: Job, kind: Kind, clock: Clock, parent: AbortSignal, deadline = Number.POSITIVE_INFINITY, log?: JobLog) {
    const now = clock.now()
    this.id = job.id
    this.kind = job.kind
    this.target = job.target
    this.attempt = job.attempts
    this.idempotencyKey = job.idempotencyKey ?? job.id
    if (job.traceparent !== undefined) this.traceparent = job.traceparent
    this.generation = job.generation
    this.#limitMs = Math.max(0, Math.min(kind.timeoutMs, deadline - now))
    this.deadline = now + this.#limitMs
    this.clock = clock
    this.fence = { id: job.id, token: job.token }
    if (log !== undefined) this.log = log
    this.#parent = parent
  }

  get signal(): AbortSignal {
    this.#aborter ??= this.#makeAborter()
    return this.#aborter.signal
  }

  /**
   * Settles with the handler, or with a `TimeoutError` as soon as the time is up: a handler that ignores its signal runs on,
   * and `onEnded` tells when it has ended.
   */
  run(handler: Kind['handler'], payload: unknown, onEnded: () => void): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const timer = new WheelEntry(() => {
        this.#timeout = new TimeoutError(this.#limitMs, { target: this.target })
        this.#aborter?.abort(this.#timeout)
        reject(this.#timeout)
      })
      wheelOf(this.clock).add(timer, this.#limitMs, this.clock.now())
      const end = (settle: (value: unknown) => void) => (value: unknown) => {
        timer.cancel()
        this.#unlink()
        settle(value)
        onEnded()
      }
      invoke(handler, payload, this).then(end(resolve), end(reject))
    })
  }

  #makeAborter(): AbortController {
    const aborter = new AbortController()
    if (this.#timeout !== undefined) aborter.abort(this.#timeout)
    else if (this.#parent.aborted) aborter.abort(this.#parent.reason)
    else {
      const follow = (): void => aborter.abort(this.#parent.reason)
      this.#parent.addEventListener('abort', follow, { once: true })
      this.#unlink = () => this.#parent.removeEventListener('abort', follow)
    }
    return aborter
  }
}

/** A handler may throw at once, return a plain value, or any thenable. */
async function invoke(handler: Kind['handler'], payload: unknown, context: JobContext): Promise<unknown> {
  return handler(payload, context)
}
