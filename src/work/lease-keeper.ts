/**
 * Keeps this worker's row and leases alive at a third of the shortest lease. A lease that cannot be renewed is lost: its
 * handler is aborted and its result dropped, because another worker may run the job by now.
 */
import type { Cancel, Clock } from '../core/clock.ts'
import type { Ahead } from './ahead.ts'
import type { Job } from './job.ts'
import type { Kind } from './kind.ts'
import type { Runs } from './runs.ts'
import type { Settler } from './settler.ts'
import type { Skew } from './skew.ts'
import type { JobStore, RenewResult, WorkerRow } from './store.ts'
import type { StoreHealth } from './store-health.ts'

export interface LeaseKeeperOptions {
  readonly store: JobStore
  readonly health: StoreHealth
  readonly clock: Clock
  readonly kinds: ReadonlyMap<string, Kind>
  readonly worker: WorkerRow
  readonly runs: Runs
  readonly ahead: Ahead
  readonly settler: Settler
  /** Measured with every beat. */
  readonly skew: Skew
}

const DEFAULT_LEASE_MS = 30_000

export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions
  readonly #shortestMs: number
  #registered = false
  #timer: Cancel | undefined
  #started = false

  constructor(options: LeaseKeeperOptions) {
    this.#options = options
    this.#shortestMs = Math.min(...Array.from(options.kinds.values(), (kind) => kind.leaseMs), DEFAULT_LEASE_MS)
  }

  /** Before the first claim: a job held by a worker without a row counts as abandoned. Rejects when the store does. */
  async register(): Promise<void> {
    if (this.#registered) return
    await this.#options.store.renew(this.#options.worker, this.#shortestMs, [])
    this.#registered = true
    await this.#options.skew.measure()
  }

  start(): void {
    if (this.#started) return
    this.#started = true
    this.#arm(this.#shortestMs / 3)
  }

  stop(): void {
    this.#started = false
    this.#timer?.()
    this.#timer = undefined
  }

  #arm(ms: number): void {
    this.#timer = this.#options.clock.setTimer(ms, () => void this.#beat(), true)
  }

  /** Never rejects. The time that it takes is taken off the wait, so a slow store does not stretch the interval. */
  async #beat(): Promise<void> {
    const { clock, health } = this.#options
    const began = clock.now()
    let wait = this.#shortestMs / 3
    try {
      await this.#renewAll()
      await this.#options.skew.measure()
      this.#registered = true
      health.succeeded('renew')
    } catch (error) {
      health.failed(error, 'renew')
      wait = Math.min(wait, health.waitMs)
    }
    if (this.#started) this.#arm(Math.max(0, wait - (clock.now() - began)))
  }

  async #renewAll(): Promise<void> {
    const { store, worker, runs, ahead, settler } = this.#options
    const byLease = new Map<number, Job[]>([[this.#shortestMs, []]])
    for (const job of [...runs.jobs(), ...ahead.jobs, ...settler.unsettled()]) {
      const leaseMs = this.#options.kinds.get(job.kind)?.leaseMs ?? this.#shortestMs
      const group = byLease.get(leaseMs)
      if (group === undefined) byLease.set(leaseMs, [job])
      else group.push(job)
    }
    for (const [leaseMs, jobs] of byLease) {
      const fences = jobs.map(({ id, token }) => ({ id, token }))
      this.#obey(jobs, await store.renew(worker, leaseMs, fences))
    }
  }

  /** By token: meanwhile the job may have ended and have been claimed here again. What is being settled hears of it there. */
  #obey(asked: readonly Job[], answer: RenewResult): void {
    if (answer.lost.length === 0 && answer.cancelled.length === 0) return
    const tokens = new Map(asked.map(({ id, token }) => [id, token]))
    const { runs, ahead, settler } = this.#options
    for (const id of answer.lost) {
      const waiting = ahead.take(id, tokens.get(id))
      if (waiting !== undefined) void settler.lost(waiting, 0)
      else if (runs.get(id)?.job.token === tokens.get(id)) runs.abort(id, 'lease-lost')
    }
    for (const id of answer.cancelled) {
      const waiting = ahead.take(id, tokens.get(id))
      if (waiting !== undefined) settler.cancelled(waiting)
      else if (runs.get(id)?.job.token === tokens.get(id)) runs.abort(id, 'cancelled')
    }
  }
}
