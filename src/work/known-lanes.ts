/**
 * The lanes that the store has shown, for as long as they may be taken as known.
 *
 * A few are asked for anew every moment. To find many costs the store a look at each, so then it is asked for more than one
 * round needs, they are kept for some rounds, and each round goes on with those that were served longest ago.
 */
import type { Clock } from '../core/clock.ts'
import type { PlannedLane } from './plan-claim.ts'
import { inTurn, laneKey } from './plan-claim.ts'
import type { Lane, ReadyLane } from './store.ts'

export interface KnownLanesOptions {
  readonly clock: Clock
  readonly ask: (limit: number) => Promise<readonly ReadyLane[]>
  /** For how long they may be taken as known. */
  readonly freshMs: number
}

/** So many are for one round. */
const FEW = 200
const MOST = 10_000
/** So many are asked for where there are more than a few. */
const MANY = 2000
/** Of the time, at most about one part in so many goes into asking; but what is new need not wait for long. */
const ASK_SHARE = 10
const FRESH_AT_MOST_MS = 500

export class KnownLanes {
  readonly #options: KnownLanesOptions
  /** By priority; among equals, who was served longest ago comes first once there are many. */
  #lanes: readonly ReadyLane[] = []
  #until = Number.NEGATIVE_INFINITY
  #asked = FEW
  #window = FEW
  #turn = 0
  readonly #turns = new Map<string, number>()

  constructor(options: KnownLanesOptions) {
    this.#options = options
  }

  get areFresh(): boolean {
    return this.#options.clock.now() < this.#until
  }

  /** For one round; rejects with the store's error. */
  async next(): Promise<readonly ReadyLane[]> {
    if (!this.areFresh) await this.#ask()
    return this.#lanes.length > this.#window ? this.#lanes.slice(0, this.#window) : this.#lanes
  }

  readonly turnOf = (lane: Lane): number => this.#turns.get(laneKey(lane)) ?? 0

  /** They are asked for anew. */
  forget(): void {
    this.#until = Number.NEGATIVE_INFINITY
  }

  /** All that were shown are held: look further than that next time. */
  lookFurther(): void {
    if (this.#lanes.length >= this.#window) this.#window = Math.min(this.#window * 4, MOST)
    this.forget()
  }

  /** These were claimed from; `shortOf` had less than was asked of them. */
  served(plan: readonly PlannedLane[], shortOf: ReadonlySet<string>): void {
    this.#turn++
    for (const lane of plan) this.#turns.set(laneKey(lane), this.#turn)
    const areMany = this.#lanes.length > FEW
    if (areMany) this.#rotate(new Set(plan.map(laneKey)), shortOf)
    // Of few lanes one that ran dry says that they are not as they were.
    if (shortOf.size > 0 && (!areMany || this.#lanes.length <= FEW)) this.forget()
  }

  async #ask(): Promise<void> {
    const { clock, ask, freshMs } = this.#options
    const began = clock.now()
    const lanes = await ask(Math.max(this.#asked, this.#window))
    const now = clock.now()
    const areMany = lanes.length > FEW
    const keptMs = areMany ? Math.min(ASK_SHARE * (now - began), FRESH_AT_MOST_MS) : 0
    this.#until = now + Math.max(freshMs, keptMs)
    this.#asked = lanes.length >= FEW ? MANY : FEW
    const waiting = new Set(lanes.map(laneKey))
    for (const key of this.#turns.keys()) if (!waiting.has(key)) this.#turns.delete(key)
    this.#lanes = areMany ? byPriority(inTurn(lanes, this.turnOf)) : lanes
  }

  /** The next round begins with those that had no turn in this one. */
  #rotate(planned: ReadonlySet<string>, shortOf: ReadonlySet<string>): void {
    const [first, rest] = [this.#lanes.slice(0, this.#window), this.#lanes.slice(this.#window)]
    const left = first.filter((lane) => !planned.has(laneKey(lane)))
    const back = first.filter((lane) => planned.has(laneKey(lane)) && !shortOf.has(laneKey(lane)))
    this.#lanes = byPriority([...left, ...rest, ...back])
  }
}

/** Stable. */
function byPriority(lanes: ReadyLane[]): ReadyLane[] {
  return lanes.sort((a, b) => b.priority - a.priority)
}
