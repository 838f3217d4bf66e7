/**
 * Keeps calls to a rate: rejects what is too much, or lets it wait for its turn. One limit for all, or one per key.
 *
 * Not a limit on what runs at once (that is the bulkhead). The token bucket lets a burst go and then spaces calls evenly; the
 * sliding window allows `limit` in any window and nothing more.
 */

import type { PlainRecord, PolicyDescription } from '../../core/description.ts'
import { type Duration, formatDuration } from '../../core/duration.ts'
import { RateLimitError } from '../../core/errors.ts'
import { reportListenerError } from '../../core/events.ts'
import type { LiveExecution } from '../../core/execution.ts'
import type { Execution } from '../../core/operation.ts'
import { BasePolicy, STAGES } from '../../core/policy.ts'
import type { HeaderSource } from '../../core/retry-after.ts'
import type { Gate, Stage } from '../../core/stage.ts'
import { checkClock, checkDuration, checkInteger, checkKnown, checkName } from '../../core/validate.ts'
import { type Key, Limits } from './limits.ts'
import { describeOptions, type RateLimiterOptions, type ResponseLike, readOptions } from './options.ts'
import type { RateDecision } from './rate-machine.ts'
import { Reservation } from './reservation.ts'
import { type ServerQuota, ServerWords } from './server-words.ts'
import { hydrate, type RateLimiterStored, snapshotOf } from './snapshot.ts'
import { takeTurn } from './take-turn.ts'

export type { RateLimiterOptions } from './options.ts'
export type { ServerQuota } from './server-words.ts'

export interface RateWaitOptions {
  readonly signal?: AbortSignal
  /** Rejected at once when it would take longer. Default: however long. */
  readonly maxWait?: Duration
}

export class RateLimiter extends BasePolicy implements Gate {
  /** The largest cost that can ever be allowed. */
  readonly capacity: number
  readonly #limits: Limits
  readonly #heard: ServerWords
  readonly #cost: number | ((execution: Execution) => number)
  readonly #keyOf: ((execution: Execution) => Key) | undefined
  readonly #maxWaitMs: number
  readonly #options: PlainRecord
  readonly #responseOf: ((outcome: unknown) => ResponseLike | undefined) | undefined
  readonly #shadow: boolean
  /** Nothing to it but to admit or reject, at a cost of 1: the path of most. */
  readonly #plain: boolean

  constructor(options: RateLimiterOptions) {
    const checked = readOptions(options)
    super(checkName(options.name ?? 'rate-limiter', 'rateLimiter.name'), checkClock(options.clock, 'rateLimiter.clock'))
    this.#limits = new Limits(checked.make, checked.maxKeys, checked.maxBlockMs, this.clock)
    this.#heard = new ServerWords(this.#limits, this.clock, (ms, key) => this.#block(ms, key, 'server'))
    this.capacity = this.#limits.all.capacity
    this.#cost = checked.cost
    this.#keyOf = checked.keyOf
    this.#maxWaitMs = checked.maxWaitMs
    this.#responseOf = checked.responseOf
    this.#shadow = checked.shadow
    this.#options = describeOptions(options, checked)
    this.#plain =
      !checked.shadow &&
      checked.maxWaitMs === 0 &&
      checked.responseOf === undefined &&
      checked.keyOf === undefined &&
      checked.cost === 1
  }

