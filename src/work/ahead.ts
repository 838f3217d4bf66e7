/**
 * Jobs that are claimed and wait in this process for a slot, so that a slot that becomes free is filled at once, and not after
 * the store's next answer. There are only about as many as the slots run through while the store answers: none where jobs take
 * long, or where the store answers at once.
 *
 * They are the worker's like those that run: their leases are renewed, and a drain hands them back, their attempts uncounted.
 */
import type { Clock } from '../core/clock.ts'
import type { Job } from './job.ts'

/** Longer than that nobody waits: something slow has taken the slots, and other workers may have free ones. */
const PATIENCE_MS = 1000

export class Ahead {
  readonly #clock: Clock
  readonly #most: number
  /** In the order of their claims. */
  readonly #jobs = new Map<string, Job>()
  #wanted = 0
  /** How many runs have ended since the last claim was answered, and when that was. */
  #ended = 0
  #claimedAt: number
  /** When the oldest came, or the last one left: while they move, nobody waits for long. */
  #movedAt = 0

  /** @param most how many wait here at most */
  constructor(clock: Clock, most: number) {
    this.#clock = clock
    this.#most = most
    this.#claimedAt = clock.now()
  }

  get size(): number {
    return this.#jobs.size
  }

  get jobs(): IterableIterator<Job> {
    return this.#jobs.values()
  }

  /** How many more to claim. A few at a time would cost a claim each, so none until half of them are gone. */
  get room(): number {
    return this.#jobs.size > this.#wanted >> 1 ? 0 : this.#wanted - this.#jobs.size
  }

  /** A run has ended: a slot became free. */
  runEnded(): void {
    this.#ended++
  }

  /** Learns from a claim that took so long: twice as many as ended in such a time, at the pace since the last one. */
  noteClaim(claimMs: number): void {
    const now = this.#clock.now()
    const sinceMs = now - this.#claimedAt
    if (sinceMs <= 0) return
    const needed = Math.floor((2 * this.#ended * Math.min(claimMs, sinceMs)) / sinceMs)
    this.#wanted = Math.min(this.#most, Math.max(needed, this.#wanted >> 1))
    this.#claimedAt = now
    this.#ended = 0
  }

  add(job: Job): void {
    if (this.#jobs.size === 0) this.#movedAt = this.#clock.now()
    this.#jobs.set(job.id, job)
  }

  has(id: string): boolean {
    return this.#jobs.has(id)
  }

  /** The next one to start; it is gone from here. */
  next(): Job | undefined {
    for (const job of this.#jobs.values()) {
      this.#jobs.delete(job.id)
      this.#movedAt = this.#clock.now()
      return job
    }
    return undefined
  }

  /** Takes one out, if it waits here; under this claim, when a token is given. */
  take(id: string, token?: number): Job | undefined {
    const job = this.#jobs.get(id)
    if (job === undefined || (token !== undefined && job.token !== token)) return undefined
    this.#jobs.delete(id)
    return job
  }

  /** Takes all out, and wants none for now. */
  giveUp(): readonly Job[] {
    const jobs = [...this.#jobs.values()]
    this.#jobs.clear()
    this.#wanted = 0
    return jobs
  }

  /** How long they may go on waiting, in ms: `Infinity` when none waits. */
  get patienceMs(): number {
    return this.#jobs.size === 0 ? Number.POSITIVE_INFINITY : Math.max(0, this.#movedAt + PATIENCE_MS - this.#clock.now())
  }

  ofKind(kind: string): number {
    let count = 0
    for (const job of this.#jobs.values()) if (job.kind === kind) count++
    return count
  }
}
