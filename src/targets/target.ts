/**
 * A target: the named thing that you call. It owns its policies, its breaker, its limits, its pause, and says of itself how it
 * is and what it would admit.
 */
import type { Clock } from '../core/clock.ts'
import { describeError, type ErrorSummary, TimeoutError } from '../core/errors.ts'
import { EventBus, type Listener, type Observable, type Unobserve } from '../core/events.ts'
import type { ExecuteOptions, Execution, Operation } from '../core/operation.ts'
import { compose, type Policy } from '../core/policy.ts'
import type { BreakerStatus, CircuitBreaker } from '../policies/circuit-breaker/circuit-breaker.ts'
import { SharedRateLimiter } from '../policies/rate-limiter/shared/shared-rate-limiter.ts'
import { type TargetAdmission, Threshold } from './admission.ts'
import { FailedCallers } from './failed-callers.ts'
import { faultOf, throttledFor } from './faults.ts'
import { placesOf } from './places.ts'
import { policiesOf, type TargetDependencies, type TargetOptions, type TargetPolicies } from './settings.ts'
import { Witness } from './witness.ts'

export interface TargetSnapshot {
  readonly name: string
  readonly breaker: BreakerStatus | undefined
  readonly limiter: { readonly available: number; readonly capacity: number; readonly nextAt: number | undefined } | undefined
  readonly bulkhead: { readonly inFlight: number; readonly limit: number; readonly queued: number } | undefined
  /** Epoch ms; `Infinity` until resumed; undefined when it is not paused. */
  readonly pausedUntil: number | undefined
  /** Epoch ms; undefined when it is not paused. */
  readonly pausedSince: number | undefined
  readonly inFlight: number
  readonly successes: number
  readonly failures: number
  readonly lastError: (ErrorSummary & { readonly at: number }) | undefined
}

export interface AttemptOptions extends ExecuteOptions {
  /** Who calls, such as a job's id: several callers failing are an outage, one is its own trouble. */
  readonly caller?: string
}

/** How long before its breaker opens a failure counts as part of the same outage. */
const EVIDENCE_MS = 10_000
/** What a 429 adds to what is in force is told from so many ms: calls in flight are all answered with one. */
const NEWS_MS = 1000

export class Target implements Observable {
  readonly name: string
  /** Everything, the retry included: for direct calls. */
  readonly policy: Policy
  /** Without the retry: for durable work, which retries by itself. */
  readonly attemptPolicy: Policy
  readonly #policies: TargetPolicies
  readonly #clock: Clock
  readonly #events = new EventBus()
  readonly #threshold: Threshold
  readonly #failed = new FailedCallers()
  readonly #witness = new Witness()
  #inFlight = 0
  #successes = 0
  #failures = 0
  #usedAt: number
  #lastError: TargetSnapshot['lastError']
  #outageSince: number | undefined

  constructor(name: string, options: TargetOptions, dependencies: TargetDependencies) {
    this.name = name
    this.#clock = dependencies.clock
    this.#usedAt = dependencies.clock.now()
    const policies = policiesOf(options, name, dependencies)
    this.#policies = policies
    this.#threshold = new Threshold(policies, dependencies.clock)
    const attempt = [policies.breaker, policies.timeout, policies.bulkhead, policies.limiter].filter(isGiven)
    this.attemptPolicy = compose(...attempt)
    this.policy = policies.retry === undefined ? this.attemptPolicy : compose(policies.retry, ...attempt)
    this.policy.observe((event) => {
      if (event.type === 'circuit-breaker.changed' && event.from === 'closed') this.#noteOutage(event.to === 'open')
      if (this.#events.active) this.#events.emit({ ...event, target: name })
    })
  }

  /** Runs a call under all policies of this target. */
  execute<T>(operation: Operation<T>, options?: ExecuteOptions): Promise<T> {
    return this.#run(this.policy, operation, options)
  }

  /** One attempt of durable work, without the target's retry. */
  executeAttempt<T>(operation: Operation<T>, { caller, ...options }: AttemptOptions = {}): Promise<T> {
    return this.#run(this.attemptPolicy, operation, options, caller)
  }

  async #run<T>(policy: Policy, operation: Operation<T>, options?: ExecuteOptions, caller?: string): Promise<T> {
    const startedAt = this.#clock.now()
    this.#usedAt = startedAt
    this.#inFlight++
    let attempts = 0
    try {
      const value = await policy.execute((execution) => {
        attempts = execution.attempt
        return this.#attempt(operation, execution, options?.signal, caller)
      }, options)
      this.#successes++
      this.#tell({ type: 'execution.succeeded', durationMs: this.#clock.now() - startedAt, attempts }, options)
      return value
    } catch (error) {
      const durationMs = this.#clock.now() - startedAt
      if (options?.signal?.aborted) this.#tell({ type: 'execution.cancelled', durationMs }, options)
      else if (attempts > 0) {
        this.#failures++
        // A timeout of the target's own rejects before the operation does, if that one ever does.
        if (error instanceof TimeoutError) this.#learn(error, caller)
        this.#lastError = { ...describeError(error), at: this.#clock.wallNow() }
        this.#tell({ type: 'execution.failed', durationMs, attempts, error: describeError(error) }, options)
      }
      throw error
    } finally {
      this.#inFlight--
    }
  }

