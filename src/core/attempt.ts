/**
 * One attempt of one call through one frame, written as a state machine instead of an async function: where there is a timeout
 * the caller holds a promise of ours, so it can be released while the work goes on; elsewhere it holds the work's own chain.
 *
 * Invariants: every permit that a gate gave is given back exactly once; the caller's promise settles once; after the work
 * has settled no timer, no listener and no permit of this attempt remains.
 */

import { isRejected } from './errors.ts'
import type { LiveExecution } from './execution.ts'
import type { Frame, RetryFailure, RetrySession } from './stage.ts'
import { WheelEntry, wheelOf } from './timer-wheel.ts'

export class Attempt {
  readonly #frame: Frame
  /** The call's execution; this attempt's own is derived from it where a retry or a timeout needs to tell attempts apart. */
  #call: LiveExecution
  readonly #number: number
  #session: RetrySession | undefined
  /** The caller's promise, where it is one of ours. Without it the answer travels up the chain of promises, which is cheaper. */
  #resolve: ((value: unknown) => void) | undefined
  #reject: ((error: unknown) => void) | undefined
  readonly #execution: LiveExecution
  /** This attempt has the call's own execution; the call goes on under another one. */
  #lent = false
  readonly #permits: unknown[]
  /** How many gates have admitted; their permits are the first so many. */
  #admitted = 0
  #timer: WheelEntry | undefined
  #limitMs = 0
  /** When the call began, where the retry asks for it; only the first attempt has to know. */
  #startedAt: number | undefined
  #running = false
  /** The caller has been answered, or the next attempt begun; what still happens here is late. */
  #over = false

  constructor(
    frame: Frame,
    call: LiveExecution,
    number: number,
    session: RetrySession | undefined,
    resolve?: (value: unknown) => void,
    reject?: (error: unknown) => void,
  ) {
    this.#frame = frame
    // oxlint-disable-next-line unicorn/no-new-array -- of the right size at once: growing costs more than what it holds
    this.#permits = new Array<unknown>(frame.gates.length)
    this.#call = call
    this.#number = number
    this.#session = session
    this.#resolve = resolve
    this.#reject = reject
    const timed = frame.timeout !== undefined
    const attempt = frame.retry === undefined ? call.attempt : number
    if (timed && frame.outermost && number === 1 && !call.cancellable) {
      // Most calls succeed at once: the first attempt may have the call's own execution, since nobody else can abort it.
      this.#lent = true
      call.makeAbortable()
      this.#execution = call
    } else this.#execution = timed || attempt !== call.attempt ? call.child(attempt, timed) : call
  }

