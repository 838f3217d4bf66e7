/**
 * One call under a key, from asking the store whether it may begin to telling it what came of it.
 *
 * Invariants: the operation runs only under a lease; a result counts only if the store takes it under that lease's token; after a
 * failure the key is free, unless it may have happened, which the lease then shows by ending without a word.
 */
import { answerWithin } from '../../core/answer-within.ts'
import { sleep } from '../../core/clock.ts'
import { describeError, HoldfastError, isHoldfastError, isRejected } from '../../core/errors.ts'
import type { Flight } from '../../core/flight.ts'
import type { Operation } from '../../core/operation.ts'
import type { BeginAnswer } from '../../core/shared-state.ts'
import { leaseLost, mismatch, running, unknownOutcome } from './idempotency-error.ts'
import { KeptLease } from './kept-lease.ts'
import type { OnceEvents } from './once-events.ts'
import type { OnceRules, OnceVerdict } from './options.ts'
import { type Done, type OnceRecord, recordOf, replay } from './record.ts'
import type { SettleLater, Told } from './settle-later.ts'

/** Whoever runs, as its runs see it. */
export interface OnceKeeper {
  readonly events: OnceEvents
  /** It is done, by us or by somebody else. */
  done(key: string, fingerprint: string, done: Done): void
  storeAnswered(): void
}

export interface OnceCall {
  readonly key: string
  /** The key as the store knows it. */
  readonly stored: string
  readonly fingerprint: string
  readonly payload: unknown
  /** Of this very run. */
  readonly owner: string
  readonly flight: Flight
  readonly next: Operation<unknown>
}

const FIRST_POLL_MS = 20
const POLL_GROWTH = 1.6
const LONGEST_POLL_MS = 1000

export class OnceRun {
  readonly #call: OnceCall
  readonly #rules: OnceRules
  readonly #later: SettleLater
  readonly #keeper: OnceKeeper
  /** It was this one's to do. */
  began = false

  constructor(call: OnceCall, rules: OnceRules, later: SettleLater, keeper: OnceKeeper) {
    this.#call = call
    this.#rules = rules
    this.#later = later
    this.#keeper = keeper
  }

  /** @throws StoreSilent when the store did not answer, and so nothing was begun */
  async go(): Promise<unknown> {
    const { key, fingerprint, flight } = this.#call
    const { name, waits, windowMs, onUnknown } = this.#rules
    const { events } = this.#keeper
    let takeOver = false
    for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(pollMs * POLL_GROWTH, LONGEST_POLL_MS)) {
      const askedAt = this.#rules.clock.now()
      const answer = await this.#begin(takeOver)
      if (answer.state === 'started') return this.#started(answer.token, askedAt, takeOver)
      if (answer.state === 'mismatch') throw mismatch(name, key)
      if (answer.state === 'done') {
        const done = { record: answer.result, ageMs: answer.now - answer.doneAt, freeInMs: answer.until - answer.now }
        this.#keeper.done(key, fingerprint, done)
        const value = replay(name, key, done, windowMs)
        events.tell(flight.execution, () => ({ type: 'idempotency.replayed', from: 'store', ageMs: done.ageMs }))
        return value
      }
      takeOver = answer.state === 'unknown'
      if (answer.state === 'unknown') {
        events.tell(flight.execution, () => ({ type: 'idempotency.unknown', since: answer.owner, answer: onUnknown }))
        if (onUnknown === 'park') throw unknownOutcome(name, key, answer.owner)
        continue
      }
      const leaseMs = Math.max(1, answer.leaseUntil - answer.now)
      if (!waits) throw running(name, key, answer.owner, leaseMs)
      if (pollMs === FIRST_POLL_MS) events.tell(flight.execution, () => ({ type: 'idempotency.joined', where: 'elsewhere' }))
      await sleep(this.#rules.clock, Math.min(pollMs, leaseMs), flight.execution.signal)
    }
  }

