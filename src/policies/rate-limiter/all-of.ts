/**
 * Several limits at once, such as 10 a second and 1000 a day: what one of them refuses is counted in none.
 *
 * A place in the future is where all of them allow it. A place that is given up is taken back only while it is the latest;
 * an earlier one is lost, which errs on the side of the limits.
 */
import { LatestPlaces } from './latest-places.ts'
import { RateMachine, type RateState } from './rate-machine.ts'

export class AllOf extends RateMachine {
  readonly capacity: number
  readonly #machines: readonly RateMachine[]
  readonly #places = new LatestPlaces()
  #mark = 0

  constructor(machines: readonly RateMachine[]) {
    super()
    this.#machines = machines
    this.capacity = Math.min(...machines.map(({ capacity }) => capacity))
  }

  get idleAt(): number {
    let idleAt = Number.NEGATIVE_INFINITY
    for (const machine of this.#machines) idleAt = Math.max(idleAt, machine.idleAt)
    return idleAt
  }

  get mark(): number {
    return this.#mark
  }

  /** Each of them allows it from some time on, so all of them do from the last of these times on. */
  wait(now: number, cost: number): number {
    let wait = 0
    for (const machine of this.#machines) wait = Math.max(wait, machine.wait(now, cost))
    return wait
  }

  remaining(now: number): number {
    let remaining = this.capacity
    for (const machine of this.#machines) remaining = Math.min(remaining, machine.remaining(now))
    return remaining
  }

  occupy(now: number, at: number, cost: number): void {
    // Stryker disable next-line ConditionalExpression,EqualityOperator: what goes now is followed by others first; remembering it costs
    if (at > now) {
      const remembered = this.#machines.map((machine) => machine.occupyAndRemember(now, at, cost))
      this.#places.push(now, { at, cost, remembered })
    } else {
      for (const machine of this.#machines) machine.occupy(now, at, cost)
      this.#places.clear()
    }
    // Stryker disable next-line UpdateOperator: any other number will do
    this.#mark++
  }

  occupyAndRemember(now: number, at: number, cost: number): undefined {
    this.occupy(now, at, cost)
  }

  undo(at: number, cost: number): void {
    this.#undo(at, cost, this.#places.remove(at, cost)?.remembered)
  }

  #undo(at: number, cost: number, remembered: readonly unknown[] | undefined): void {
    for (const [index, machine] of this.#machines.entries()) machine.undo(at, cost, remembered?.[index])
    // Stryker disable next-line UpdateOperator: any other number will do
    this.#mark++
  }

  refund(at: number, cost: number, _now?: number, mark = Number.NaN): boolean {
    const latest = this.#places.remove(at, cost)
    if (latest === undefined && mark !== this.#mark) return false
    this.#undo(at, cost, latest?.remembered)
    return true
  }

  penalize(now: number, cost: number): void {
    this.#each((machine) => machine.penalize(now, cost))
  }

  reward(now: number, cost: number): void {
    this.#each((machine) => machine.reward(now, cost))
  }

  drain(now: number): void {
    this.#each((machine) => machine.drain(now))
  }

  #each(change: (machine: RateMachine) => void): void {
    this.#places.clear()
    this.#machines.forEach(change)
    // Stryker disable next-line UpdateOperator: any other number will do
    this.#mark++
  }

  dump(now: number): RateState {
    return this.#machines.map((machine) => machine.dump(now))
  }

  load(state: RateState, now: number, elapsedMs: number): void {
    for (const [index, machine] of this.#machines.entries()) machine.load(state[index] as RateState, now, elapsedMs)
    this.#places.clear()
    // Stryker disable next-line UpdateOperator: any other number will do
    this.#mark++
  }
}
