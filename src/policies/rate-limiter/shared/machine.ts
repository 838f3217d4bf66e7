/**
 * What one process has in hand of a bucket that others share, and how much it should ask for ahead of need. Pure, and told the
 * time.
 *
 * Tokens in hand are taken from the shared bucket already, so using them asks nobody. Never more than `most` are asked for ahead:
 * that many, for each process, is all that can go beyond what the bucket alone would have let go at that moment.
 */
import { TokenBucket } from '../machine.ts'
import type { RateDecision } from '../rate-machine.ts'

export interface HandRules {
  readonly limit: number
  readonly perMs: number
  readonly burst: number
  /** Tokens in hand ahead of need; 0 is never any. */
  readonly most: number
  /** The need of how long is foreseen. */
  readonly aheadMs: number
}

/** Demand is the mean over about so long, in ms. */
const DEMAND_MS = 1000

export class Hand {
  readonly #rules: HandRules
  readonly #intervalMs: number
  /** The shared bucket as last heard of; full while nothing was heard. */
  readonly #seen: TokenBucket
  #tokens = 0
  /** Uses, each counting less as it gets older. */
  #uses = 0
  #usedAt = Number.NEGATIVE_INFINITY
  #refusedUntil = Number.NEGATIVE_INFINITY
  /** What was refused then; less may be there sooner. */
  #refusedCost = Number.POSITIVE_INFINITY
  #blockedUntil = Number.NEGATIVE_INFINITY

  constructor(rules: HandRules) {
    this.#rules = rules
    this.#intervalMs = rules.perMs / rules.limit
    this.#seen = new TokenBucket(rules.limit, rules.perMs, rules.burst)
  }

  get tokens(): number {
    return this.#tokens
  }

  /** When a token in hand was used last. */
  get usedAt(): number {
    return this.#usedAt
  }

  /** Uses tokens in hand, when there are enough. */
  take(now: number, cost: number): boolean {
    if (this.#tokens < cost || this.#blockedUntil > now) return false
    this.#tokens -= cost
    this.#use(now, cost)
    return true
  }

  #use(now: number, cost: number): void {
    this.#uses = this.#usesAt(now) + cost
    this.#usedAt = now
  }

  #usesAt(now: number): number {
    return this.#uses * Math.exp((this.#usedAt - now) / DEMAND_MS)
  }

  /** How many to ask for ahead of need: none before half of what is foreseen is used. */
  ahead(now: number): number {
    const { most, aheadMs } = this.#rules
    if (this.waitFor(now, 1) > 0) return 0
    const foreseen = Math.min(most, Math.floor((this.#usesAt(now) / DEMAND_MS) * aheadMs + 0.5))
    return this.#tokens * 2 > foreseen ? 0 : foreseen - this.#tokens
  }

  /** How long the shared bucket is known to refuse this cost: nobody gets it before. */
  waitFor(now: number, cost: number): number {
    const until = cost - this.#tokens >= this.#refusedCost ? Math.max(this.#refusedUntil, this.#blockedUntil) : this.#blockedUntil
    return Math.max(0, until - now)
  }

  granted(now: number, tokens: number, remaining: number): void {
    this.#tokens += tokens
    this.#refusedCost = Number.POSITIVE_INFINITY
    this.#see(now, remaining)
  }

  refused(now: number, cost: number, waitMs: number): void {
    this.#refusedUntil = now + waitMs
    this.#refusedCost = cost
    this.#seen.fullAt = now + waitMs + (this.#rules.burst - cost) * this.#intervalMs
  }

  /** So many are left of the shared bucket. */
  #see(now: number, remaining: number): void {
    this.#seen.fullAt = now + (this.#rules.burst - remaining) * this.#intervalMs
  }

  /** A server asked all to stay away. */
  block(now: number, ms: number): void {
    this.#blockedUntil = Math.max(this.#blockedUntil, now + ms)
  }

  /** How long a block of ours lasts. */
  blockedFor(now: number): number {
    return Math.max(0, this.#blockedUntil - now)
  }

  /** A token of the future was taken: nobody gets one before. */
  reserved(now: number, waitMs: number): void {
    this.#seen.fullAt = Math.max(this.#seen.fullAt, now + waitMs + this.#rules.burst * this.#intervalMs)
  }

  /** Puts tokens in hand beyond `keep` aside, to be given back. */
  putBack(keep = 0): number {
    const tokens = Math.max(0, this.#tokens - keep)
    this.#tokens -= tokens
    return tokens
  }

  /** What would be answered, as far as is known here. */
  peek(now: number, cost: number): RateDecision {
    const blockedMs = this.blockedFor(now)
    const missing = cost - this.#tokens
    const retryAfterMs = missing <= 0 ? blockedMs : Math.max(this.waitFor(now, cost), this.#seen.wait(now, missing))
    const allowed = retryAfterMs === 0
    const seen = allowed ? this.#seen.remaining(now) : 0
    return { allowed, retryAfterMs, remaining: blockedMs > 0 ? 0 : Math.min(this.#rules.burst, this.#tokens + seen) }
  }

  /** A bucket of our own for while nobody can be asked: this share of the limit, and of what was left. */
  share(now: number, processes: number): TokenBucket {
    const { limit, perMs, burst } = this.#rules
    const own = new TokenBucket(limit / processes, perMs, Math.max(1, Math.floor(burst / processes)))
    const left = Math.min(own.capacity, Math.floor(this.#seen.remaining(now) / processes))
    own.fullAt = now + ((own.capacity - left) * perMs * processes) / limit
    return own
  }
}
