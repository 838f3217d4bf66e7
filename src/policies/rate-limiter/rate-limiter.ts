/**
 * Keeps calls to a rate: rejects what is too much, or lets it wait for its turn. One limit for all, or one per key.
 *
 * Not a limit on what runs at once (that is the bulkhead). The token bucket lets a burst go and then spaces calls evenly; the
 * sliding window allows `limit` in any window and nothing more.
 */
import { type Clock, sleep, systemClock } from '../../core/clock.ts'
import { type Duration, formatDuration } from '../../core/duration.ts'
import { OptionError, RejectedError } from '../../core/errors.ts'
import type { LiveExecution } from '../../core/execution.ts'
import { BasePolicy, STAGES } from '../../core/policy.ts'
import type { Gate, Stage } from '../../core/stage.ts'
import { checkDuration, checkInteger, checkKnown, checkName, checkNumber, checkOneOf } from '../../core/validate.ts'
import { KeyedMachines } from './keyed.ts'
import { type RateDecision, type RateMachine, SlidingWindow, TokenBucket } from './machine.ts'

export interface RateLimiterOptions {
  /** So many calls … */
  readonly limit: number
  /** … in this time. */
  readonly per: Duration
  /** How many may go at once after a pause; token bucket only. Default: `limit`. */
  readonly burst?: number
  /** Default `'token-bucket'`. */
  readonly algorithm?: 'token-bucket' | 'sliding-window'
  /** A call waits up to this long for its turn; a longer wait is rejected. Default 0: reject at once. */
  readonly maxWait?: Duration
  /** At most so many keys are remembered. Default 1,000,000. */
  readonly maxKeys?: number
  /** Default `'rate-limiter'`. */
  readonly name?: string
  readonly clock?: Clock
}

const KNOWN = ['limit', 'per', 'burst', 'algorithm', 'maxWait', 'maxKeys', 'name', 'clock'] as const

export class RateLimiter extends BasePolicy implements Gate {
  readonly capacity: number
  readonly #all: RateMachine
  readonly #keyed: KeyedMachines
  readonly #maxWait: number

  constructor(options: RateLimiterOptions) {
    checkKnown(options, KNOWN, 'rateLimiter')
    super(checkName(options.name ?? 'rate-limiter', 'rateLimiter.name'), options.clock ?? systemClock)
    const algorithm = checkOneOf(options.algorithm ?? 'token-bucket', 'rateLimiter.algorithm', ['token-bucket', 'sliding-window'])
    const per = checkDuration(options.per, 'rateLimiter.per', 1)
    let make: () => RateMachine
    if (algorithm === 'sliding-window') {
      if (options.burst !== undefined)
        throw new OptionError('rateLimiter.burst', "does nothing with algorithm 'sliding-window'", options.burst)
      const limit = checkInteger(options.limit, 'rateLimiter.limit', 1, 10_000_000)
      make = () => new SlidingWindow(limit, per)
    } else {
      const limit = checkNumber(options.limit, 'rateLimiter.limit', 1e-9)
      const burst = checkInteger(options.burst ?? Math.max(1, Math.floor(limit)), 'rateLimiter.burst', 1)
      make = () => new TokenBucket(limit, per, burst)
    }
    this.#all = make()
    this.capacity = this.#all.capacity
    this.#keyed = new KeyedMachines(make, checkInteger(options.maxKeys ?? 1_000_000, 'rateLimiter.maxKeys', 1))
    this.#maxWait = checkDuration(options.maxWait ?? 0, 'rateLimiter.maxWait')
  }

  get [STAGES](): readonly Stage[] {
    return [{ type: 'gate', gate: this }]
  }

  /** Keys that are remembered now. */
  get keys(): number {
    return this.#keyed.size
  }

  /** What `consume` would answer; takes nothing. */
  decide(key?: string, cost = 1): RateDecision {
    const now = this.clock.now()
    return this.#machine(key, now).peek(now, this.#checkCost(cost))
  }

