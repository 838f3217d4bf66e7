/**
 * Keeps the calls of several processes together to a rate. The words are those of the local limiter; what has to be asked of a
 * store is promised.
 *
 * Losing the store never fails a call: each process keeps to its share of the limit until it is back.
 */
import type { PolicyDescription } from '../../../core/description.ts'
import { type Duration, formatDuration } from '../../../core/duration.ts'
import { describeError, OptionError, RateLimitError } from '../../../core/errors.ts'
import { reportListenerError } from '../../../core/events.ts'
import type { LiveExecution } from '../../../core/execution.ts'
import { BasePolicy, STAGES } from '../../../core/policy.ts'
import { RecentKeys } from '../../../core/recent-keys.ts'
import type { HeaderSource } from '../../../core/retry-after.ts'
import type { Gate, Stage } from '../../../core/stage.ts'
import { checkDuration, checkInteger } from '../../../core/validate.ts'
import type { ResponseLike } from '../options.ts'
import { readRateLimits } from '../rate-limit-headers.ts'
import type { RateWaitOptions } from '../rate-limiter.ts'
import type { RateDecision } from '../rate-machine.ts'
import { Reservation } from '../reservation.ts'
import { bucketName } from './bucket-name.ts'
import { IdleHands } from './idle-hands.ts'
import { readRules, type SharedRateLimiterOptions, type SharedRules } from './options.ts'
import { SharedBucket } from './shared-bucket.ts'
import { StoreLink } from './store-link.ts'

/** A key that was not used for so long is forgotten here when others come. */
const IDLE_KEY_MS = 600_000

export class SharedRateLimiter extends BasePolicy implements Gate {
  /** The largest cost that can ever be allowed. */
  readonly capacity: number
  readonly #rules: SharedRules
  readonly #link: StoreLink
  /** The limit for all has the key `undefined`, and is of no map. */
  readonly #all: SharedBucket
  readonly #keyed: RecentKeys<SharedBucket>
  readonly #idle: IdleHands

