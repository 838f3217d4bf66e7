/**
 * Limits how many calls run at once, and learns the limit from what comes back: more while calls are as fast as they can be,
 * fewer when they begin to queue in the target or get lost.
 *
 * Not for a limit that somebody knows (that is the bulkhead), and not for calls per second (that is the rate limiter). One
 * limiter per target, shared by all of its calls, since it learns from their latency: give kinds of calls that differ much in
 * latency a limiter each.
 */

import { bounded, type PolicyDescription } from '../../core/description.ts'
import { formatDuration } from '../../core/duration.ts'
import { RejectedError } from '../../core/errors.ts'
import type { LiveExecution } from '../../core/execution.ts'
import type { Outcome } from '../../core/outcome.ts'
import { outcomeRule } from '../../core/outcome-rule.ts'
import { isOverload, ranOutOfTime } from '../../core/overload.ts'
import { isRejection, ManualPermit } from '../../core/permit.ts'
import { BasePolicy, STAGES } from '../../core/policy.ts'
import type { Gate, Stage } from '../../core/stage.ts'
import { WheelEntry, wheelOf } from '../../core/timer-wheel.ts'
import { checkClock, checkName } from '../../core/validate.ts'
import type { AlgorithmName } from './limit.ts'
import { AdaptiveMachine, type AdaptivePermit, type LimitChange, type Waiter } from './machine.ts'
import { type AdaptiveLimiterOptions, readOptions } from './options.ts'
import { type AdaptiveLimiterStored, readStored } from './snapshot.ts'

export interface AdaptiveLimiterStatus {
  readonly limit: number
  readonly inFlight: number
  readonly queued: number
  readonly queueLimit: number
  /** The round trip of the last full window, in ms. */
  readonly rttMs: number | undefined
  /** The round trip without queueing, as far as it is known, in ms. `'aimd'` knows none. */
  readonly baselineMs: number | undefined
  /** How often the limit has changed. */
  readonly epoch: number
  /** Results not learnt from, because the limit had changed since their call began. */
  readonly stale: number
}

type Refused = Readonly<{ retryAfterMs?: number; reason: string }>

export class AdaptiveLimiter extends BasePolicy implements Gate {
  readonly #machine: AdaptiveMachine
  readonly #algorithm: AlgorithmName
  readonly #shadow: boolean
  readonly #maxWaitMs: number
  readonly #isLoss: (error: unknown) => Outcome
  readonly #isLossResult: ((value: unknown) => Outcome) | undefined

  constructor(options: AdaptiveLimiterOptions = {}) {
    const { algorithm, limit, settings, maxWaitMs, shadow } = readOptions(options)
    super(
      checkName(options.name ?? 'adaptive-limiter', 'adaptiveLimiter.name'),
      checkClock(options.clock, 'adaptiveLimiter.clock'),
    )
    this.#algorithm = algorithm
    this.#shadow = shadow
    this.#maxWaitMs = maxWaitMs
    this.#isLoss = outcomeRule(options.isLoss ?? isOverload, 'adaptiveLimiter.isLoss', 'neutral')
    this.#isLossResult =
      options.isLossResult === undefined
        ? undefined
        : outcomeRule(options.isLossResult, 'adaptiveLimiter.isLossResult', 'success')
    this.#machine = new AdaptiveMachine(limit, settings, (change) => this.#changed(change), this.clock.now())
  }