  async #begin(takeOver: boolean): Promise<BeginAnswer> {
    const { stored, owner, fingerprint, flight } = this.#call
    const { state, leaseMs, unknownMs, clock, storeTimeoutMs } = this.#rules
    const request = { name: stored, owner, fingerprint, leaseMs, takeOver, keepMs: unknownMs }
    const asking = (async () => state.begin(request))()
    let answer: BeginAnswer
    try {
      answer = await answerWithin(clock, storeTimeoutMs, () => asking)
    } catch (error) {
      this.#forget(asking)
      throw isHoldfastError(error) && error.code === 'ERR_OPTION' ? error : new StoreSilent(error)
    }
    this.#keeper.storeAnswered()
    if (!flight.execution.aborted) return answer
    this.#forget(asking)
    throw flight.execution.abortReason
  }

  /** It may begin all the same, or has: nothing was done under that lease. */
  #forget(asking: Promise<BeginAnswer>): void {
    const { stored } = this.#call
    asking.then((answer) => answer.state === 'started' && this.#rules.state.drop(stored, answer.token)).catch(() => {})
  }

  async #started(token: string, askedAt: number, takenOver: boolean): Promise<unknown> {
    this.began = true
    const lease = new KeptLease(this.#rules, this.#call.stored, token, askedAt)
    if (takenOver && this.#rules.verify !== undefined) {
      const verdict = await this.#verify(lease)
      if (verdict !== 'notDone') return this.#finish(lease, verdict === 'done' ? undefined : verdict.done)
    }
    return this.#run(lease)
  }

  /** @throws IdempotencyError where nobody can say; the key is as unknown as before */
  async #verify(lease: KeptLease): Promise<'notDone' | 'done' | { readonly done: unknown }> {
    const { key, payload, flight, owner } = this.#call
    const { name, verify } = this.#rules
    let cause: unknown
    try {
      const ask = (async () => verify!(key, { payload, signal: flight.execution.signal }))()
      const verdict = await this.#underLease(lease, ask)
      if (isVerdict(verdict)) return verdict
    } catch (error) {
      cause = error
    }
    await this.#leave(lease)
    if (lease.isLost) throw leaseLost(name, key)
    throw unknownOutcome(name, key, owner, cause)
  }

  async #run(lease: KeptLease): Promise<unknown> {
    const { flight, next } = this.#call
    let value: unknown
    try {
      flight.execution.refresh()
      value = await this.#underLease(lease, (async () => next(flight.execution))())
    } catch (error) {
      if (!lease.isLost) await this.#failed(lease, error)
      throw error
    }
    return this.#finish(lease, value)
  }

  /** What comes after the lease was lost is dropped, and whoever works is told to stop. */
  #underLease<T>(lease: KeptLease, work: Promise<T>): Promise<T> {
    const { flight, key } = this.#call
    const lost = lease.lost.then((): never => {
      const error = leaseLost(this.#rules.name, key)
      this.#tellLost()
      flight.execution.abort(error)
      throw error
    })
    return Promise.race([work, lost])
  }

  /** The caller hears how it failed, whatever the store says. */
  async #failed(lease: KeptLease, error: unknown): Promise<void> {
    const { flight } = this.#call
    const { keepError, mayHaveHappened, onUnknown } = this.#rules
    if (isRejected(error)) await this.#free(lease)
    else if (keepError(error)) await this.#keep(lease, { v: 1, error: describeError(error) })
    else if (onUnknown !== 'rerun' && (flight.execution.aborted || mayHaveHappened(error, flight.execution)))
      await this.#leave(lease)
    else await this.#free(lease)
  }

  /** The lease ends now, without a word. */
  async #leave(lease: KeptLease): Promise<void> {
    lease.stop()
    const { clock, state, storeTimeoutMs } = this.#rules
    await answerWithin(clock, storeTimeoutMs, () => state.keep(this.#call.stored, lease.token, 1)).catch(() => false)
  }

  /** @throws IdempotencyError when the key is somebody else's by now */
  async #finish(lease: KeptLease, value: unknown): Promise<unknown> {
    if ((await this.#keep(lease, recordOf(value, this.#rules.windowMs > 0))) !== 'lost') return value
    this.#tellLost()
    throw leaseLost(this.#rules.name, this.#call.key)
  }

  async #keep(lease: KeptLease, record: OnceRecord): Promise<Told> {
    const { stored, key, fingerprint } = this.#call
    const { state, coolDownMs } = this.#rules
    const finish = { name: stored, token: lease.token, result: record, keepMs: coolDownMs }
    const told = await this.#tell(lease, () => state.finish(finish))
    if (told !== 'lost') this.#keeper.done(key, fingerprint, { record, ageMs: 0, freeInMs: coolDownMs })
    return told
  }

  #free(lease: KeptLease): Promise<Told> {
    return this.#tell(lease, () => this.#rules.state.drop(this.#call.stored, lease.token))
  }

  #tell(lease: KeptLease, ask: () => Promise<boolean>): Promise<Told> {
    return this.#later.tell(lease, ask, (error) => {
      this.#keeper.events.trouble(this.#call.flight.execution, 'idempotency.unrecorded', error)
    })
  }

  #tellLost(): void {
    this.#keeper.events.tell(this.#call.flight.execution, () => ({ type: 'idempotency.lease-lost' }))
  }
}

/** The store did not say whether the work may begin; the cause is what happened instead. */
export class StoreSilent extends HoldfastError {
  readonly retryable = true

  constructor(cause: unknown) {
    super(`the store of idempotency keys does not answer: ${describeError(cause).message}`, {
      code: 'ERR_STORE_UNAVAILABLE',
      cause,
      hint: 'Nothing was done. Try again with the same key when the store is back.',
    })
  }
}

function isVerdict(verdict: OnceVerdict): verdict is 'done' | 'notDone' | { readonly done: unknown } {
  return verdict === 'done' || verdict === 'notDone' || (typeof verdict === 'object' && verdict !== null && 'done' in verdict)
}