  /** Without a caller's promise: returns the value or its promise, or throws. With one, what it returns means nothing. */
  start(): unknown {
    if (this.#call.aborted) return this.#fail(this.#call.abortReason)
    if (this.#number === 1) {
      // An outer frame may have read the clock long ago: between frames a layer takes its own time.
      this.#call.refresh()
      if (this.#frame.retry?.timed) this.#startedAt = this.#call.now()
    }
    return this.#admit(0)
  }

  #admit(from: number): unknown {
    const { gates, timeoutAt } = this.#frame
    for (let index = from; index < gates.length; index++) {
      let permit: unknown
      try {
        if (index === timeoutAt && this.#timer === undefined) this.#arm()
        permit = gates[index]!.enter(this.#execution)
      } catch (error) {
        return this.#refused(error)
      }
      if (permit instanceof Promise) return this.#await(permit, index)
      this.#permits[this.#admitted++] = permit
    }
    try {
      if (timeoutAt === gates.length) this.#arm()
    } catch (error) {
      return this.#refused(error)
    }
    return this.#run()
  }

  #await(promise: Promise<unknown>, index: number): unknown {
    return promise.then(
      (permit) => {
        // The time ran out while waiting, and the grant crossed with it: hand the permit straight back.
        if (this.#over) return this.#frame.gates[index]!.cancelled(permit, this.#execution)
        this.#execution.refresh()
        this.#permits[this.#admitted++] = permit
        // The caller's cancel crossed with the grant: the operation must not begin any more.
        if (this.#execution.aborted) return this.#refused(this.#execution.abortReason)
        return this.#admit(index + 1)
      },
      (error) => (this.#over ? undefined : this.#refused(error)),
    )
  }

  #arm(): void {
    const execution = this.#execution
    const limitMs = this.#frame.timeout!.limitMs(execution)
    if (limitMs === Number.POSITIVE_INFINITY) return
    const now = execution.now()
    this.#limitMs = limitMs
    if (now + limitMs < execution.deadline) execution.deadline = now + limitMs
    this.#timer = new WheelEntry(expire, this)
    wheelOf(execution.clock).add(this.#timer, limitMs, now)
  }

  #run(): unknown {
    this.#running = true
    let result: unknown
    let pending: Promise<unknown> | undefined
    try {
      result = this.#frame.next(this.#execution)
      if (result instanceof Promise) pending = result
      else if (isThenable(result)) pending = Promise.resolve(result)
    } catch (error) {
      return this.#onError(error)
    }
    return pending === undefined ? this.#onValue(result) : pending.then(this.#onValue, this.#onError)
  }

  readonly #onValue = (value: unknown): unknown => {
    if (this.#over) return this.#settleLate()
    const cancelled = this.#execution.aborted
    this.#finish()
    try {
      const { gates } = this.#frame
      for (let index = gates.length - 1; index >= 0; index--) {
        if (cancelled) gates[index]!.cancelled(this.#permits[index], this.#execution)
        else gates[index]!.succeeded(this.#permits[index], value, this.#execution)
      }
      if (this.#frame.retry?.rejectsResult?.(value)) return this.#proceed({ value })
    } catch (error) {
      return this.#fail(error)
    }
    return this.#succeed(value)
  }

  readonly #onError = (error: unknown): unknown => {
    if (this.#over) return this.#settleLate()
    const neutral = this.#execution.aborted || isRejected(error)
    this.#finish()
    this.#release(this.#admitted - 1, 0, neutral, error)
    return this.#proceed({ error })
  }

  #refused(error: unknown): unknown {
    this.#finish()
    this.#release(this.#admitted - 1, 0, true, error)
    return this.#proceed({ error })
  }

  /** @internal called by the timer */
  expire(): void {
    // Who was first decides: after the caller's own cancel this is not a timeout any more.
    if (this.#over || this.#execution.aborted) return
    const { timeout, timeoutAt } = this.#frame
    this.#over = true
    const error = timeout!.expired(this.#limitMs, this.#execution)
    this.#execution.abort(error)
    // Inside the timeout the permits stay until the work has really ended; work that never began has none to hold.
    if (this.#running) this.#watchAbandoned()
    else this.#release(this.#admitted - 1, timeoutAt, true, error)
    this.#release(Math.min(timeoutAt, this.#admitted) - 1, 0, false, error)
    this.#proceed({ error })
  }

  #abandoned = false

  /** Cooperative work ends within a few turns of the abort; what still runs after that is abandoned, and said so. */
  #watchAbandoned(): void {
    this.#execution.clock.setTimer(
      0,
      () => {
        if (!this.#running) return
        this.#abandoned = true
        this.#frame.timeout!.abandoned(this.#execution, this.#limitMs)
      },
      true,
    )
  }

  /** What comes of work that was told to stop says nothing of the target, be it an error or a value. */
  #settleLate(): void {
    this.#running = false
    this.#execution.close()
    const { gates, timeout, timeoutAt } = this.#frame
    this.#release(gates.length - 1, timeoutAt, true, undefined)
    if (this.#abandoned) timeout!.settled()
  }

  #finish(): void {
    this.#over = true
    this.#running = false
    this.#timer?.cancel()
    if (this.#lent || this.#execution !== this.#call) this.#execution.close()
  }

  /** Gives back the permits of gates `to`..`from`, innermost first. */
  #release(from: number, to: number, neutral: boolean, error: unknown): void {
    const { gates } = this.#frame
    for (let index = from; index >= to; index--) {
      if (neutral) gates[index]!.cancelled(this.#permits[index], this.#execution)
      else gates[index]!.failed(this.#permits[index], error, this.#execution)
    }
  }

  #proceed(failure: RetryFailure): unknown {
    const { retry } = this.#frame
    if (retry === undefined) return this.#answer(failure)
    if (this.#lent) this.#call = this.#call.renew()
    if (this.#call.aborted) return this.#fail(this.#call.abortReason)
    let delayMs: number
    try {
      this.#session ??= retry.begin(this.#call, this.#startedAt)
      delayMs = this.#session.next(this.#number, failure, this.#call)
      // A rule or a listener of the user may have cancelled the call while it decided.
      if (!this.#call.aborted && delayMs < 0) return this.#answer(this.#session.conclude(this.#number, failure))
    } catch (error) {
      return this.#fail(error)
    }
    return this.#call.aborted ? this.#cancelled() : this.#later(delayMs)
  }

  #later(delayMs: number): unknown {
    if (this.#resolve === undefined)
      return new Promise((resolve, reject) => {
        this.#resolve = resolve
        this.#reject = reject
        this.#later(delayMs)
      })
    const begin = (): void => {
      signal?.removeEventListener('abort', stop)
      this.#call.refresh()
      new Attempt(this.#frame, this.#call, this.#number + 1, this.#session, this.#resolve, this.#reject).start()
    }
    const stop = (): void => {
      cancel()
      this.#cancelled()
    }
    const signal = this.#call.cancellable ? this.#call.signal : undefined
    signal?.addEventListener('abort', stop, { once: true })
    const cancel = this.#call.clock.setTimer(delayMs, begin)
    return undefined
  }

  #cancelled(): unknown {
    this.#session?.cancelled()
    return this.#fail(this.#call.abortReason)
  }

  #answer(end: RetryFailure): unknown {
    return 'error' in end ? this.#fail(end.error) : this.#succeed(end.value)
  }

  #succeed(value: unknown): unknown {
    return this.#resolve === undefined ? value : this.#resolve(value)
  }

  #fail(error: unknown): unknown {
    if (this.#reject === undefined) throw error
    return this.#reject(error)
  }
}

function expire(attempt: Attempt): void {
  attempt.expire()
}

/** What `await` would wait for. May throw, when reading `then` does. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return false
  return typeof (value as { then?: unknown }).then === 'function'
}