  override describe(key?: string): PolicyDescription {
    const { remaining, retryAfterMs } = this.decide(key)
    const blocked = retryAfterMs > 0 ? { retryAfterMs } : {}
    const state = { remaining, ...blocked, waiting: this.waiting(key), keys: this.keys }
    return { name: this.name, type: 'rate-limiter', options: this.#options, state }
  }

  get [STAGES](): readonly Stage[] {
    return [{ type: 'gate', gate: this }]
  }

  /** Keys that are remembered now. */
  get keys(): number {
    return this.#limits.keyed.size
  }

  /** What `consume` would answer; takes nothing. */
  decide(key?: string, cost = 1): RateDecision {
    return this.#limits.peek(key, this.clock.now(), this.#checkCost(cost))
  }

  /** Takes `cost` permits if they are there, and says so. */
  consume(key?: string, cost = 1): RateDecision {
    return this.#limits.take(key, this.clock.now(), this.#checkCost(cost))
  }

  /** Takes `cost` permits now or as soon as they are there, for a call that its caller will make then. */
  reserve(key?: string, cost = 1): Reservation {
    const now = this.clock.now()
    this.#checkCost(cost)
    const machine = this.#limits.machine(key, now)
    const waitMs = machine.reserve(now, cost)
    const { mark } = machine
    return new Reservation(waitMs, Math.ceil(this.clock.wallNow() + waitMs), () =>
      this.#limits.refund(key, now + waitMs, cost, mark),
    )
  }

  /**
   * Waits for its turn, after all who wait already; rejects with the signal's reason when it aborts.
   *
   * @throws RateLimitError when that would take longer than `maxWait`
   */
  async wait(key?: string, cost = 1, options: AbortSignal | RateWaitOptions = {}): Promise<void> {
    if (!(options instanceof AbortSignal)) checkKnown(options, ['signal', 'maxWait'], 'wait')
    const { signal, maxWait } = options instanceof AbortSignal ? { signal: options, maxWait: undefined } : options
    const maxWaitMs = maxWait === undefined ? Number.POSITIVE_INFINITY : checkDuration(maxWait, 'maxWait')
    signal?.throwIfAborted()
    const now = this.clock.now()
    const waitMs = this.#limits.wait(key, now, this.#checkCost(cost))
    if (waitMs > maxWaitMs) throw this.#rejection(waitMs)
    if (waitMs === 0) this.#limits.tryTake(key, now, cost)
    else await takeTurn(this.#limits, { key, cost, now, maxWaitMs, signal }, (ms) => this.#rejection(ms))
  }

  /** How many wait for their turn now. */
  waiting(key?: string): number {
    return this.#limits.waiting(key)
  }

  /** The question as a bot asks it: may this action go now, and if not, how long should it sleep? Takes nothing. */
  shouldThrottle(action: string, cost = 1): { readonly allow: boolean; readonly sleep: number; readonly reason: string } {
    const { allowed, retryAfterMs, remaining } = this.decide(action, cost)
    const reason = allowed ? `${remaining} of ${this.capacity} left` : `none left for ${formatDuration(retryAfterMs)}`
    return { allow: allowed, sleep: retryAfterMs, reason }
  }

  /** Counts a cost that nobody asked for, such as for a failed login; those who wait move back. */
  penalize(key?: string, cost = 1): void {
    this.#checkCost(cost)
    this.#limits.change(key, (machine, now) => machine.penalize(now, cost))
  }

  /** Gives back so much of what was counted, such as for a call that turned out to be free; those who wait move up. */
  reward(key?: string, cost = 1): void {
    this.#checkCost(cost)
    this.#limits.change(key, (machine, now) => machine.reward(now, cost))
  }

  /**
   * Forgets all that was counted, and what `unblock` forgets, as for one who has proven to be in the right. Those who wait move
   * up; places that were reserved ahead count no more.
   */
  reset(key?: string): void {
    this.unblock(key)
    this.#limits.change(key, (machine, now) => machine.load([], now, 0))
  }

  /** Nothing is left as of now; it refills as usual. */
  drain(key?: string): void {
    this.#limits.change(key, (machine, now) => machine.drain(now))
  }

  /** Nothing goes for so long, at most `maxBlock`. A block that ends later stands; `unblock` ends it. */
  block(duration: Duration, key?: string): void {
    this.#block(checkDuration(duration, 'block'), key, 'hand')
  }

  /** Ends a block, and forgets what a server said of its limits. */
  unblock(key?: string): void {
    if (this.#limits.view(key) !== undefined) this.#limits.changeView(key, (view) => view.unblock())
  }

  #block(ms: number, key: Key, by: 'server' | 'hand'): void {
    let retryAfterMs = 0
    this.#limits.changeView(key, (view, now) => {
      view.block(now, ms)
      // As it is in force, which may be less than was asked for, or more.
      retryAfterMs = view.blockedUntil - now
    })
    if (this.events.active)
      this.events.emit({ ...this.about(), ...(key === undefined ? {} : { key }), type: 'rate-limiter.blocked', retryAfterMs, by })
  }

  /**
   * Takes over what a server says of its limits: `RateLimit` and `RateLimit-Policy`, `X-RateLimit-…` in its dialects, and
   * `Retry-After`. Both limits hold then, ours and the server's.
   */
  learn(headers: HeaderSource, key?: string): void {
    this.#heard.learn(headers, key)
  }

  /** `learn` from a response: `Retry-After` counts with a 429 or 503, and a 429 that says nothing leaves nothing. */
  learnFrom(response: ResponseLike, key?: string): void {
    this.#heard.learnFrom(response, key)
  }

  /** What servers said is left, see `learn`; empty when they said nothing that still holds. */
  quotas(key?: string): readonly ServerQuota[] {
    return this.#heard.quotas(key)
  }

