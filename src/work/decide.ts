/**
 * What becomes of a job after an attempt: a pure decision, so that every rule is a line in a table test.
 *
 * The order matters. What the handler or its error says outright comes first; then causes outside the job (refusals, an
 * outage of the target), which cost no attempt; then outcomes that nobody knows; then the count of attempts.
 */
import type { ErrorSummary } from '../core/errors.ts'
import { describeError, isHoldfastError, isRejected } from '../core/errors.ts'
import type { Random } from '../core/random.ts'
import { backoffDelay } from './backoff.ts'
import type { DeadCause, Job } from './job.ts'
import type { AbortCause } from './job-errors.ts'
import type { Kind, VerifyAnswer } from './kind.ts'
import { keepResult } from './result.ts'
import type { Steering } from './steering.ts'
import { DeadError, isSteering } from './steering.ts'
import type { Settlement } from './store.ts'

export type Outcome =
  /** The handler returned: a result, or a value of steering.ts. */
  | { readonly type: 'returned'; readonly value: unknown }
  /** It failed, or was refused. `started`: the handler had begun, so its effects may exist. */
  | { readonly type: 'failed'; readonly error: unknown; readonly started: boolean }
  /** It was unknown what came of it, and the kind's `verify` was asked. */
  | { readonly type: 'verified'; readonly answer: VerifyAnswer; readonly error: unknown }
  /** It was taken away from the handler. A lost lease is never settled. */
  | { readonly type: 'aborted'; readonly by: Exclude<AbortCause, 'lease-lost'> }

export interface Circumstances {
  /** An outage: the target's breaker is open, and several distinct jobs have failed there. */
  readonly targetDown: boolean
  /** The target's breaker is open, for whatever reason. Default: as `targetDown`. */
  readonly breakerOpen?: boolean
  readonly shuttingDown: boolean
  readonly random: Random
}

type Verdict = Settlement extends infer S ? (S extends unknown ? Omit<S, 'id' | 'token'> : never) : never

/** How long a refused job waits when the refusal does not say, in ms: up to this much. */
const REFUSED_MS = 1000
/** The least wait after a refusal that told of none, or of next to none: admission is asked again anyway. */
const LEAST_REFUSED_MS = 50
/** The pause itself holds the job; this only keeps it from spinning where nobody carries out pauses. */
const PAUSE_MS = 1000
/** A told delay is stretched by up to this share, so that what was refused together does not come back together. */
const SPREAD = 0.1

export function decide(job: Job, outcome: Outcome, kind: Kind, circumstances: Circumstances): Settlement {
  const verdict = new Decision(job, kind, circumstances).of(outcome)
  return { id: job.id, token: job.token, ...verdict } as Settlement
}

/** True when the attempt may or may not have taken effect, and the kind wants more than a rerun. */
export function wantsVerify(outcome: Outcome, kind: Kind): boolean {
  return kind.onUnknown === 'verify' && outcome.type === 'failed' && isUnknown(outcome)
}

/** The wait until a dead letter comes back by itself; undefined when only a person may redrive it. */
export function deadLetterDelay(
  cause: DeadCause,
  generation: number,
  kind: Kind,
  breakerOpen: boolean,
  random: Random,
): number | undefined {
  // Poison and what is forbidden never heal by waiting; a refusal by the target does only if the target was ill.
  const heals = cause === 'attempts' || (breakerOpen && cause === 'rejected')
  if (!heals || generation >= kind.deadLetter.retries) return undefined
  return backoffDelay(kind.deadLetter, generation + 1, random)
}

class Decision {
  readonly #job: Job
  readonly #kind: Kind
  readonly #circumstances: Circumstances

  constructor(job: Job, kind: Kind, circumstances: Circumstances) {
    this.#job = job
    this.#kind = kind
    this.#circumstances = circumstances
  }

  of(outcome: Outcome): Verdict {
    switch (outcome.type) {
      case 'returned':
        return isSteering(outcome.value) ? this.#steered(outcome.value) : this.#succeeded(outcome.value)
      case 'verified':
        return this.#verified(outcome.answer, outcome.error)
      case 'aborted':
        return outcome.by === 'cancelled' ? { type: 'cancelled', reason: 'cancelled while running' } : this.#handedBack()
      case 'failed':
        return isSteering(outcome.error) ? this.#steered(outcome.error) : this.#failed(outcome.error, outcome)
    }
  }

