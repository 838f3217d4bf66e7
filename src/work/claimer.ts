/** Takes work: asks what is ready, asks the targets whether they admit, and claims no more than they do. */
import type { Clock } from '../core/clock.ts'
import type { Ahead } from './ahead.ts'
import type { Holds } from './holds.ts'
import type { Job } from './job.ts'
import { KeyWaits } from './key-waits.ts'
import type { Kind } from './kind.ts'
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

const LANES_AT_FIRST = 200
const LANES_AT_MOST = 10_000

export class Claimer {
  readonly #options: ClaimerOptions
  readonly #names: readonly string[]
  readonly #waits: KeyWaits
  #lanes: readonly ReadyLane[] = []
  #lanesUntil = Number.NEGATIVE_INFINITY
  #laneLimit = LANES_AT_FIRST
  #turn = 0
  #turns = new Map<string, number>()

  constructor(options: ClaimerOptions) {
    this.#options = options
    this.#names = [...options.kinds.keys()]
    this.#waits = new KeyWaits(options.clock)
  }

  /** Something may have become free for jobs that wait for their concurrency keys. */
  lookAtKeys(): void {
    this.#waits.clear()
  }

  /** One round; empty when nothing may start. Rejects with the store's error only when nothing was claimed. */
  async round(capacity: number): Promise<readonly Job[]> {
    const lanes = await this.#readyLanes()
    const { kinds, ahead, ofKind } = this.#options
    const slotsOfKind = (kind: string): number => ofKind(kind) + ahead.ofKind(kind)
    const plan = planClaim(this.#waits.open(lanes), {
      capacity,
      slots: this.#slots(lanes),
      freeOf: (kind) => freeSlots(kinds.get(kind), slotsOfKind),
      turnOf: (lane) => this.#turns.get(laneKey(lane)) ?? 0,
    })
    const planned = plan.reduce((sum, lane) => sum + lane.limit, 0)
    // All that the store showed is held: look further than that next time.
    if (planned === 0 && lanes.length >= this.#laneLimit) this.#laneLimit = Math.min(this.#laneLimit * 4, LANES_AT_MOST)
    if (planned === 0) this.#forgetLanes()
    return planned === 0 ? [] : this.#claim(plan, planned)
  }

  /** What the targets admit beyond what waits to start there. */
  #slots(lanes: readonly ReadyLane[]): ReadonlyMap<string, number> {
    const { holds, ahead } = this.#options
    const slots = new Map(holds.ask(lanes.map((lane) => lane.target)))
    for (const { target } of ahead.jobs) slots.set(target, (slots.get(target) ?? 0) - 1)
    return slots
  }

  /** A full claim says that there is more: then the lanes are not asked for again at once. */
  async #readyLanes(): Promise<readonly ReadyLane[]> {
    const { store, clock, freshMs } = this.#options
    if (clock.now() < this.#lanesUntil) return this.#lanes
    this.#lanes = await store.readyLanes(this.#names, this.#laneLimit)
    this.#lanesUntil = clock.now() + freshMs
    const waiting = new Set(this.#lanes.map(laneKey))
    for (const key of this.#turns.keys()) if (!waiting.has(key)) this.#turns.delete(key)
    return this.#lanes
  }

  #forgetLanes(): void {
    this.#lanesUntil = Number.NEGATIVE_INFINITY
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
      this.#forgetLanes()
      if (taken.length === 0) throw error
    }
    if (taken.length < planned) this.#forgetLanes()
    this.#turn++
    for (const lane of plan) this.#turns.set(laneKey(lane), this.#turn)
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

/** Counting is for kinds with a limit of their own only. */
function freeSlots(kind: Kind | undefined, ofKind: (kind: string) => number): number {
  if (kind === undefined) return 0
  return kind.concurrency === Number.POSITIVE_INFINITY ? kind.concurrency : kind.concurrency - ofKind(kind.name)
}