  /**
   * What was counted, as versioned plain data that outlives the process; see `hydrate`. Keys with all their permits are left
   * out; of more than `maxKeys` (default 10,000) those stay that would take longest to be whole again.
   */
  snapshot(options: { readonly maxKeys?: number } = {}): RateLimiterStored {
    checkKnown(options, ['maxKeys'], 'snapshot')
    const maxKeys = checkInteger(options.maxKeys ?? 10_000, 'maxKeys', 0)
    return snapshotOf(this.#limits, this.clock.now(), this.clock.wallNow(), maxKeys)
  }

  /**
   * Counts on from what an earlier process had counted, within the bounds of this one. Places that were reserved ahead died
   * with their callers.
   *
   * @throws OptionError when it is not a snapshot of a version that this release knows
   */
  hydrate(stored: unknown): void {
    hydrate(this.#limits, stored, this.clock.now(), this.clock.wallNow())
  }

  #checkCost(cost: number): number {
    return cost === 1 ? 1 : checkInteger(cost, 'cost', 1, this.capacity)
  }

  /** @internal */
  enter(execution: LiveExecution): unknown {
    const now = execution.now()
    if (!this.#plain) return this.#enterOtherwise(execution, now)
    const waitMs = this.#limits.tryTake(execution.key, now, 1)
    return waitMs > 0 ? this.#refused(execution, waitMs) : undefined
  }

  #keyFor(execution: LiveExecution): Key {
    return this.#keyOf === undefined ? execution.key : this.#keyOf(execution)
  }

  #costOf(execution: LiveExecution): number {
    return typeof this.#cost === 'number' ? this.#cost : checkInteger(this.#cost(execution), 'rateLimiter.cost', 0, this.capacity)
  }

  /** May answer with a number: what the server view had counted when this call was, for its response to be learnt from. */
  #enterOtherwise(execution: LiveExecution, now: number): unknown {
    const key = this.#keyFor(execution)
    const cost = this.#costOf(execution)
    const waitMs = cost === 0 ? 0 : this.#limits.wait(key, now, cost)
    if (waitMs === 0) {
      if (cost > 0) this.#limits.tryTake(key, now, cost)
      return this.#sent(key)
    }
    const maxWaitMs = execution.sync ? 0 : this.#maxWaitMs
    if (waitMs > maxWaitMs || now + waitMs >= execution.deadline) {
      if (!this.#shadow) return this.#refused(execution, waitMs)
      if (this.events.active)
        this.events.emit({ ...this.about(execution), type: 'rate-limiter.would-reject', retryAfterMs: waitMs })
      return this.#sent(key)
    }
    if (this.#shadow) {
      this.#limits.machine(key, now).reserve(now, cost)
      if (this.events.active) this.events.emit({ ...this.about(execution), type: 'rate-limiter.would-delay', delayMs: waitMs })
      return this.#sent(key)
    }
    if (this.events.active) this.events.emit({ ...this.about(execution), type: 'rate-limiter.delayed', delayMs: waitMs })
    const signal = execution.cancellable ? execution.signal : undefined
    const waiting = { key, cost, now, maxWaitMs, deadline: execution.deadline, signal }
    return takeTurn(this.#limits, waiting, (ms) => this.#refused(execution, ms))
  }

  #sent(key: Key): number | undefined {
    return this.#responseOf === undefined ? undefined : this.#limits.view(key)?.sent
  }

  #refused(execution: LiveExecution, retryAfterMs: number): RateLimitError {
    if (this.events.active) this.events.emit({ ...this.about(execution), type: 'rate-limiter.rejected', retryAfterMs })
    return this.#rejection(retryAfterMs)
  }

  #rejection(retryAfterMs: number): RateLimitError {
    return new RateLimitError(`rate limit reached: try again in ${formatDuration(retryAfterMs)}`, {
      code: 'ERR_RATE_LIMITED',
      policy: this.name,
      retryAfterMs,
      hint: () => `At most ${this.capacity} may go at once; wait, or raise the limit.`,
    })
  }

  /** @internal */
  succeeded(permit: unknown, value: unknown, execution: LiveExecution): void {
    if (this.#responseOf !== undefined) this.#learnFromOutcome(permit, value, execution)
  }

  /** @internal */
  failed(permit: unknown, error: unknown, execution: LiveExecution): void {
    if (this.#responseOf !== undefined) this.#learnFromOutcome(permit, error, execution)
  }

  #learnFromOutcome(permit: unknown, outcome: unknown, execution: LiveExecution): void {
    try {
      const response = this.#responseOf!(outcome)
      if (response === undefined) return
      this.#heard.learnFrom(response, this.#keyFor(execution), typeof permit === 'number' ? permit : undefined)
    } catch (error) {
      reportListenerError(error, 'rateLimiter.learn')
    }
  }

  /** @internal */
  cancelled(): void {}
}

/**
 * @throws OptionError for an unknown option, a value out of bounds, or an option that does nothing
 * @example
 * const replies = rateLimiter({ limit: 20, per: '1h', burst: 1 })
 * replies.consume('reply_post') // { allowed: true, retryAfterMs: 0, remaining: 0 }
 */
export function rateLimiter(options: RateLimiterOptions): RateLimiter {
  return new RateLimiter(options)
}
