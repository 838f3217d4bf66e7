/**
 * Calls again after a failure, with growing, jittered waits, as long as that can still succeed in time.
 *
 * Not for operations that must not happen twice, unless the target recognises repeats by a key; and not without a timeout
 * inside, or a hung attempt is never retried.
 *
 * The last error itself is rethrown; every attempt's error is on `attemptsOf(error)` and in the events.
 */
import { type Clock, systemClock } from '../../core/clock.ts'
import type { Duration } from '../../core/duration.ts'
import { describeError, HoldfastError } from '../../core/errors.ts'
import type { LiveExecution } from '../../core/execution.ts'
import { BasePolicy, STAGES } from '../../core/policy.ts'
import { type Random, systemRandom } from '../../core/random.ts'
import { isRetryable } from '../../core/retryable.ts'
import type { RetryFailure, RetrySession, RetryStage, Stage } from '../../core/stage.ts'
import { checkDuration, checkFunction, checkInteger, checkKnown, checkName, checkOneOf } from '../../core/validate.ts'
import { type Backoff, type BackoffOptions, backoff, type GiveUpReason } from './machine.ts'

export interface RetryOptions {
  /** All attempts, the first call included. `Infinity` is allowed when `maxElapsed` bounds it. Default 3. */
  readonly maxAttempts?: number
  /** No attempt begins later than this after the call began. Default: no bound. */
  readonly maxElapsed?: Duration
  /** The rule for the waits, or a function that gives each wait. */
  readonly backoff?: BackoffOptions | ((attempt: number, error: unknown) => Duration)
  /** Which errors are retried. Default `isRetryable`. */
  readonly retryIf?: (error: unknown, attempt: number) => boolean
  /** Which results count as failures and are retried; when attempts run out the last result is returned. Default: none. */
  readonly retryResult?: (value: unknown) => boolean
  /**
   * What a `retryAfterMs` of the error may do to the wait: it replaces the backoff, up to this long; a longer one ends the
   * retrying now. `0` ignores it. Default 60 s.
   */
  readonly retryAfterMax?: Duration
  /** `'last-error'` rethrows it; `'wrap'` throws `RetriesExhaustedError` with it as the cause. Default `'last-error'`. */
  readonly exhausted?: 'last-error' | 'wrap'
  /** Default `'retry'`. */
  readonly name?: string
  readonly clock?: Clock
  readonly random?: Random
}

const KNOWN = [
  'maxAttempts',
  'maxElapsed',
  'backoff',
  'retryIf',
  'retryResult',
  'retryAfterMax',
  'exhausted',
  'name',
  'clock',
  'random',
] as const

/** All attempts failed; only with `exhausted: 'wrap'`. The cause is the last error. */
export class RetriesExhaustedError extends HoldfastError {
  readonly attempts: number

  constructor(attempts: number, policy: string, cause: unknown) {
    super(`failed after ${attempts} attempts: ${describeError(cause).message}`, { code: 'ERR_RETRIES_EXHAUSTED', policy, cause })
    this.attempts = attempts
  }
}
RetriesExhaustedError.prototype.name = 'RetriesExhaustedError'

const histories = new WeakMap<object, readonly unknown[]>()

/** The errors of all attempts that led to this one, oldest first; empty when it did not come out of a retry. */
export function attemptsOf(error: unknown): readonly unknown[] {
  return (typeof error === 'object' && error !== null && histories.get(error)) || []
}

export class Retry extends BasePolicy implements RetryStage {
  readonly maxAttempts: number
  /** @internal */
  readonly settings: {
    readonly maxElapsed: number
    readonly delay: (attempt: number, previous: number, error: unknown) => number
    readonly retryIf: (error: unknown, attempt: number) => boolean
    readonly retryAfterMax: number
    readonly wrap: boolean
  }
  readonly rejectsResult: ((value: unknown) => boolean) | undefined

  constructor(options: RetryOptions = {}) {
    checkKnown(options, KNOWN, 'retry')
    super(checkName(options.name ?? 'retry', 'retry.name'), options.clock ?? systemClock)
    const unbounded = options.maxAttempts === Number.POSITIVE_INFINITY && options.maxElapsed !== undefined
    this.maxAttempts = unbounded ? Number.POSITIVE_INFINITY : checkInteger(options.maxAttempts ?? 3, 'retry.maxAttempts', 1)
    const random = options.random ?? systemRandom
    this.rejectsResult = options.retryResult && checkFunction(options.retryResult, 'retry.retryResult')
    this.settings = Object.freeze({
      maxElapsed:
        options.maxElapsed === undefined ? Number.POSITIVE_INFINITY : checkDuration(options.maxElapsed, 'retry.maxElapsed'),
      delay: delayRule(options.backoff, random),
      retryIf: checkFunction(options.retryIf ?? isRetryable, 'retry.retryIf'),
      retryAfterMax: checkDuration(options.retryAfterMax ?? 60_000, 'retry.retryAfterMax'),
      wrap: checkOneOf(options.exhausted ?? 'last-error', 'retry.exhausted', ['last-error', 'wrap']) === 'wrap',
    })
  }