  override describe(): PolicyDescription {
    const { queueLimit: queue, ...state } = this.status()
    const mode = this.#shadow ? 'shadow' : 'enforce'
    const options = { algorithm: this.#algorithm, queue, maxWaitMs: bounded(this.#maxWaitMs), mode }
    return { name: this.name, type: 'adaptive-limiter', options, state }
  }

  get [STAGES](): readonly Stage[] {
    return [{ type: 'gate', gate: this }]
  }

  /** How many may run at once now. */
  get limit(): number {
    return this.#machine.limit
  }

  status(): AdaptiveLimiterStatus {
    const { limit, inFlight, queued, queueLimit, rttMs, baselineMs, epoch, stale } = this.#machine
    return { limit, inFlight, queued, queueLimit, rttMs, baselineMs, epoch, stale }
  }

  /** What was learnt, as versioned plain data that outlives the process; see `hydrate`. */
  snapshot(): AdaptiveLimiterStored {
    const { learnt, baselineMs } = this.#machine
    return { version: 1, limit: learnt, ...(baselineMs === undefined ? {} : { baselineMs }) }
  }

  /**
   * Begins with what an earlier process learnt, within the bounds of this one.
   *
   * @throws OptionError when it is not a snapshot of a version that this release knows
   */
  hydrate(stored: unknown): void {
    const { limit, baselineMs } = readStored(stored)
    this.#machine.restore(this.clock.now(), limit, baselineMs)
  }

  /**
   * A place for a caller that cannot wrap a function; never waits. Its `fail` is a loss; what is no loss and no success is
   * left without a verdict.
   *
   * @throws RejectedError when the limit is reached
   */
  acquire(): ManualPermit {
    const now = this.clock.now()
    const permit = this.#shadow ? this.#admitAnyway(now) : this.#machine.tryAcquire(now)
    if (isRejection(permit)) return this.#refuse(permit)
    return new ManualPermit(permit, () => this.clock.now())
  }

  /** @internal */
  enter(execution: LiveExecution): unknown {
    const machine = this.#machine
    const now = execution.now()
    if (this.#shadow) return this.#admitAnyway(now, execution)
    const answer = machine.tryAcquire(now)
    if (!isRejection(answer)) return answer
    if (execution.sync || machine.queued >= machine.queueLimit || execution.deadline <= now)
      return this.#refuse(answer, execution)
    return this.#queue(execution, now, answer)
  }

  #admitAnyway(now: number, execution?: LiveExecution): AdaptivePermit {
    if (this.#machine.full && this.events.active) this.#tell('adaptive-limiter.would-reject', execution)
    return this.#machine.admit(now)
  }

  #queue(execution: LiveExecution, now: number, refused: Refused): Promise<AdaptivePermit> {
    return new Promise((resolve, reject) => {
      const signal = execution.cancellable ? execution.signal : undefined
      if (signal?.aborted) return reject(signal.reason)
      const unlink = (): void => {
        timer?.cancel()
        signal?.removeEventListener('abort', cancelled)
      }
      const leave = (error: unknown): void => {
        timer?.cancel()
        this.#machine.leave(waiter)
        reject(error)
      }
      // Nothing to unlink: the signal has let go of the listener, and looking for it among thousands would cost.
      const cancelled = (): void => leave(signal?.reason)
      const waiter: Waiter = {
        grant: (permit) => {
          unlink()
          resolve(permit)
        },
      }
      const timer =
        this.#maxWaitMs === Number.POSITIVE_INFINITY
          ? undefined
          : new WheelEntry(() => {
              unlink()
              leave(this.#rejection(refused, `no place came free within ${formatDuration(this.#maxWaitMs)}`))
              if (this.events.active) this.#tell('adaptive-limiter.rejected', execution, refused.retryAfterMs)
            })
      if (timer !== undefined) wheelOf(this.clock).add(timer, this.#maxWaitMs, now)
      signal?.addEventListener('abort', cancelled, { once: true })
      this.#machine.wait(waiter)
      if (this.events.active) this.#tell('adaptive-limiter.queued', execution)
    })
  }

  #refuse(refused: Refused, execution?: LiveExecution): never {
    if (this.events.active) this.#tell('adaptive-limiter.rejected', execution, refused.retryAfterMs)
    throw this.#rejection(refused)
  }

  #rejection({ reason, retryAfterMs }: Refused, why = reason): RejectedError {
    const { limit, inFlight, queued } = this.#machine
    return new RejectedError(`concurrency limit reached: ${why}`, {
      code: 'ERR_LIMIT_REACHED',
      policy: this.name,
      retryAfterMs,
      hint: 'The target is as busy as it can be without slowing down. Send less, allow a queue, or raise max where the limit has reached it.',
      details: { limit, inFlight, queued },
    })
  }

  #tell(
    type: 'adaptive-limiter.rejected' | 'adaptive-limiter.would-reject' | 'adaptive-limiter.queued',
    execution: LiveExecution | undefined,
    retryAfterMs?: number,
  ): void {
    const { limit, inFlight, queued } = this.#machine
    const wait = retryAfterMs === undefined ? {} : { retryAfterMs }
    this.events.emit({ ...this.about(execution), type, limit, inFlight, queued, ...wait })
  }

  #changed({ from, to, reason, rttMs, baselineMs }: LimitChange): void {
    if (!this.events.active) return
    const measured = { ...(rttMs === undefined ? {} : { rttMs }), ...(baselineMs === undefined ? {} : { baselineMs }) }
    this.events.emit({ ...this.about(), type: 'adaptive-limiter.changed', from, to, reason, ...measured })
  }

  /** @internal */
  succeeded(permit: unknown, value: unknown, execution: LiveExecution): void {
    // Work that came back after its caller had timed out was lost to the caller.
    const outcome = ranOutOfTime(execution) ? 'failure' : (this.#isLossResult?.(value) ?? 'success')
    this.#release(permit, outcome)
  }

  /** @internal */
  failed(permit: unknown, error: unknown): void {
    this.#release(permit, this.#isLoss(error))
  }

  /** @internal */
  cancelled(permit: unknown, execution: LiveExecution): void {
    this.#release(permit, ranOutOfTime(execution) ? 'failure' : 'neutral')
  }

  #release(permit: unknown, outcome: Outcome): void {
    ;(permit as AdaptivePermit).release(outcome, this.clock.now())
  }
}

/**
 * @throws OptionError for an unknown option, a value out of bounds, or an option that the algorithm does not read
 * @example
 * const limiter = adaptiveLimiter({ max: 100, queue: 20 })
 * await limiter.execute(() => 'answer')
 */
export function adaptiveLimiter(options: AdaptiveLimiterOptions = {}): AdaptiveLimiter {
  return new AdaptiveLimiter(options)
}
