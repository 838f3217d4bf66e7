/**
 * A limit of our own, and what the server says of its own: how many are left until when, and not before when.
 *
 * Responses come late and out of order. A quota belongs to a window, told by its reset; what is told of an earlier window is
 * ignored, and within a window only a response to a request that was sent later than any other that was learnt from may say
 * that more is left. What was counted since the request was sent is taken off, since the server had not seen it.
 */
import { LatestPlaces } from './latest-places.ts'
import { RateMachine, type RateState } from './rate-machine.ts'

/** What a server said of one of its quotas. */
export interface ToldQuota {
  /** Tells quotas of one server apart. */
  readonly name: string
  readonly limit?: number | undefined
  readonly remaining?: number | undefined
  readonly resetMs?: number | undefined
  readonly windowMs?: number | undefined
}

interface Quota {
  readonly name: string
  limit: number | undefined
  windowMs: number | undefined
  remaining: number
  /** Costs of places at or after the reset: they are of the next window, and nobody goes before them. */
  ahead: number
  resetAt: number
}

/** Resets are told in whole seconds: two that differ by no more are of one window. */
const SAME_RESET_MS = 1500

/** Servers have a handful; names come from outside. */
const MAX_QUOTAS = 8

export class ServerView extends RateMachine {
  readonly capacity: number
  readonly #own: RateMachine
  readonly #trustMs: number
  readonly #places = new LatestPlaces()
  #blockedUntil = Number.NEGATIVE_INFINITY
  #quotas: Quota[] = []
  /** All cost that was ever counted here. */
  #spent = 0
  /** What `#spent` was when the latest request was sent that a response was learnt from. */
  #learntAt = Number.NEGATIVE_INFINITY

  /** @param trustMs a server is believed for at most so long ahead */
  constructor(own: RateMachine, trustMs: number) {
    super()
    this.#own = own
    this.capacity = own.capacity
    this.#trustMs = trustMs
  }

  /** To be kept for a request just counted, and given back with its response. */
  get sent(): number {
    return this.#spent
  }

  get blockedUntil(): number {
    return this.#blockedUntil
  }

  quotas(now: number): readonly Readonly<Quota>[] {
    this.#roll(now)
    return this.#quotas
  }

