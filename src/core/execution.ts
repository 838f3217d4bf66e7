/**
 * A live `Execution`: signals made lazily and unlinked by hand, deadlines that only shrink, one clock reading per attempt.
 *
 * Cancellation is the dearest part of a call, so nothing is made until it is read: an execution that nobody can abort lends
 * its parent's signal; one that a timeout or hedge may abort makes a controller on first read, linked to the parent's signal,
 * and `close` unlinks it. An abort before the first read is remembered and shows on reading.
 */
import type { Clock } from './clock.ts'
import type { ExecuteOptions, Execution, Operation } from './operation.ts'

const NO_ATTRIBUTES: Readonly<Record<string, unknown>> = Object.freeze({})
let issued = 0

export class LiveExecution implements Execution {
  readonly clock: Clock
  readonly attempt: number
  deadline: number
  readonly parent: LiveExecution | undefined
  /** What the terminal runs. */
  readonly run: Operation<unknown>
  /** True for `executeSync`: no gate may wait. */
  readonly sync: boolean
  readonly #options: ExecuteOptions | undefined
  #now = -1
  #id: string | undefined
  #abortable: boolean
  #controller: AbortController | undefined
  #unlink: (() => void) | undefined
  #abortedBy: { readonly reason: unknown } | undefined

  constructor(
    clock: Clock,
    run: Operation<unknown>,
    options: ExecuteOptions | undefined,
    parent?: LiveExecution,
    attempt = 1,
    abortable = false,
    sync = false,
  ) {
    this.clock = clock
    this.run = run
    this.#options = options
    this.parent = parent
    this.attempt = attempt
    this.deadline = parent === undefined ? Number.POSITIVE_INFINITY : parent.deadline
    this.#abortable = abortable
    this.sync = sync
  }

  /** One attempt of this call. `abortable` when a policy may abort it apart from its siblings. */
  child(attempt: number, abortable: boolean): LiveExecution {
    return new LiveExecution(this.clock, this.run, this.#options, this, attempt, abortable, this.sync)
  }

  get key(): string | undefined {
    return this.#options?.key
  }

  get operation(): string | undefined {
    return this.#options?.operation
  }

  get attributes(): Readonly<Record<string, unknown>> {
    return this.#options?.attributes ?? NO_ATTRIBUTES
  }

  get id(): string {
    if (this.parent !== undefined) return this.parent.id
    this.#id ??= this.#options?.id ?? `x${(++issued).toString(36)}`
    return this.#id
  }

  /** Monotonic ms, read at most once per attempt, unless `refresh` was called after a wait. */
  now(): number {
    if (this.#now < 0) this.#now = this.clock.now()
    return this.#now
  }

  refresh(): void {
    this.#now = -1
  }

  remaining(): number {
    return this.deadline === Number.POSITIVE_INFINITY ? this.deadline : Math.max(0, this.deadline - this.clock.now())
  }

  /** True when somebody can abort this: only then is it worth listening while waiting. */
  get cancellable(): boolean {
    return this.#abortable || this.#options?.signal !== undefined || (this.parent?.cancellable ?? false)
  }

  /** The same call under a fresh execution, after this one served, and ended, as its first attempt. */
  renew(): LiveExecution {
    const renewed = new LiveExecution(this.clock, this.run, this.#options, undefined, 1, false, this.sync)
    renewed.#id = this.id
    return renewed
  }

  /** Marks a root as one that a policy, or its caller's `within`, may abort. */
  makeAbortable(): void {
    this.#abortable = true
  }

  get aborted(): boolean {
    if (this.#abortedBy !== undefined) return true
    return this.parent === undefined ? (this.#options?.signal?.aborted ?? false) : this.parent.aborted
  }

  /** Why it was aborted: who was first decides, as on the signal. Undefined when it was not. */
  get abortReason(): unknown {
    // A policy aborts only what is not aborted yet, so its own reason, where there is one, came before any outer one.
    if (this.#abortedBy !== undefined) return this.#abortedBy.reason
    return this.parent === undefined ? this.#options?.signal?.reason : this.parent.abortReason
  }

  get signal(): AbortSignal {
    if (this.#controller !== undefined) return this.#controller.signal
    const outer = this.parent === undefined ? this.#options?.signal : this.#outerSignal()
    if (!this.#abortable && outer !== undefined) return outer
    this.#controller = new AbortController()
    if (this.#abortedBy !== undefined) this.#controller.abort(this.#abortedBy.reason)
    else if (outer !== undefined) this.#link(this.#controller, outer)
    return this.#controller.signal
  }

  #outerSignal(): AbortSignal | undefined {
    return this.parent?.cancellable || !this.#abortable ? this.parent?.signal : undefined
  }

  #link(controller: AbortController, outer: AbortSignal): void {
    if (outer.aborted) return controller.abort(outer.reason)
    const follow = (): void => controller.abort(outer.reason)
    outer.addEventListener('abort', follow, { once: true })
    this.#unlink = () => outer.removeEventListener('abort', follow)
  }

  /** Gives this attempt up; everything derived from it aborts too. The first reason stays. */
  abort(reason: unknown): void {
    if (this.aborted) return
    this.#abortedBy = { reason }
    // Work that ignores its signal may never settle, and so never close.
    this.close()
    this.#controller?.abort(reason)
  }

  /** The attempt is over: the link to the outer signal goes, so that a long-lived signal keeps no listener. */
  close(): void {
    this.#unlink?.()
    this.#unlink = undefined
  }
}
