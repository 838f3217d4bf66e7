/**
 * The limit for all and the limits per key, those who wait under each, and what servers said of each.
 */
import type { Clock } from '../../core/clock.ts'
import { KeyedMachines } from './keyed.ts'
import type { RateDecision, RateMachine, RateState } from './rate-machine.ts'
import { ServerView } from './server-view.ts'
import { type Turn, Turns } from './turns.ts'

export type Key = string | undefined

export class Limits {
  readonly keyed: KeyedMachines
  readonly #clock: Clock
  readonly #trustMs: number
  #all: RateMachine
  /** Only of limits under which somebody waits. */
  readonly #turns = new Map<Key, Turns>()

  constructor(make: () => RateMachine, maxKeys: number, trustMs: number, clock: Clock) {
    this.#all = make()
    this.keyed = new KeyedMachines(make, maxKeys)
    this.#trustMs = trustMs
    this.#clock = clock
  }

  get all(): RateMachine {
    return this.#all
  }

  tryTake(key: Key, now: number, cost: number): number {
    return key === undefined ? this.#all.tryTake(now, cost) : this.keyed.tryTake(key, now, cost)
  }

  wait(key: Key, now: number, cost: number): number {
    return key === undefined ? this.#all.wait(now, cost) : this.keyed.wait(key, now, cost)
  }

  peek(key: Key, now: number, cost: number): RateDecision {
    return key === undefined ? this.#all.peek(now, cost) : this.keyed.peek(key, now, cost)
  }

  take(key: Key, now: number, cost: number): RateDecision {
    return key === undefined ? this.#all.take(now, cost) : this.keyed.take(key, now, cost)
  }

  /** To be kept and used at will. */
  machine(key: Key, now: number): RateMachine {
    return key === undefined ? this.#all : this.keyed.at(key, now)
  }

  /** What servers said, where they said something. */
  view(key: Key): ServerView | undefined {
    const machine = key === undefined ? this.#all : this.keyed.known(key)
    return machine instanceof ServerView ? machine : undefined
  }

  waiting(key: Key): number {
    return this.#turns.get(key)?.size ?? 0
  }

  join(key: Key, turn: Turn, now: number): Turns {
    let turns = this.#turns.get(key)
    if (turns === undefined) {
      turns = new Turns(this.machine(key, now), this.#clock, () => this.#turns.delete(key))
      this.#turns.set(key, turns)
    }
    turns.join(turn, now)
    return turns
  }

  /** Takes over what an earlier process had counted. */
  load(key: Key, state: RateState, now: number, elapsedMs: number): void {
    // Stryker disable next-line ConditionalExpression: a short cut: a key for which nobody waits need not become an object
    if (key !== undefined && !this.#turns.has(key)) return this.keyed.load(key, state, now, elapsedMs)
    this.change(key, (machine) => machine.load(state, now, elapsedMs))
  }

  /** @returns true when the place went back; those who wait move up */
  refund(key: Key, at: number, cost: number, mark: number): boolean {
    let refunded = false
    const machine = key === undefined ? this.#all : this.keyed.known(key)
    if (machine !== undefined)
      this.#around(key, (now) => {
        refunded = machine.refund(at, cost, now, mark)
        return machine
      })
    return refunded
  }

  /** Changes a limit; those who wait under it are placed anew. */
  change(key: Key, change: (machine: RateMachine, now: number) => void): void {
    this.#around(key, (now) => {
      const machine = this.machine(key, now)
      change(machine, now)
      return machine
    })
  }

  /** The same where a server, or somebody by hand, has something to say of it. */
  changeView(key: Key, change: (view: ServerView, now: number) => void): void {
    this.#around(key, (now) => {
      const view = this.#openView(key, now)
      change(view, now)
      return view
    })
  }

  #openView(key: Key, now: number): ServerView {
    const machine = this.machine(key, now)
    if (machine instanceof ServerView) return machine
    const view = new ServerView(machine, this.#trustMs)
    if (key === undefined) this.#all = view
    else this.keyed.replace(key, view)
    return view
  }

  #around(key: Key, change: (now: number) => RateMachine): void {
    const turns = this.#turns.get(key)
    if (turns === undefined) change(this.#clock.now())
    else turns.around(change)
  }
}
