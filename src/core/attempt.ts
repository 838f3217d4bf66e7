/**
 * One attempt of one call through one frame, written as a state machine instead of an async function: where there is a timeout
 * the caller holds a promise of ours, so it can be released while the work goes on; elsewhere it holds the work's own chain.
 *
 * Invariants: every permit that a gate gave is given back exactly once; the caller's promise settles once; after the work
 * has settled no timer, no listener and no permit of this attempt remains.
 *
 * Members are `private _x` instead of `#x`: this is on the path of every call, see docs/decisions/0006.
 */

import { wakeAfter } from './clock.ts'
import { isRejected, RejectedError } from './errors.ts'
import type { LiveExecution } from './execution.ts'
import { rejectSoon } from './reject-soon.ts'
import type { Frame, RetryFailure, RetrySession } from './stage.ts'
import { pendingOf } from './thenable.ts'
import { WheelEntry, wheelOf } from './timer-wheel.ts'

export class Attempt {
  private readonly _frame: Frame
  /** The call's execution; this attempt's own is derived from it where a retry or a timeout needs to tell attempts apart. */
  private _call: LiveExecution
  private readonly _number: number
  private _session: RetrySession | undefined
  /** The caller's promise, where it is one of ours. Without it the answer travels up the chain of promises, which is cheaper. */
  private _resolve: ((value: unknown) => void) | undefined
  /** Where an error goes: to the caller's promise, or out of the handler of a promise that was waited for. */
  private _reject: ((error: unknown) => void) | undefined
  private readonly _execution: LiveExecution
  /** This attempt has the call's own execution; the call goes on under another one. */
  private _lent = false
  private readonly _permits: unknown[]
  /** How many gates have admitted; their permits are the first so many. */
  private _admitted = 0
  private _timer: WheelEntry | undefined
  private _limitMs = 0
  /** When the call began, where the retry asks for it; only the first attempt has to know. */
  private _startedAt: number | undefined
  private _running = false
  /** The time is up; what still happens here is late. */
  private _expired = false

  constructor(
    frame: Frame,
    call: LiveExecution,
    number: number,
    session: RetrySession | undefined,
    resolve?: (value: unknown) => void,
    reject?: (error: unknown) => void,
  ) {
    this._frame = frame
    // Stryker disable next-line ArrayDeclaration: of the right size it is only faster
    // oxlint-disable-next-line unicorn/no-new-array -- of the right size at once: growing costs more than what it holds
    this._permits = new Array<unknown>(frame.gates.length)
    this._call = call
    this._number = number
    this._session = session
    this._resolve = resolve
    this._reject = reject
    const timed = frame.timeout !== undefined
    const attempt = frame.retry === undefined ? call.attempt : number
    // Stryker disable next-line ConditionalExpression: an execution of its own would do as well, and costs more
    if (timed && frame.outermost && number === 1 && !call.cancellable) {
      // Most calls succeed at once: the first attempt may have the call's own execution, since nobody else can abort it.
      this._lent = true
      call.makeAbortable()
      this._execution = call
    } else {
      // Stryker disable next-line ConditionalExpression: as above
      this._execution = timed || attempt !== call.attempt ? call.child(attempt, timed) : call
    }
  }

  /** The first attempt. Without a caller's promise it returns the value, or a promise. With one, what it returns means nothing. */
  start(): unknown {
    if (this._call.aborted) return this._fail(this._call.abortReason)
    // An outer frame may have read the clock long ago: between frames a layer takes its own time.
    this._call.refresh()
    // Stryker disable next-line ConditionalExpression: who does not ask for the time pays nothing for it
    if (this._frame.retry?.timed) this._startedAt = this._call.now()
    return this._admit(0)
  }

  /** Instead of `start`, when the first gate was entered already and makes the call wait. */
  wait(permit: Promise<unknown>): unknown {
    return this._await(permit, 0)
  }