  constructor(options: SharedRateLimiterOptions) {
    const rules = readRules(options)
    super(rules.name, rules.clock)
    this.#rules = rules
    this.capacity = rules.burst
    this.#link = new StoreLink(rules, (trouble) => this.#changed(trouble))
    this.#all = this.#bucket(undefined)
    this.#keyed = new RecentKeys({
      maxKeys: rules.maxKeys,
      idleMs: IDLE_KEY_MS,
      keep: (bucket) => !bucket.isUnused,
      onDrop: (bucket) => bucket.putBack(),
    })
    this.#idle = new IdleHands(rules, () => this.#buckets())
  }

  override describe(key?: string): PolicyDescription {
    const { limit, perMs, burst, strict, shadow, maxWaitMs } = this.#rules
    const { remaining, retryAfterMs } = this.decide(key)
    const blocked = retryAfterMs > 0 ? { retryAfterMs } : {}
    return {
      name: this.name,
      type: 'rate-limiter',
      options: {
        ...{ limit, perMs, burst, maxWaitMs },
        shared: strict ? 'strict' : 'leased',
        mode: shadow ? 'shadow' : 'enforce',
      },
      state: { remaining, ...blocked, keys: this.keys, degraded: this.degraded },
    }
  }

  get [STAGES](): readonly Stage[] {
    return [{ type: 'gate', gate: this }]
  }

  /** True while the store is lost, and this process keeps to its share. */
  get degraded(): boolean {
    return this.#link.lost
  }

  /** Keys that are known here now. */
  get keys(): number {
    return this.#keyed.size
  }

  /** What `consume` would answer, as far as is known here; takes nothing and asks nobody. */
  decide(key?: string, cost = 1): RateDecision {
    const bucket = key === undefined ? this.#all : (this.#keyed.peek(key) ?? this.#bucket(key))
    return bucket.peek(this.clock.now(), this.#checkCost(cost))
  }

  /** Takes `cost` permits if they are there, and says so. */
  async consume(key?: string, cost = 1): Promise<RateDecision> {
    const wait = await this.#admit(key, { cost: this.#checkCost(cost), maxWaitMs: 0, signal: undefined })
    const { remaining } = this.decide(key)
    return { allowed: wait === 0, retryAfterMs: wait, remaining: wait === 0 ? remaining : Math.min(remaining, cost - 1) }
  }

  /** Takes `cost` permits now or as soon as they are there, for a call that its caller will make then. */
  async reserve(key?: string, cost = 1): Promise<Reservation> {
    const now = this.clock.now()
    const caller = { cost: this.#checkCost(cost), maxWaitMs: Number.POSITIVE_INFINITY, deadline: Number.POSITIVE_INFINITY }
    const place = await this.#at(key, now).place(now, caller)
    const { waitMs, giveBack } = place?.granted ? place : this.#at(key, now).ownPlace(this.clock.now(), cost)
    return new Reservation(waitMs, Math.ceil(this.clock.wallNow() + waitMs), () => {
      giveBack()
      return true
    })
  }

  /**
   * Waits for its turn; rejects with the signal's reason when it aborts.
   *
   * @throws RateLimitError when that would take longer than `maxWait`
   */
  async wait(key?: string, cost = 1, options: AbortSignal | RateWaitOptions = {}): Promise<void> {
    const { signal, maxWait } = options instanceof AbortSignal ? { signal: options, maxWait: undefined } : options
    const maxWaitMs = maxWait === undefined ? Number.POSITIVE_INFINITY : checkDuration(maxWait, 'maxWait')
    signal?.throwIfAborted()
    const wait = await this.#admit(key, { cost: this.#checkCost(cost), maxWaitMs, signal })
    if (wait > 0) throw this.#rejection(wait)
  }

  /** The question as a bot asks it, see the local limiter. Takes nothing. */
  shouldThrottle(action: string, cost = 1): { readonly allow: boolean; readonly sleep: number; readonly reason: string } {
    const { allowed, retryAfterMs, remaining } = this.decide(action, cost)
    const reason = allowed ? `${remaining} of ${this.capacity} left` : `none left for ${formatDuration(retryAfterMs)}`
    return { allow: allowed, sleep: retryAfterMs, reason }
  }

  /** Nothing goes for so long, at most `maxBlock`, in any process. A block that ends later stands. */
  block(duration: Duration, key?: string): void {
    this.#block(checkDuration(duration, 'block'), key, 'hand')
  }

  /** Takes over what a server says of its limits, where it says that nothing is left, or when to come again. */
  learn(headers: HeaderSource, key?: string): void {
    this.#learn(headers, key)
  }

  /** `learn` from a response: `Retry-After` counts with a 429 or 503, and a 429 that says nothing stops the next. */
  learnFrom({ status, statusCode = status, headers = {} }: ResponseLike, key?: string): void {
    const refused = statusCode === 429 || statusCode === 503
    const told = this.#learn(headers, key, refused)
    if (statusCode === 429 && !told) this.#block(this.#rules.perMs / this.#rules.limit, key, 'server')
  }

  #learn(headers: HeaderSource, key: string | undefined, obeyed = true): boolean {
    const { quotas, retryAfterMs } = readRateLimits(headers, this.clock.wallNow())
    const resets = quotas.flatMap(({ remaining, resetMs }) => (remaining === 0 && resetMs !== undefined ? [resetMs] : []))
    const ms = Math.max(0, ...resets, obeyed ? (retryAfterMs ?? 0) : 0)
    if (ms > 0) this.#block(ms, key, 'server')
    return ms > 0
  }

  #block(ms: number, key: string | undefined, by: 'server' | 'hand'): void {
    const retryAfterMs = Math.min(ms, this.#rules.maxBlockMs)
    const now = this.clock.now()
    this.#at(key, now).block(now, retryAfterMs)
    if (this.events.active)
      this.events.emit({ ...this.about(), ...(key === undefined ? {} : { key }), type: 'rate-limiter.blocked', retryAfterMs, by })
  }

  /** Gives back what is in hand. The limiter may be used again. */
  async close(): Promise<void> {
    this.#idle.stop()
    for (const bucket of this.#buckets()) bucket.putBack()
    this.#link.leave()
    await this.#link.settled()
  }

  *#buckets(): Generator<SharedBucket> {
    yield this.#all
    for (const [, bucket] of this.#keyed) yield bucket
  }

  #bucket(key: string | undefined): SharedBucket {
    return new SharedBucket(bucketName(this.name, key), this.#rules, this.#link)
  }

  #at(key: string | undefined, now: number): SharedBucket {
    if (key === undefined) return this.#all
    const known = this.#keyed.use(key, now)
    if (known !== undefined) return known
    const bucket = this.#bucket(key)
    this.#keyed.add(key, bucket, now)
    return bucket
  }

  #admit(
    key: string | undefined,
    caller: { readonly cost: number; readonly maxWaitMs: number; readonly signal: AbortSignal | undefined },
  ): number | Promise<number> {
    this.#idle.watch()
    const now = this.clock.now()
    return this.#at(key, now).admit(now, { ...caller, deadline: Number.POSITIVE_INFINITY })
  }

  #checkCost(cost: number): number {
    return cost === 1 ? 1 : checkInteger(cost, 'cost', 1, this.capacity)
  }

  /** @internal */
  enter(execution: LiveExecution): unknown {
    const { keyOf, maxWaitMs, shadow } = this.#rules
    const cost = this.#costOf(execution)
    if (cost === 0) return undefined
    const now = execution.now()
    const bucket = this.#at(keyOf(execution), now)
    this.#idle.watch()
    if (shadow) return this.#watch(execution, bucket, now, cost)
    if (execution.sync) return this.#enterNow(execution, bucket.admitNow(now, cost))
    const signal = execution.cancellable ? execution.signal : undefined
    const onWait = (delayMs: number): boolean => {
      if (this.events.active) this.events.emit({ ...this.about(execution), type: 'rate-limiter.delayed', delayMs })
      return true
    }
    const wait = bucket.admit(now, { cost, maxWaitMs, deadline: execution.deadline, signal, onWait })
    if (typeof wait === 'number') return wait > 0 ? this.#refused(execution, wait) : undefined
    return wait.then((ms) => {
      if (ms > 0) throw this.#refused(execution, ms)
    })
  }

  /** The shadow mode: the call goes now. What it would have met is told when that is known, which may be after its end. */
  #watch(execution: LiveExecution, bucket: SharedBucket, now: number, cost: number): undefined {
    const { deadline, sync } = execution
    const onWait = (delayMs: number): boolean => {
      if (this.events.active) this.events.emit({ ...this.about(execution), type: 'rate-limiter.would-delay', delayMs })
      return false
    }
    const tell = (retryAfterMs: number): void => {
      if (retryAfterMs > 0 && this.events.active)
        this.events.emit({ ...this.about(execution), type: 'rate-limiter.would-reject', retryAfterMs })
    }
    const maxWaitMs = sync ? 0 : this.#rules.maxWaitMs
    const wait = bucket.admit(now, { cost, maxWaitMs, deadline, signal: undefined, onWait })
    if (typeof wait === 'number') tell(wait)
    else void wait.then(tell)
  }

  #enterNow(execution: LiveExecution, wait: number | undefined): unknown {
    if (wait === 0) return undefined
    if (wait === undefined && this.#rules.strict)
      throw new OptionError(
        'executeSync',
        "cannot ask a store, whose answer has to be awaited; use execute, or shared: 'leased'",
        this.name,
      )
    return this.#refused(execution, wait ?? this.#rules.storeTimeoutMs)
  }

  #costOf(execution: LiveExecution): number {
    const { cost } = this.#rules
    return typeof cost === 'number' ? cost : checkInteger(cost(execution), 'sharedRateLimiter.cost', 0, this.capacity)
  }

  #refused(execution: LiveExecution, retryAfterMs: number): RateLimitError {
    if (this.events.active) this.events.emit({ ...this.about(execution), type: 'rate-limiter.rejected', retryAfterMs })
    return this.#rejection(retryAfterMs)
  }

  #rejection(retryAfterMs: number): RateLimitError {
    return new RateLimitError(`shared rate limit reached: try again in ${formatDuration(retryAfterMs)}`, {
      code: 'ERR_RATE_LIMITED',
      policy: this.name,
      retryAfterMs,
      hint: () => `At most ${this.capacity} may go at once, in all processes together; wait, or raise the limit.`,
    })
  }

  #changed(trouble: unknown): void {
    if (trouble === undefined) for (const bucket of this.#buckets()) bucket.restored()
    if (!this.events.active) return
    if (trouble === undefined) this.events.emit({ ...this.about(), type: 'rate-limiter.restored' })
    else
      this.events.emit({
        ...this.about(),
        type: 'rate-limiter.degraded',
        processes: this.#link.processes,
        error: describeError(trouble),
      })
  }

  /** @internal */
  succeeded(_permit: unknown, value: unknown, execution: LiveExecution): void {
    if (this.#rules.responseOf !== undefined) this.#learnFromOutcome(value, execution)
  }

  /** @internal */
  failed(_permit: unknown, error: unknown, execution: LiveExecution): void {
    if (this.#rules.responseOf !== undefined) this.#learnFromOutcome(error, execution)
  }

  #learnFromOutcome(outcome: unknown, execution: LiveExecution): void {
    try {
      const response = this.#rules.responseOf!(outcome)
      if (response !== undefined) this.learnFrom(response, this.#rules.keyOf(execution))
    } catch (error) {
      reportListenerError(error, 'sharedRateLimiter.learn')
    }
  }

  /** @internal */
  cancelled(): void {}
}

/**
 * @throws OptionError for an unknown option, a value out of bounds, or an option that does nothing
 * @example
 * // given state
 * const replies = sharedRateLimiter({ state, name: 'replies', limit: 20, per: '1h', burst: 1 })
 * await replies.execute(() => 'posted', { key: 'ada' })
 */
export function sharedRateLimiter(options: SharedRateLimiterOptions): SharedRateLimiter {
  return new SharedRateLimiter(options)
}
