/** Takes work: asks what is ready, asks the targets whether they admit, and claims no more than they do. */
import type { Clock } from '../core/clock.ts'
import type { Ahead } from './ahead.ts'
import type { Holds } from './holds.ts'
import type { Job } from './job.ts'
import { KeyWaits } from './key-waits.ts'
import type { Kind } from './kind.ts'
import { KnownLanes } from './known-lanes.ts'
import type { PlannedLane } from './plan-claim.ts'
import { laneKey, planClaim } from './plan-claim.ts'
import type { JobStore, LaneClaim, ReadyLane } from './store.ts'

export interface ClaimerOptions {
  readonly store: JobStore
  readonly kinds: ReadonlyMap<string, Kind>
  readonly clock: Clock
  readonly holds: Holds
  /** What is claimed and not started: it has a slot already. */
  readonly ahead: Ahead
  readonly worker: string
  /** For how long the lanes may be taken as known while every claim is filled. */
  readonly freshMs: number
  /** Slots of a kind in use. */
  readonly ofKind: (kind: string) => number
}

export class Claimer {
  readonly #options: ClaimerOptions
  readonly #known: KnownLanes
  readonly #waits: KeyWaits

  constructor(options: ClaimerOptions) {
    const { store, kinds, clock, freshMs } = options
    const names = [...kinds.keys()]
    this.#options = options
    this.#known = new KnownLanes({ clock, freshMs, ask: (limit) => store.readyLanes(names, limit) })
    this.#waits = new KeyWaits(clock)
  }

  /** Something may have become free for jobs that wait for their concurrency keys. */
  lookAtKeys(): void {
    this.#waits.clear()
  }

  /** One round; empty when nothing may start. Rejects with the store's error only when nothing was claimed. */
  async round(capacity: number): Promise<readonly Job[]> {
    const wereKnown = this.#known.areFresh
    const jobs = await this.#round(capacity)
    // What was known is used up; that says nothing of what has come since.
    return jobs.length === 0 && wereKnown && !this.#known.areFresh ? this.#round(capacity) : jobs
  }

  async #round(capacity: number): Promise<readonly Job[]> {
    const lanes = await this.#known.next()
    const { kinds, ahead, ofKind } = this.#options
    const slotsOfKind = (kind: string): number => ofKind(kind) + ahead.ofKind(kind)
    const plan = planClaim(this.#waits.open(lanes), {
      capacity,
      slots: this.#slots(lanes),
      freeOf: (kind) => freeSlots(kinds.get(kind), slotsOfKind),
      turnOf: this.#known.turnOf,
    })
    const planned = plan.reduce((sum, lane) => sum + lane.limit, 0)
    if (planned === 0) this.#known.lookFurther()
    return planned === 0 ? [] : this.#claim(plan, planned)
  }

  /** What the targets admit beyond what waits to start there. */
  #slots(lanes: readonly ReadyLane[]): ReadonlyMap<string, number> {
    const { holds, ahead } = this.#options
    const slots = new Map(holds.ask(lanes.map((lane) => lane.target)))
    for (const { target } of ahead.jobs) slots.set(target, (slots.get(target) ?? 0) - 1)
    return slots
  }

  /** A claim has one lease for all it takes, so kinds with different leases are claimed apart. */
  async #claim(plan: readonly PlannedLane[], planned: number): Promise<readonly Job[]> {
    const { store, kinds, worker } = this.#options
    const taken: Job[] = []
    const byLease = Map.groupBy(plan, (lane) => (kinds.get(lane.kind) as Kind).leaseMs)
    try {
      for (const [leaseMs, lanes] of byLease)
        taken.push(...(await store.claim({ worker, leaseMs, lanes: lanes.map((lane) => this.#asked(lane)) })))
      this.#noteKeys(plan, taken)
    } catch (error) {
      this.#known.forget()
      if (taken.length === 0) throw error
    }
    this.#known.served(plan, taken.length < planned ? shortOf(plan, taken) : NONE)
    if (taken.length === 0) this.#known.forget()
    return taken
  }

  /** Other lanes pay nothing for keys. */
  #asked(lane: PlannedLane): LaneClaim {
    const perKey = this.#perKey(lane.kind)
    return perKey === undefined ? lane : { ...lane, perKey }
  }

  #noteKeys(plan: readonly PlannedLane[], taken: readonly Job[]): void {
    for (const lane of plan) {
      if (this.#perKey(lane.kind) === undefined) continue
      const got = taken.reduce((sum, { kind, target }) => sum + (kind === lane.kind && target === lane.target ? 1 : 0), 0)
      if (got < lane.limit) this.#waits.fellShort(lane)
    }
  }

  #perKey(kind: string): number | undefined {
    const { concurrencyKey, concurrencyPerKey } = this.#options.kinds.get(kind) as Kind
    return concurrencyKey === undefined ? undefined : concurrencyPerKey
  }
}

const NONE: ReadonlySet<string> = new Set()

/** Lanes that had less than was asked of them. */
function shortOf(plan: readonly PlannedLane[], taken: readonly Job[]): ReadonlySet<string> {
  const got = new Map<string, number>()
  for (const job of taken) got.set(laneKey(job), (got.get(laneKey(job)) ?? 0) + 1)
  return new Set(plan.filter((lane) => (got.get(laneKey(lane)) ?? 0) < lane.limit).map(laneKey))
}

/** Counting is for kinds with a limit of their own only. */
function freeSlots(kind: Kind | undefined, ofKind: (kind: string) => number): number {
  if (kind === undefined) return 0
  return kind.concurrency === Number.POSITIVE_INFINITY ? kind.concurrency : kind.concurrency - ofKind(kind.name)
}