  get [STAGES](): readonly Stage[] {
    return [{ type: 'retry', retry: this }]
  }

  /** @internal */
  get timed(): boolean {
    return this.events.active || this.settings.maxElapsed !== Number.POSITIVE_INFINITY
  }

  /** @internal */
  begin(execution: LiveExecution, startedAt: number | undefined): RetrySession {
    return new Session(this, startedAt ?? execution.clock.now())
  }

  /** @internal */
  scheduled(execution: LiveExecution, attempt: number, elapsedMs: number, delayMs: number, error: unknown): void {
    if (!this.events.active) return
    const story = { attempt, elapsedMs, delayMs, error: describeError(error) }
    this.events.emit({ ...this.about(execution), type: 'retry.scheduled', ...story })
  }

  /** @internal */
  gaveUp(execution: LiveExecution, attempt: number, elapsedMs: number, reason: GiveUpReason, error: unknown): void {
    if (!this.events.active) return
    const story = { attempt, elapsedMs, reason, error: describeError(error) }
    this.events.emit({ ...this.about(execution), type: 'retry.gave-up', ...story })
  }
}

function delayRule(rule: RetryOptions['backoff'], random: Random): Retry['settings']['delay'] {
  if (typeof rule === 'function') return (attempt, _previous, error) => checkDuration(rule(attempt, error), 'retry.backoff()')
  const delay: Backoff = backoff(rule, 'retry.backoff')
  return (attempt, previous) => delay(attempt, previous, random)
}

class Session implements RetrySession {
  readonly #retry: Retry
  readonly #startedAt: number
  readonly #errors: unknown[] = []
  #previousDelay = 0

  constructor(retry: Retry, startedAt: number) {
    this.#retry = retry
    this.#startedAt = startedAt
  }

  next(attempt: number, failure: RetryFailure, execution: LiveExecution): number {
    const error = 'error' in failure ? failure.error : undefined
    this.#errors.push(error)
    const now = execution.clock.now()
    const elapsed = now - this.#startedAt
    const decided = this.#decide(attempt, failure, now, elapsed, execution)
    if (typeof decided === 'number') {
      this.#previousDelay = decided
      this.#retry.scheduled(execution, attempt, elapsed, decided, error)
      return decided
    }
    this.#retry.gaveUp(execution, attempt, elapsed, decided, error)
    return -1
  }

  #decide(attempt: number, failure: RetryFailure, now: number, elapsed: number, execution: LiveExecution): number | GiveUpReason {
    const { settings, maxAttempts } = this.#retry
    if ('error' in failure && !settings.retryIf(failure.error, attempt)) return 'not-retryable'
    if (attempt >= maxAttempts) return 'attempts'
    const error = 'error' in failure ? failure.error : undefined
    let delay = settings.delay(attempt, this.#previousDelay, error)
    const asked = retryAfterOf(error)
    if (asked !== undefined && settings.retryAfterMax > 0) {
      if (asked > settings.retryAfterMax) return 'retry-after'
      delay = Math.max(asked, 0)
    }
    if (elapsed + delay > settings.maxElapsed) return 'elapsed'
    if (now + delay >= execution.deadline) return 'deadline'
    return delay
  }

  conclude(attempt: number, failure: RetryFailure): { readonly value: unknown } | { readonly error: unknown } {
    if ('value' in failure) return failure
    const { error } = failure
    if (typeof error === 'object' && error !== null) histories.set(error, this.#errors)
    const { settings, name } = this.#retry
    return settings.wrap && attempt > 1 ? { error: new RetriesExhaustedError(attempt, name, error) } : failure
  }

  cancelled(): void {}
}

function retryAfterOf(error: unknown): number | undefined {
  const ms = (error as { retryAfterMs?: unknown } | null | undefined)?.retryAfterMs
  return typeof ms === 'number' && Number.isFinite(ms) ? ms : undefined
}

/**
 * @throws OptionError for an unknown option or a value out of bounds
 * @example
 * const policy = retry({ maxAttempts: 5, backoff: { initial: '100ms', max: '5s' } })
 * await policy.execute(({ attempt }) => `attempt ${attempt}`)
 */
export function retry(options: RetryOptions = {}): Retry {
  return new Retry(options)
}