  private _admit(from: number): unknown {
    const { gates, timeoutAt } = this._frame
    for (let index = from; ; index++) {
      let permit: unknown
      try {
        if (index === timeoutAt) this._arm()
        if (index === gates.length) break
        permit = gates[index]!.enter(this._execution)
      } catch (error) {
        return this._refused(error)
      }
      if (permit instanceof Promise) return this._await(permit, index)
      if (permit instanceof RejectedError) return this._refused(permit)
      this._permits[this._admitted++] = permit
    }
    return this._run()
  }

  private _await(promise: Promise<unknown>, index: number): unknown {
    return this._after(
      promise,
      (permit) => {
        // The time ran out while waiting, and the grant crossed with it: hand the permit straight back.
        if (this._expired) return this._frame.gates[index]!.cancelled(permit, this._execution)
        this._execution.refresh()
        this._permits[this._admitted++] = permit
        // The caller's cancel crossed with the grant: the operation must not begin any more.
        if (this._execution.aborted) return this._refused(this._execution.abortReason)
        return this._admit(index + 1)
      },
      (error) => (this._expired ? undefined : this._refused(error)),
    )
  }

  /** What happens from now on happens in the handlers of a promise, where an error is thrown. */
  private _after(promise: Promise<unknown>, then: (value: unknown) => unknown, failed: (error: unknown) => unknown): unknown {
    this._reject ??= toss
    return promise.then(then, failed)
  }

  private _arm(): void {
    const execution = this._execution
    const limitMs = this._frame.timeout!.limitMs(execution)
    if (limitMs === Number.POSITIVE_INFINITY) return
    const now = execution.now()
    this._limitMs = limitMs
    execution.deadline = Math.min(execution.deadline, now + limitMs)
    this._timer = new WheelEntry(expire, this)
    wheelOf(execution.clock).add(this._timer, limitMs, now)
  }

  private _run(): unknown {
    this._running = true
    let result: unknown
    let pending: Promise<unknown> | undefined
    try {
      result = this._frame.next(this._execution)
      pending = pendingOf(result)
    } catch (error) {
      return this._onError(error)
    }
    return pending === undefined ? this._onValue(result) : this._after(pending, this._onValue, this._onError)
  }

  private readonly _onValue = (value: unknown): unknown => {
    if (this._expired) return this._settleLate()
    const cancelled = this._execution.aborted
    this._finish()
    const { gates, retry } = this._frame
    for (let index = gates.length - 1; index >= 0; index--) {
      if (cancelled) gates[index]!.cancelled(this._permits[index], this._execution)
      else gates[index]!.succeeded(this._permits[index], value, this._execution)
    }
    return retry?.rejectsResult?.(value) ? this._proceed({ value }) : this._succeed(value)
  }

  private readonly _onError = (error: unknown): unknown => {
    if (this._expired) return this._settleLate()
    const neutral = this._execution.aborted || isRejected(error)
    this._finish()
    this._release(this._admitted - 1, 0, neutral, error)
    return this._proceed({ error })
  }

  private _refused(error: unknown): unknown {
    this._finish()
    this._release(this._admitted - 1, 0, true, error)
    return this._proceed({ error })
  }

  /** @internal called by the timer */
  expire(): void {
    // Who was first decides: after the caller's own cancel this is not a timeout any more.
    if (this._execution.aborted) return
    const timeout = this._frame.timeout!
    this._expired = true
    const error = timeout.expired(this._limitMs, this._execution)
    this._execution.abort(error)
    if (!this._running || !timeout.graceMs) return this._giveUp(error)
    this._late = 'grace'
    this._timer = new WheelEntry(endGrace, this)
    wheelOf(this._execution.clock).add(this._timer, timeout.graceMs, this._execution.clock.now())
  }

  /** @internal called by the timer: the work had the time to stop, and has not */
  endGrace(): void {
    this._late = undefined
    this._giveUp(this._execution.abortReason)
  }

  /** The caller is answered; what still runs is on its own. */
  private _giveUp(error: unknown): void {
    const { timeout, timeoutAt } = this._frame
    // Inside the timeout the permits stay until the work has really ended, unless they are wanted back at once.
    if (!this._running || timeout!.releasesAtOnce) this._releaseInside()
    this._watchAbandoned()
    this._release(Math.min(timeoutAt, this._admitted) - 1, 0, false, error)
    this._proceed({ error })
  }

