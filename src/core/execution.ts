/**
 * A live `Execution`: signals made lazily and unlinked by hand, deadlines that only shrink, one clock reading per attempt.
 *
 * Cancellation is the dearest part of a call, so nothing is made until it is read: an execution that nobody can abort lends
 * its parent's signal; one that a timeout or hedge may abort makes a controller on first read, linked to the parent's signal,
 * and `close` unlinks it. An abort before the first read is remembered and shows on reading.
 *
 * Members are `private _x` instead of `#x`: this is on the path of every call, see docs/decisions/0006.
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
  private readonly _options: ExecuteOptions | undefined
  private _now = -1
  private _id: string | undefined
  private _abortable: boolean
  private _controller: AbortController | undefined
  private _unlink: (() => void) | undefined
  private _abortedBy: { readonly reason: unknown } | undefined

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
    this._options = options
    this.parent = parent
    this.attempt = attempt
    this.deadline = parent === undefined ? Number.POSITIVE_INFINITY : parent.deadline
    this._abortable = abortable
    this.sync = sync
  }

  /** One attempt of this call. `abortable` when a policy may abort it apart from its siblings. */
  child(attempt: number, abortable: boolean): LiveExecution {
    return new LiveExecution(this.clock, this.run, this._options, this, attempt, abortable, this.sync)
  }

  get key(): string | undefined {
    return this._options?.key
  }

  get operation(): string | undefined {
    return this._options?.operation
  }

  get attributes(): Readonly<Record<string, unknown>> {
    return this._options?.attributes ?? NO_ATTRIBUTES
  }

  get id(): string {
    if (this.parent !== undefined) return this.parent.id
    // Stryker disable next-line UpdateOperator: any other number is as good
    this._id ??= this._options?.id ?? `x${(++issued).toString(36)}`
    return this._id
  }

  /** Monotonic ms, read at most once per attempt, unless `refresh` was called after a wait. */
  now(): number {
    if (this._now < 0) this._now = this.clock.now()
    return this._now
  }

  refresh(): void {
    this._now = -1
  }

  remaining(): number {
    return Math.max(0, this.deadline - this.clock.now())
  }

  /** True when somebody can abort this: only then is it worth listening while waiting. */
  get cancellable(): boolean {
    return this._abortable || this._options?.signal !== undefined || (this.parent?.cancellable ?? false)
  }

  /** The same call under a fresh execution, after this one served, and ended, as its first attempt. */
  renew(): LiveExecution {
    const renewed = new LiveExecution(this.clock, this.run, this._options)
    renewed._id = this.id
    return renewed
  }

  /** Marks a root as one that a policy, or its caller's `within`, may abort. */
  makeAbortable(): void {
    this._abortable = true
  }

  get aborted(): boolean {
    if (this._abortedBy !== undefined) return true
    return this.parent === undefined ? (this._options?.signal?.aborted ?? false) : this.parent.aborted
  }

  /** Why it was aborted: who was first decides, as on the signal. Undefined when it was not. */
  get abortReason(): unknown {
    // A policy aborts only what is not aborted yet, so its own reason, where there is one, came before any outer one.
    if (this._abortedBy !== undefined) return this._abortedBy.reason
    return this.parent === undefined ? this._options?.signal?.reason : this.parent.abortReason
  }

  get signal(): AbortSignal {
    if (this._controller !== undefined) return this._controller.signal
    const outer = this._outerSignal()
    if (!this._abortable && outer !== undefined) return outer
    this._controller = new AbortController()
    if (this._abortedBy !== undefined) this._controller.abort(this._abortedBy.reason)
    else if (outer !== undefined) this._link(this._controller, outer)
    return this._controller.signal
  }

  private _outerSignal(): AbortSignal | undefined {
    if (this.parent === undefined) return this._options?.signal
    // Where nobody can abort the parent, its signal is not made for this.
    return this.parent.cancellable ? this.parent.signal : undefined
  }

  private _link(controller: AbortController, outer: AbortSignal): void {
    if (outer.aborted) return controller.abort(outer.reason)
    const follow = (): void => controller.abort(outer.reason)
    outer.addEventListener('abort', follow, { once: true })
    this._unlink = () => outer.removeEventListener('abort', follow)
  }

  /** Gives this attempt up; everything derived from it aborts too. The first reason stays. */
  abort(reason: unknown): void {
    if (this.aborted) return
    this._abortedBy = { reason }
    // Work that ignores its signal may never settle, and so never close.
    this.close()
    this._controller?.abort(reason)
  }

  /** The attempt is over: the link to the outer signal goes, so that a long-lived signal keeps no listener. */
  close(): void {
    this._unlink?.()
    this._unlink = undefined
  }
}
