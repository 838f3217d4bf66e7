/**
 * Shares free slots among lanes: strictly by priority, in turns among equals, within what targets and kinds allow. Pure.
 */
import type { Lane, ReadyLane } from './store.ts'

export interface ClaimLimits {
  /** Free slots of the worker. */
  readonly capacity: number
  /** How many jobs may start now, by target; targets that are not in it are held. */
  readonly slots: ReadonlyMap<string, number>
  /** Free slots of a kind, `Infinity` when it has no limit. */
  readonly freeOf: (kind: string) => number
  /** Who was served how recently: lower goes first. */
  readonly turnOf: (lane: Lane) => number
}

export type PlannedLane = Lane & { readonly limit: number }

export function laneKey(lane: Lane): string {
  return `${lane.kind}\n${lane.target}`
}

/** What to claim, in order; lanes that get nothing are not in it. */
export function planClaim(lanes: readonly ReadyLane[], limits: ClaimLimits): PlannedLane[] {
  const shares = new Shares(limits)
  const byPriority = Map.groupBy(lanes, (lane) => lane.priority)
  for (const priority of [...byPriority.keys()].sort((a, b) => b - a)) {
    shares.deal(inTurn(byPriority.get(priority) as ReadyLane[], limits.turnOf))
  }
  return shares.plan
}

/** Who was served longest ago goes first, then who has waited longest. */
export function inTurn<L extends ReadyLane>(lanes: readonly L[], turnOf: (lane: Lane) => number): L[] {
  // Asked once each: a turn is looked up by a name that is made for it.
  const turns = lanes.map((lane) => ({ lane, turn: turnOf(lane) }))
  return turns.sort((a, b) => a.turn - b.turn || a.lane.runAt - b.lane.runAt).map(({ lane }) => lane)
}

class Shares {
  readonly plan: (PlannedLane & { limit: number })[] = []
  readonly #freeOf: (kind: string) => number
  readonly #slots: Map<string, number>
  readonly #kinds = new Map<string, number>()
  #capacity: number

  constructor(limits: ClaimLimits) {
    this.#capacity = limits.capacity
    this.#slots = new Map(limits.slots)
    this.#freeOf = limits.freeOf
  }

  /** One slot each in turn, until the lanes may take no more or the slots are gone. */
  deal(lanes: readonly ReadyLane[]): void {
    let open = lanes.map(({ kind, target }) => ({ kind, target, limit: 0 }))
    const dealt = open
    while (open.length > 0 && this.#capacity > 0) open = open.filter((lane) => this.#take(lane))
    for (const lane of dealt) if (lane.limit > 0) this.plan.push(lane)
  }

  #take(lane: PlannedLane & { limit: number }): boolean {
    const slots = this.#slots.get(lane.target) ?? 0
    const free = this.#kinds.get(lane.kind) ?? this.#freeOf(lane.kind)
    if (this.#capacity <= 0 || slots <= 0 || free <= 0) return false
    this.#capacity--
    this.#slots.set(lane.target, slots - 1)
    this.#kinds.set(lane.kind, free - 1)
    lane.limit++
    return true
  }
}
