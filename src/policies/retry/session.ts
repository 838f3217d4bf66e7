/**
 * The further attempts of one call: made at its first failure, so that a success costs nothing.
 *
 * Invariant: at any time at most one extra call is reserved from the budget; it is spent when the attempt is made, and goes
 * back when the caller leaves during the wait, or a policy further in refuses the attempt.
 */
import { describeError, HoldfastError, isRejected } from '../../core/errors.ts'
import type { LiveExecution } from '../../core/execution.ts'
import type { RetryFailure, RetrySession } from '../../core/stage.ts'
import type { GiveUpReason } from './machine.ts'
import type { RetryRules } from './rules.ts'

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
  return histories.get(error as object) ?? []
}

/** Who is told what a session decides. */
export interface RetryNews {
  readonly name: string
  scheduled(execution: LiveExecution, attempt: number, elapsedMs: number, delayMs: number, error: unknown): void
  gaveUp(execution: LiveExecution, attempt: number, elapsedMs: number, reason: GiveUpReason, error: unknown): void
}

export class Session implements RetrySession {
  readonly #news: RetryNews
  readonly #rules: RetryRules
  readonly #startedAt: number
  readonly #errors: unknown[] = []
  #previousDelay = 0
  /** Attempts that do not count. */
  #free = 0
  #reserved = false

  constructor(news: RetryNews, rules: RetryRules, startedAt: number) {
    this.#news = news
    this.#rules = rules
    this.#startedAt = startedAt
  }

  next(attempt: number, failure: RetryFailure, execution: LiveExecution): number {
    const error = 'error' in failure ? failure.error : undefined
    this.#errors.push(error)
    if (isRejected(error)) this.cancelled()
    this.#reserved = false
    const now = execution.clock.now()
    const elapsed = now - this.#startedAt
    const decided = this.#decide(attempt, failure, now, elapsed, execution)
    if (typeof decided === 'number') {
      this.#previousDelay = decided
      this.#news.scheduled(execution, attempt, elapsed, decided, error)
      return decided
    }
    this.#news.gaveUp(execution, attempt, elapsed, decided, error)
    return -1
  }

  #decide(attempt: number, failure: RetryFailure, now: number, elapsed: number, execution: LiveExecution): number | GiveUpReason {
    const rules = this.#rules
    const error = 'error' in failure ? failure.error : undefined
    if ('error' in failure) {
      if (!rules.retryIf(error, attempt)) return 'not-retryable'
      if (rules.isFree?.(error)) this.#free++
    }
    if (attempt - this.#free >= rules.maxAttempts) return 'attempts'
    let delay = rules.delay(attempt, this.#previousDelay, error)
    const asked = rules.retryAfterOf?.('error' in failure ? error : failure.value) ?? Number.NaN
    if (Number.isFinite(asked)) {
      if (asked > rules.retryAfterMax) return 'retry-after'
      delay = Math.max(asked, rules.retryAfterMin)
    }
    if (elapsed + delay > rules.maxElapsed) return 'elapsed'
    if (now + delay >= execution.deadline) return 'deadline'
    // Last, so that nothing is reserved for an attempt that another rule forbids.
    if (rules.budget?.reserve(now) === false) return 'budget'
    this.#reserved = true
    return delay
  }

  conclude(attempt: number, failure: RetryFailure): { readonly value: unknown } | { readonly error: unknown } {
    if ('value' in failure) return failure
    const { error } = failure
    if (typeof error === 'object' && error !== null) histories.set(error, this.#errors)
    return this.#rules.wrap && attempt > 1 ? { error: new RetriesExhaustedError(attempt, this.#news.name, error) } : failure
  }

  cancelled(): void {
    if (this.#reserved) this.#rules.budget?.refund()
  }
}