  /** Work whose time is up: it may still stop in time (`grace`), or goes on although nobody waits for it (`abandoned`). */
  private _late: 'grace' | 'abandoned' | undefined

  /** Cooperative work ends within a few turns of the abort; what still runs after that is abandoned, and said so. */
  private _watchAbandoned(): void {
    this._execution.clock.setTimer(
      0,
      () => {
        if (!this._running) return
        this._late = 'abandoned'
        const { gates, timeout, timeoutAt } = this._frame
        timeout!.abandoned(this._execution, this._limitMs)
        for (let index = timeoutAt; index < this._admitted; index++)
          gates[index]!.abandoned?.(this._permits[index], this._execution)
      },
      true,
    )
  }

  /** What comes of work that was told to stop says nothing of the target, be it an error or a value. */
  private _settleLate(): void {
    this._running = false
    this._releaseInside()
    if (this._late === 'abandoned') this._frame.timeout!.settled(this._execution, this._limitMs)
    else if (this._late === 'grace') {
      this._timer!.cancel()
      this.endGrace()
    }
  }

  /** Gives back what stands inside the timeout, once; it has learnt nothing. */
  private _releaseInside(): void {
    const { timeoutAt } = this._frame
    this._release(this._admitted - 1, timeoutAt, true, undefined)
    this._admitted = Math.min(this._admitted, timeoutAt)
  }

  private _finish(): void {
    this._timer?.cancel()
    if (this._lent || this._execution !== this._call) this._execution.close()
  }

  /** Gives back the permits of gates `to`..`from`, innermost first. */
  private _release(from: number, to: number, neutral: boolean, error: unknown): void {
    const { gates } = this._frame
    for (let index = from; index >= to; index--) {
      if (neutral) gates[index]!.cancelled(this._permits[index], this._execution)
      else gates[index]!.failed(this._permits[index], error, this._execution)
    }
  }

  private _proceed(failure: RetryFailure): unknown {
    const { retry } = this._frame
    if (retry === undefined) return this._answer(failure)
    if (this._lent) this._call = this._call.renew()
    if (this._call.aborted) return this._fail(this._call.abortReason)
    let delayMs: number
    try {
      this._session ??= retry.begin(this._call, this._startedAt)
      delayMs = this._session.next(this._number, failure, this._call)
      // A rule or a listener of the user may have cancelled the call while it decided.
      if (!this._call.aborted && delayMs < 0) return this._answer(this._session.conclude(this._number, failure))
    } catch (error) {
      return this._fail(error)
    }
    return this._call.aborted ? this._cancelled() : this._later(delayMs)
  }

  private _later(delayMs: number): unknown {
    if (this._resolve === undefined)
      return new Promise((resolve, reject) => {
        this._resolve = resolve
        this._reject = reject
        this._later(delayMs)
      })
    const { _call: call } = this
    const again = (): void => {
      call.refresh()
      new Attempt(this._frame, call, this._number + 1, this._session, this._resolve, this._reject)._admit(0)
    }
    wakeAfter(call.clock, delayMs, call.cancellable ? call.signal : undefined, again, () => this._cancelled())
    return undefined
  }

  private _cancelled(): unknown {
    this._session!.cancelled()
    return this._fail(this._call.abortReason)
  }

  private _answer(end: RetryFailure): unknown {
    return 'error' in end ? this._fail(end.error) : this._succeed(end.value)
  }

  private _succeed(value: unknown): unknown {
    return this._resolve === undefined ? value : this._resolve(value)
  }

  private _fail(error: unknown): unknown {
    return (this._reject ?? rejectSoon)(error)
  }
}

function expire(attempt: Attempt): void {
  attempt.expire()
}

function endGrace(attempt: Attempt): void {
  attempt.endGrace()
}

function toss(error: unknown): never {
  throw error
}