  /** Takes `cost` permits if they are there, and says so. */
  consume(key?: string, cost = 1): RateDecision {
    const now = this.clock.now()
    return this.#machine(key, now).take(now, this.#checkCost(cost))
  }

  /** Takes `cost` permits now or as soon as they are there; answers how long the caller must wait before its call, in ms. */
  reserve(key?: string, cost = 1): number {
    const now = this.clock.now()
    return this.#machine(key, now).reserve(now, this.#checkCost(cost))
  }

  /** Waits for its turn, however long; rejects with the signal's reason when it aborts. */
  async wait(key?: string, cost = 1, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    const now = this.clock.now()
    const machine = this.#machine(key, now)
    const delayMs = machine.reserve(now, this.#checkCost(cost))
    if (delayMs > 0) await this.#turn(machine, now + delayMs, cost, delayMs, signal)
  }

  /** Sleeps until a reserved place; who cancels gives it back. */
  async #turn(machine: RateMachine, at: number, cost: number, delayMs: number, signal: AbortSignal | undefined): Promise<void> {
    try {
      await sleep(this.clock, delayMs, signal)
    } catch (reason) {
      machine.refund(at, cost)
      throw reason
    }
  }

  /** The question as a bot asks it: may this action go now, and if not, how long should it sleep? Takes nothing. */
  shouldThrottle(action: string, cost = 1): { readonly allow: boolean; readonly sleep: number; readonly reason: string } {
    const { allowed, retryAfterMs, remaining } = this.decide(action, cost)
    const reason = allowed ? `${remaining} of ${this.capacity} left` : `none left for ${formatDuration(retryAfterMs)}`
    return { allow: allowed, sleep: retryAfterMs, reason }
  }

  #machine(key: string | undefined, now: number): RateMachine {
    return key === undefined ? this.#all : this.#keyed.at(key, now)
  }

  #checkCost(cost: number): number {
    return cost === 1 ? 1 : checkInteger(cost, 'cost', 1, this.capacity)
  }

  /** @internal */
  enter(execution: LiveExecution): unknown {
    const now = execution.now()
    const machine = this.#machine(execution.key, now)
    if (this.#maxWait > 0 && !execution.sync) return this.#enterWaiting(machine, execution, now)
    const wait = machine.tryTake(now, 1)
    if (wait > 0) this.#reject(execution, wait)
    return undefined
  }

  /** Refuses at once what could not start in time, and takes nothing for it. */
  #enterWaiting(machine: RateMachine, execution: LiveExecution, now: number): unknown {
    const { retryAfterMs: delayMs } = machine.peek(now, 1)
    if (delayMs > this.#maxWait || now + delayMs >= execution.deadline) this.#reject(execution, delayMs)
    machine.reserve(now, 1)
    if (delayMs === 0) return undefined
    if (this.events.active) this.events.emit({ ...this.about(execution), type: 'rate-limiter.delayed', delayMs })
    return this.#turn(machine, now + delayMs, 1, delayMs, execution.cancellable ? execution.signal : undefined)
  }

  #reject(execution: LiveExecution, retryAfterMs: number): never {
    if (this.events.active) this.events.emit({ ...this.about(execution), type: 'rate-limiter.rejected', retryAfterMs })
    throw new RejectedError(`rate limit reached: try again in ${formatDuration(retryAfterMs)}`, {
      code: 'ERR_RATE_LIMITED',
      policy: this.name,
      retryAfterMs,
      hint: `At most ${this.capacity} may go at once; wait, or raise the limit.`,
    })
  }

  /** @internal */
  succeeded(): void {}

  /** @internal */
  failed(): void {}

  /** @internal */
  cancelled(): void {}
}

/**
 * @throws OptionError for an unknown option, a value out of bounds, or a burst that does nothing
 * @example
 * const replies = rateLimiter({ limit: 20, per: '1h', burst: 1 })
 * replies.consume('reply_post') // { allowed: true, retryAfterMs: 0, remaining: 0 }
 */
export function rateLimiter(options: RateLimiterOptions): RateLimiter {
  return new RateLimiter(options)
}