  #succeeded(result: unknown): Verdict {
    return result === undefined ? { type: 'succeeded' } : { type: 'succeeded', result: keepResult(result) }
  }

  #steered(steering: Steering): Verdict {
    switch (steering.type) {
      case 'retry-after':
        return this.#tryAgain({ name: 'RetryAfter', message: steering.reason }, steering.delayMs)
      case 'snooze':
        return { type: 'returned', delayMs: steering.delayMs, reason: 'snoozed by its handler' }
      case 'park':
        return { type: 'parked', reason: steering.reason }
      case 'pause-target':
        return { type: 'returned', delayMs: PAUSE_MS, reason: 'its handler paused the target' }
    }
  }

  #verified(answer: VerifyAnswer, error: unknown): Verdict {
    if (answer === 'done') return { type: 'succeeded' }
    if (answer === 'notDone') return this.#tryAgain(describeError(error), retryAfterOf(error))
    return { type: 'parked', reason: 'nobody knows whether it took effect', error: describeError(error) }
  }

  #failed(error: unknown, outcome: Extract<Outcome, { type: 'failed' }>): Verdict {
    const summary = describeError(error)
    const never = deadCauseOf(error)
    if (never !== undefined) return this.#dead(never, summary)
    if (isRefusal(error, outcome.started)) return this.#refused(error, summary)
    if (this.#circumstances.shuttingDown && codeOf(error) === 'ERR_SHUT_DOWN') return this.#handedBack()
    if (isUnknown(outcome) && this.#kind.onUnknown !== 'rerun')
      return { type: 'parked', reason: 'nobody knows whether it took effect', error: summary }
    if (this.#circumstances.targetDown) return this.#heldByOutage(summary)
    return this.#tryAgain(summary, retryAfterOf(error))
  }

  #handedBack(): Verdict {
    return { type: 'returned', delayMs: 0, reason: 'the worker shut down' }
  }

  #refused(error: unknown, summary: ErrorSummary): Verdict {
    const told = retryAfterOf(error)
    const delayMs =
      told === undefined ? REFUSED_MS * (0.5 + this.#circumstances.random() / 2) : this.#granted(told, LEAST_REFUSED_MS)
    return { type: 'returned', delayMs: Math.round(delayMs), reason: `refused: ${summary.message}` }
  }

  /** The first backoff, so that the next probe is another job: one that never works must not be the only probe. */
  #heldByOutage(error: ErrorSummary): Verdict {
    const delayMs = backoffDelay(this.#kind.backoff, 1, this.#circumstances.random)
    return { type: 'returned', delayMs, reason: 'the target is down', error }
  }

  #tryAgain(error: ErrorSummary, toldMs: number | undefined): Verdict {
    if (this.#job.attempts >= (this.#job.maxAttempts ?? this.#kind.maxAttempts)) return this.#dead('attempts', error)
    const { backoff } = this.#kind
    const delayMs =
      toldMs === undefined
        ? backoffDelay(backoff, this.#job.attempts, this.#circumstances.random)
        : this.#granted(toldMs, backoff.jitter === 'none' ? 0 : backoff.initialMs / 2)
    return { type: 'retry', delayMs, error }
  }

  /** A told wait within our own bounds: a target must neither make us hammer it nor send us away for a year. */
  #granted(toldMs: number, leastMs: number): number {
    const clamped = Math.min(Math.max(toldMs, leastMs), this.#kind.retryAfterMaxMs)
    if (this.#kind.backoff.jitter === 'none') return clamped
    return Math.round(clamped * (1 + SPREAD * this.#circumstances.random()))
  }

  #dead(cause: DeadCause, error: ErrorSummary): Verdict {
    const { targetDown, breakerOpen = targetDown, random } = this.#circumstances
    const retryInMs = deadLetterDelay(cause, this.#job.generation, this.#kind, breakerOpen, random)
    return { type: 'dead', cause, error, targetDown: breakerOpen, ...(retryInMs === undefined ? {} : { retryInMs }) }
  }
}

/** Why trying again is pointless, if it is. */
function deadCauseOf(error: unknown): DeadCause | undefined {
  if (error instanceof DeadError) return error.deadCause
  const code = codeOf(error)
  if (code === 'ERR_ADDRESS_FORBIDDEN') return 'forbidden'
  if (code === 'ERR_JOB_INVALID') return 'rejected'
  const { retryable } = (error ?? {}) as { retryable?: unknown }
  return retryable === false ? 'rejected' : undefined
}

/** Refused before it ran. A deadline that passed after the handler began is a failure. */
function isRefusal(error: unknown, started: boolean): boolean {
  return isRejected(error) && error.code !== 'ERR_SHUT_DOWN' && !(started && error.code === 'ERR_DEADLINE_EXCEEDED')
}

/** The attempt ran out of time after it began: it may have taken effect. */
function isUnknown(outcome: Extract<Outcome, { type: 'failed' }>): boolean {
  return outcome.started && codeOf(outcome.error) === 'ERR_TIMEOUT'
}

function codeOf(error: unknown): string | undefined {
  return isHoldfastError(error) ? error.code : undefined
}

function retryAfterOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const { retryAfterMs } = error as { retryAfterMs?: unknown }
  return typeof retryAfterMs === 'number' && retryAfterMs >= 0 ? retryAfterMs : undefined
}