  /** Learns from each attempt what the gates cannot: who failed, and how long everybody is asked to stay away. */
  async #attempt<T>(
    operation: Operation<T>,
    execution: Execution,
    signal: AbortSignal | undefined,
    caller: string | undefined,
  ): Promise<T> {
    try {
      const value = await operation(execution)
      this.#answered()
      return value
    } catch (error) {
      if (!signal?.aborted) this.#learn(error, caller)
      throw error
    }
  }

  #learn(error: unknown, caller: string | undefined): void {
    const fault = faultOf(error)
    if (fault === 'failure') {
      this.#failed.add(caller, this.#clock.wallNow())
      this.#witness.failed()
    } else if (fault === 'success') this.#answered()
    const ms = throttledFor(error, this.#clock.wallNow())
    if (ms !== undefined) this.throttle(ms)
  }

  #answered(): void {
    this.#failed.clear()
    this.#witness.answered(this.#clock.now())
  }

  /** Holds its work for so long, as the target asked with a 429. A shorter time never shortens a longer one. */
  throttle(ms: number): void {
    const isNews = ms - this.#threshold.throttledMs >= NEWS_MS
    this.#threshold.throttle(ms)
    if (isNews) this.#tell({ type: 'rate-limiter.blocked', retryAfterMs: ms, by: 'server' }, undefined)
  }

  /** What failed shortly before the breaker opened is part of the evidence, even if other calls succeeded in between. */
  #noteOutage(isOutage: boolean): void {
    const latest = this.#clock.wallNow() - EVIDENCE_MS
    this.#outageSince = isOutage ? Math.floor(Math.min(this.#failed.since ?? latest, latest)) : undefined
  }

  /** Would it admit a call now? Uses up nothing. */
  admit(): TargetAdmission {
    return this.#threshold.admit()
  }

  /** Its breaker, for whoever steers it by other means; undefined when it has none. */
  get breaker(): CircuitBreaker | undefined {
    return this.#policies.breaker
  }

  /** True when calls go through, and one has lately been answered. */
  get isAnswering(): boolean {
    return !this.isOpen && this.#witness.isSure(this.#clock.now())
  }

  /** When it answered last, monotonic ms; `-Infinity` for never. */
  get answeredAt(): number {
    return this.#witness.answeredAt
  }

  /** Takes it for down because of others, until it answers; see `isDown`. */
  assumeOutage(): void {
    this.#failed.assumeSeveral()
  }

  /** True when its breaker is not closed and several callers have failed since it last answered: an outage, not poison. */
  get isDown(): boolean {
    return this.isOpen && this.#failed.several
  }

  /**
   * When the outage began for which its breaker opened last, in epoch ms: at the first failure since the target last answered,
   * and at least 10 s before the opening. Undefined when it never opened, or was isolated by hand since. Stays when it closes.
   */
  get outageSince(): number | undefined {
    return this.#outageSince
  }

  /** True when its breaker does not admit normally. */
  get isOpen(): boolean {
    const state = this.#policies.breaker?.state
    return state === 'open' || state === 'half-open' || state === 'isolated'
  }

  /** Holds everything; `until` is epoch ms, absent until resumed. Direct calls are not held, only work. */
  pause(until?: number): void {
    this.#threshold.pause(until)
  }

  get isPaused(): boolean {
    return this.#threshold.pausedUntil !== undefined
  }

  resume(): void {
    this.#threshold.resume()
  }

  /** Rejects every call until `reset`. Does nothing without a breaker. */
  isolate(reason?: string): void {
    this.#policies.breaker?.isolate(reason)
  }

  /** Closes the breaker and lifts what a 429 had asked for. */
  reset(reason?: string): void {
    this.#failed.clear()
    this.#threshold.forgive()
    this.#policies.breaker?.reset(reason)
  }

  observe(listener: Listener): Unobserve {
    return this.#events.observe(listener)
  }

  snapshot(): TargetSnapshot {
    const { breaker, limiter, bulkhead } = this.#policies
    const rate = limiter?.decide()
    const wait = rate?.retryAfterMs ?? 0
    return {
      name: this.name,
      breaker: breaker?.status(),
      limiter: limiter && {
        available: rate?.remaining ?? 0,
        capacity: limiter.capacity,
        nextAt: wait > 0 ? Math.ceil(this.#clock.wallNow() + wait) : undefined,
      },
      bulkhead: bulkhead && placesOf(bulkhead),
      pausedUntil: this.#threshold.pausedUntil,
      pausedSince: this.#threshold.pausedSince,
      inFlight: this.#inFlight,
      successes: this.#successes,
      failures: this.#failures,
      lastError: this.#lastError,
    }
  }

  /** Gives back what it has of limits that are shared. It may be used again. */
  async close(): Promise<void> {
    const { limiter } = this.#policies
    if (limiter instanceof SharedRateLimiter) await limiter.close()
  }

  /** What outlives the process, as versioned JSON. */
  store(): TargetStored {
    const { pausedUntil: until, pausedSince: since } = this.#threshold
    return {
      version: 1,
      breaker: this.#policies.breaker?.snapshot() ?? null,
      outage: this.isDown,
      ...(this.#outageSince === undefined ? {} : { outageSince: this.#outageSince }),
      paused:
        until === undefined ? null : { until: Number.isFinite(until) ? until : null, ...(since === undefined ? {} : { since }) },
    }
  }

  /** Goes on from what `store` gave; what it cannot read is ignored, since a target must work all the same. */
  restore(stored: unknown): void {
    const { version, breaker, outage, outageSince, paused } = (stored ?? {}) as Partial<TargetStored>
    if (version !== 1) return
    if (paused) {
      const [until, since] = [paused.until, paused.since].map((at) => (typeof at === 'number' ? at : undefined))
      this.#threshold.pause(until, since)
    }
    if (!breaker || this.#policies.breaker === undefined) return
    try {
      this.#policies.breaker.hydrate(breaker)
    } catch {
      return
    }
    if (outage) this.#failed.assumeSeveral()
    if (typeof outageSince === 'number') this.#outageSince = outageSince
  }

  /** False when `store` would tell nothing: not paused, and a closed breaker or none. */
  get isWorthStoring(): boolean {
    const state = this.#policies.breaker?.state ?? 'closed'
    return state !== 'closed' || this.#threshold.pausedUntil !== undefined
  }

  /** True when nothing would be lost by forgetting it: not used for `ms`, not in flight, nothing to store, no limit in use. */
  isIdle(ms: number): boolean {
    const unused = this.#clock.now() - this.#usedAt >= ms
    return unused && this.#inFlight === 0 && !this.isWorthStoring && this.#threshold.isUntouched
  }

  #tell(story: object, options: ExecuteOptions | undefined): void {
    if (!this.#events.active) return
    const { operation, id } = options ?? {}
    const about = { at: this.#clock.wallNow(), target: this.name, ...(operation && { operation }), ...(id && { execution: id }) }
    this.#events.emit({ ...about, ...story } as never)
  }
}

export interface TargetStored {
  readonly version: 1
  readonly breaker: unknown
  /** Absent in what earlier releases stored. */
  readonly outage?: boolean
  /** Epoch ms. */
  readonly outageSince?: number
  /** Epoch ms; earlier releases stored no `since`. */
  readonly paused: { readonly until: number | null; readonly since?: number } | null
}

function isGiven<T>(value: T | undefined): value is T {
  return value !== undefined
}
