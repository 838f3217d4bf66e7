/** A worker's slots: which claimed job starts, which waits here, and which goes back. */
import type { Ahead } from './ahead.ts'
import type { Holds } from './holds.ts'
import type { Job } from './job.ts'
import type { Kind } from './kind.ts'
import type { Runs } from './runs.ts'
import type { Settler } from './settler.ts'
import type { StoreHealth } from './store-health.ts'
import { isSuspect, SUSPECT_WAIT_MS } from './suspects.ts'

export interface SlotsOptions {
  /** How many there are. */
  readonly concurrency: number
  readonly kinds: ReadonlyMap<string, Kind>
  readonly runs: Runs
  readonly ahead: Ahead
  readonly settler: Settler
  readonly health: StoreHealth
  readonly holds: Holds
}

export class Slots {
  readonly #options: SlotsOptions
  #isClosed = false

  constructor(options: SlotsOptions) {
    this.#options = options
  }

  /** How many jobs to claim now. */
  get room(): number {
    return Math.max(0, this.#free) + this.#options.ahead.room
  }

  /** How long what waits here may go on waiting for slots that are taken. A store that is late is not helped by handing it back. */
  get patienceMs(): number {
    const { runs, concurrency, ahead } = this.#options
    return runs.occupied < concurrency ? Number.POSITIVE_INFINITY : ahead.patienceMs
  }

  /** A claimed job starts, or waits here. Suspects do not wait: what is lost with them would never be proven innocent. */
  take(job: Job): void {
    const { ahead, kinds } = this.#options
    const startsNow = this.#free > 0 && ahead.size === 0
    if (startsNow || this.#isClosed || isSuspect(job, kinds.get(job.kind) as Kind)) this.#begin(job)
    else ahead.add(job)
  }

  /** Starts what waits here, as far as slots are free and targets still admit; those that have waited in vain go back. */
  fill(): void {
    const { ahead, holds } = this.#options
    if (this.patienceMs === 0) this.#handBackAll('no slot became free')
    while (ahead.size > 0 && this.#free > 0) {
      const job = ahead.next() as Job
      if (holds.admits(job.target)) this.#begin(job)
      else this.#handBack(job, 0, 'its target holds its jobs')
    }
  }

  /** Nothing starts from now on: what waits here goes back, and so does what comes. */
  close(): void {
    this.#isClosed = true
    this.#handBackAll('the worker shut down')
  }

  /**
   * Free slots. Ends that the store has not taken yet leave their slots free while it answers and they are no more than the
   * slots: what runs does not wait for it, and it is given no more than it can take.
   */
  get #free(): number {
    const { concurrency, runs, settler, health } = this.#options
    const late = settler.backlog - (health.ok ? concurrency : 0)
    return concurrency - runs.occupied - Math.max(0, late)
  }

  #begin(job: Job): void {
    const { kinds, runs } = this.#options
    const kind = kinds.get(job.kind) as Kind
    if (this.#isClosed) return this.#handBack(job, 0, 'the worker shut down')
    const mustWait = isSuspect(job, kind) && (this.#free <= 0 || runs.some((run) => isSuspect(run.job, run.kind)))
    if (mustWait) return this.#handBack(job, SUSPECT_WAIT_MS, 'it lost its workers before: one such job runs at a time')
    runs.start(job, kind)
  }

  #handBackAll(reason: string): void {
    for (const job of this.#options.ahead.giveUp()) this.#handBack(job, 0, reason)
  }

  #handBack(job: Job, delayMs: number, reason: string): void {
    this.#options.settler.add(job, { id: job.id, token: job.token, type: 'returned', delayMs, reason }, 0)
  }
}