  get idleAt(): number {
    let idleAt = Math.max(this.#own.idleAt, this.#blockedUntil)
    for (const quota of this.#quotas) if (quota.remaining !== quota.limit) idleAt = Math.max(idleAt, quota.resetAt)
    return idleAt
  }

  get mark(): number {
    return this.#own.mark
  }

  wait(now: number, cost: number): number {
    this.#roll(now)
    let from = Math.max(now, this.#blockedUntil)
    for (const quota of this.#quotas) if (exhausts(quota, cost)) from = Math.max(from, quota.resetAt)
    // Asked as of then: what our own limit allows earlier is of no use.
    return from - now + this.#own.wait(from, cost)
  }

  remaining(now: number): number {
    this.#roll(now)
    if (this.#blockedUntil > now) return 0
    let remaining = this.#own.remaining(now)
    for (const quota of this.#quotas) remaining = Math.min(remaining, quota.ahead > 0 ? 0 : Math.max(0, quota.remaining))
    return remaining
  }

  /** A window that is over is followed by the next where its length is known, and forgotten where not. */
  #roll(now: number): void {
    // Stryker disable next-line ConditionalExpression,ArrowFunction: a short cut: what has not ended is left as it is
    if (this.#quotas.every(({ resetAt }) => resetAt > now)) return
    this.#quotas = this.#quotas.filter(({ resetAt, limit, windowMs }) => resetAt > now || (limit && windowMs))
    for (const quota of this.#quotas) {
      if (quota.resetAt > now) continue
      const windowMs = quota.windowMs as number
      quota.resetAt += (Math.floor((now - quota.resetAt) / windowMs) + 1) * windowMs
      quota.remaining = (quota.limit as number) - quota.ahead
      quota.ahead = 0
    }
  }

  occupy(now: number, at: number, cost: number): void {
    // Stryker disable next-line ConditionalExpression,EqualityOperator: what goes now is followed by others first; remembering it costs
    if (at > now) this.#places.push(now, { at, cost, remembered: [this.#own.occupyAndRemember(now, at, cost)] })
    else {
      this.#own.occupy(now, at, cost)
      this.#places.clear()
    }
    this.#spent += cost
    for (const quota of this.#quotas) {
      if (at < quota.resetAt) quota.remaining -= cost
      else quota.ahead += cost
    }
  }

  occupyAndRemember(now: number, at: number, cost: number): undefined {
    this.occupy(now, at, cost)
  }

  undo(at: number, cost: number): void {
    this.#undo(at, cost, this.#places.remove(at, cost)?.remembered[0])
  }

  #undo(at: number, cost: number, remembered: unknown): void {
    this.#own.undo(at, cost, remembered)
    for (const quota of this.#quotas) {
      if (at < quota.resetAt) quota.remaining += cost
      else quota.ahead = Math.max(0, quota.ahead - cost)
    }
  }

  refund(at: number, cost: number, _now?: number, mark = Number.NaN): boolean {
    const latest = this.#places.remove(at, cost)
    if (latest === undefined && mark !== this.#own.mark) return false
    this.#undo(at, cost, latest?.remembered[0])
    return true
  }

  penalize(now: number, cost: number): void {
    this.#places.clear()
    this.#own.penalize(now, cost)
  }

  reward(now: number, cost: number): void {
    this.#places.clear()
    this.#own.reward(now, cost)
  }

  drain(now: number): void {
    this.#places.clear()
    this.#own.drain(now)
  }

  /** Nothing goes for so long. Never shortens what was said before; `unblock` does. */
  block(now: number, ms: number): void {
    this.#blockedUntil = Math.max(this.#blockedUntil, now + Math.min(Math.max(ms, 0), this.#trustMs))
  }

  unblock(): void {
    this.#blockedUntil = Number.NEGATIVE_INFINITY
    this.#quotas.length = 0
  }

  /** @param sent what `sent` was for the request that this answers; without it the answer may only take, not give */
  learn(now: number, told: ToldQuota, sent?: number): void {
    this.#roll(now)
    const known = this.#quotas.find(({ name }) => name === told.name)
    const { limit = known?.limit, windowMs = known?.windowMs, resetMs = windowMs } = told
    if (told.remaining === undefined || resetMs === undefined) return
    const resetAt = now + Math.min(Math.max(resetMs, 0), this.#trustMs)
    const isLatest = (sent ?? Number.NaN) >= this.#learntAt
    const remaining = told.remaining - (sent === undefined ? 0 : this.#spent - sent)
    if (sent !== undefined) this.#learntAt = Math.max(this.#learntAt, sent)
    const fresh = { name: told.name, limit, windowMs, remaining, ahead: known?.ahead ?? 0, resetAt }
    if (known === undefined) {
      if (this.#quotas.length < MAX_QUOTAS) this.#quotas.push(fresh)
      return
    }
    if (Math.abs(resetAt - known.resetAt) <= SAME_RESET_MS) {
      known.limit = limit
      known.windowMs = windowMs
      known.remaining = isLatest ? remaining : Math.min(known.remaining, remaining)
      return
    }
    // Stryker disable next-line EqualityOperator: equal ones are of one window
    if (resetAt > known.resetAt && (isLatest || sent === undefined)) Object.assign(known, fresh)
  }

  dump(now: number): RateState {
    return this.#own.dump(now)
  }

  load(state: RateState, now: number, elapsedMs: number): void {
    this.#places.clear()
    this.#own.load(state, now, elapsedMs)
  }
}

/** A cost above the whole limit goes when nothing of it is used, or it never would. */
function exhausts({ remaining, limit, ahead }: Quota, cost: number): boolean {
  return ahead > 0 || remaining < Math.min(cost, limit || cost)
}
