/**
 * Checks that people register, asked together: each bounded in time, cached, and steadied against flapping. A check that
 * throws or hangs is a result, never a crash.
 *
 * Checks must be neutral: looking must use up no probe, no token and no job.
 */
import type { Clock } from '../../core/clock.ts'
import { describeError, OptionError } from '../../core/errors.ts'
import { checkDuration, checkFunction, checkKnown, checkName, checkOneOf } from '../../core/validate.ts'
import { redactText } from '../redact.ts'
import type { Health } from '../source.ts'
import type { HysteresisOptions } from './hysteresis.ts'
import { Hysteresis } from './hysteresis.ts'
import { withTimeLimit } from './time-limit.ts'

/** What a check says: true or nothing is healthy, false is not; or a status with words. */
export type CheckAnswer =
  | boolean
  | undefined
  | void
  | { readonly status: Health; readonly message?: string; readonly details?: Readonly<Record<string, unknown>> }

export type HealthCheck = () => CheckAnswer | PromiseLike<CheckAnswer>

export interface CheckOptions extends HysteresisOptions {
  /** Default 2 s. */
  readonly timeout?: number | string
  /** How long an answer is good for. Default 5 s. */
  readonly cache?: number | string
  /** What a failing check makes of the whole: `unhealthy`, or `degraded` for what the work goes on without. Default `unhealthy`. */
  readonly failureIs?: 'degraded' | 'unhealthy'
}

export interface CheckResult {
  readonly name: string
  readonly status: Health
  readonly message: string
  readonly details?: Readonly<Record<string, unknown>>
  /** Epoch ms of the observation. */
  readonly timestamp: number
  /** Epoch ms since when it has this status. */
  readonly since: number
  readonly durationMs: number
}

export interface HealthReport {
  /** The worst of all checks; healthy when there are none. */
  readonly status: Health
  readonly checks: readonly CheckResult[]
  readonly uptimeMs: number
  readonly timestamp: number
}

const WORSE: Readonly<Record<Health, number>> = { healthy: 0, degraded: 1, unhealthy: 2 }
const KNOWN = ['timeout', 'cache', 'failureIs', 'need', 'of', 'minMs'] as const

/** The worst of several; healthy when there are none. */
export function worstOf(statuses: Iterable<Health>): Health {
  let worst: Health = 'healthy'
  for (const status of statuses) if (WORSE[status] > WORSE[worst]) worst = status
  return worst
}

/**
 * @example
 * // given db
 * const health = new HealthChecks(systemClock)
 * health.register('database', async () => (await db.ping()) === 'PONG')
 * const { status } = await health.report() // 'healthy'
 */
export class HealthChecks {
  readonly #clock: Clock
  readonly #startedAt: number
  readonly #checks = new Map<string, RegisteredCheck>()

  constructor(clock: Clock) {
    this.#clock = clock
    this.#startedAt = clock.now()
  }

  /** @returns takes it out again. @throws OptionError when the name is taken or an option is wrong */
  register(name: string, check: HealthCheck, options: CheckOptions = {}): () => void {
    checkName(name, 'check')
    if (this.#checks.has(name))
      throw new OptionError('check', 'must have a name of its own', name, 'Remove the first one before.')
    const registered = new RegisteredCheck(this.#clock, name, check, options)
    this.#checks.set(name, registered)
    return () => {
      if (this.#checks.get(name) === registered) this.#checks.delete(name)
    }
  }

  /** Asks every check, all at the same time; never rejects. */
  async report(): Promise<HealthReport> {
    const checks = await Promise.all([...this.#checks.values()].map((check) => check.result()))
    return {
      status: worstOf(checks.map((check) => check.status)),
      checks,
      uptimeMs: Math.round(this.#clock.now() - this.#startedAt),
      timestamp: this.#clock.wallNow(),
    }
  }
}

class RegisteredCheck {
  readonly #clock: Clock
  readonly #name: string
  readonly #check: HealthCheck
  readonly #timeoutMs: number
  readonly #cacheMs: number
  readonly #failure: Health
  readonly #steady: Hysteresis
  #last: CheckResult | undefined
  #askedAt = Number.NEGATIVE_INFINITY
  #asking: Promise<CheckResult> | undefined

  constructor(clock: Clock, name: string, check: HealthCheck, options: CheckOptions) {
    checkKnown(options, KNOWN, 'check')
    this.#clock = clock
    this.#name = name
    this.#check = checkFunction(check, 'check')
    this.#timeoutMs = checkDuration(options.timeout ?? 2000, 'check.timeout', 1)
    this.#cacheMs = checkDuration(options.cache ?? 5000, 'check.cache')
    this.#failure = checkOneOf(options.failureIs ?? 'unhealthy', 'check.failureIs', ['degraded', 'unhealthy'])
    const { need, of, minMs } = options
    this.#steady = new Hysteresis({ ...(need && { need }), ...(of && { of }), ...(minMs && { minMs }) })
  }

  result(): Promise<CheckResult> {
    if (this.#last !== undefined && this.#clock.now() - this.#askedAt < this.#cacheMs) return Promise.resolve(this.#last)
    // One question at a time, however many ask: a slow check is not asked into the ground.
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async #ask(): Promise<CheckResult> {
    const askedAt = this.#clock.now()
    const seen = await withTimeLimit(this.#clock, this.#timeoutMs, this.#check).then(
      (answer) => this.#read(answer),
      (error: unknown) => ({ status: this.#failure, message: redactText(describeError(error).message) }),
    )
    const timestamp = this.#clock.wallNow()
    const status = this.#steady.observe(seen.status, timestamp)
    this.#askedAt = askedAt
    const durationMs = this.#clock.now() - askedAt
    this.#last = { name: this.#name, ...seen, status, timestamp, since: this.#steady.since, durationMs }
    return this.#last
  }

  #read(answer: CheckAnswer): Pick<CheckResult, 'status' | 'message' | 'details'> {
    if (answer === undefined || answer === true) return { status: 'healthy', message: 'ok' }
    if (answer === false) return { status: this.#failure, message: 'the check said no' }
    const { status, message = status, details } = answer
    return { status, message, ...(details === undefined ? {} : { details }) }
  }
}
