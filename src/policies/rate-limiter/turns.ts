/**
 * Those who wait for their turn under one limit, in the order in which they came, with one timer for all of them.
 *
 * Places and those who wait are two lists of one length: whoever is first has the earliest place. When somebody gives up,
 * those behind move up and the last place goes back, so nobody who comes later gets ahead of anybody.
 */
import type { Cancel, Clock } from '../../core/clock.ts'
import { FirstCome } from '../../core/first-come.ts'
import { type RateMachine, SAME_TIME_MS } from './rate-machine.ts'

export interface Turn {
  readonly cost: number
  /** Monotonic ms: it goes by `latest`, and before `deadline`, or not at all. */
  readonly latest: number
  readonly deadline: number
  readonly go: () => void
  /** Its place has moved beyond what it can wait for. */
  readonly refuse: (waitMs: number) => void
}

interface Place {
  /** Monotonic ms. */
  readonly at: number
  readonly remembered: unknown
  /** Of the machine, when this was its latest place. */
  readonly mark: number
}

export class Turns {
  readonly #clock: Clock
  readonly #onEmpty: () => void
  #machine: RateMachine
  readonly #line = new FirstCome<Turn>()
  /** From `#first` on. */
  #places: Place[] = []
  #first = 0
  /** NaN where costs differ: then a place does not suit everybody, and all are placed anew when one gives up. */
  #commonCost = Number.NaN
  #armedFor = Number.NaN
  #disarm: Cancel | undefined

  constructor(machine: RateMachine, clock: Clock, onEmpty: () => void) {
    this.#machine = machine
    this.#clock = clock
    this.#onEmpty = onEmpty
  }

  get size(): number {
    return this.#line.size
  }

  /** Takes the place after all others. The caller has found that it is early enough. */
  join(turn: Turn, now: number): void {
    this.#place(turn, now, this.#machine.wait(now, turn.cost))
    this.#line.add(turn)
    this.#arm(now)
  }

  #place(turn: Turn, now: number, wait: number): void {
    // Stryker disable all: all may always be placed anew; where costs are equal, one place back is cheaper and comes to the same
    if (this.#line.size === 0) this.#commonCost = turn.cost
    else if (turn.cost !== this.#commonCost) this.#commonCost = Number.NaN
    // Stryker restore all
    const remembered = this.#machine.occupyAndRemember(now, now + wait, turn.cost)
    this.#places.push({ at: now + wait, remembered, mark: this.#machine.mark })
  }

  leave(turn: Turn): void {
    if (!this.#line.has(turn)) return
    // Stryker disable next-line ConditionalExpression: all may always be placed anew
    if (Number.isNaN(this.#commonCost)) this.#replaceAll(this.#clock.now(), turn)
    else {
      this.#line.delete(turn)
      this.#takeBack(this.#places.pop() as Place, turn.cost)
    }
    this.#settle(this.#clock.now())
  }

  /** Changes the machine as if nobody waited, and places all anew. Whom the change came too hard is refused. */
  around(change: (now: number) => RateMachine): void {
    const now = this.#clock.now()
    this.#takeBackAll()
    this.#machine = change(now)
    const refused = this.#placeAll(now)
    this.#settle(now)
    for (const [turn, wait] of refused) turn.refuse(wait)
  }

  #replaceAll(now: number, leaving: Turn): void {
    this.#takeBackAll()
    this.#line.delete(leaving)
    // All move up, or stay but for a rounding, for which nobody is refused.
    this.#placeAll(now, Number.POSITIVE_INFINITY)
  }

  /** From the last one on, since only the latest place can be taken back exactly. */
  #takeBackAll(): void {
    const turns = [...this.#line]
    for (let index = turns.length - 1; index >= 0; index--)
      this.#takeBack(this.#places[this.#first + index] as Place, turns[index]!.cost)
    this.#places = []
    this.#first = 0
  }

  #takeBack({ at, remembered, mark }: Place, cost: number): void {
    if (remembered !== undefined && mark === this.#machine.mark) this.#machine.undo(at, cost, remembered)
    else this.#machine.refund(at, cost)
  }

  #placeAll(now: number, grace = 0): [turn: Turn, wait: number][] {
    const turns = [...this.#line]
    const refused: [Turn, number][] = []
    this.#line.clear()
    for (const turn of turns) {
      const wait = this.#machine.wait(now, turn.cost)
      // Stryker disable next-line EqualityOperator: none is off by just the rounding that is allowed for
      const isLate = now + wait > turn.latest + SAME_TIME_MS + grace
      if (isLate || now + wait >= turn.deadline + grace) refused.push([turn, wait])
      else {
        this.#place(turn, now, wait)
        this.#line.add(turn)
      }
    }
    return refused
  }

  /** Lets those go whose time has come. A native timer may be early by a fraction; then it is armed for the rest. */
  #settle(now: number): void {
    for (let { first: turn } = this.#line; turn !== undefined; turn = this.#line.first) {
      // Stryker disable next-line EqualityOperator: none is off by just the rounding that is allowed for
      if ((this.#places[this.#first] as Place).at - now > SAME_TIME_MS) break
      this.#first++
      this.#line.delete(turn)
      turn.go()
    }
    // Stryker disable next-line all: how often the list is cut changes what it costs, and nothing else
    if (this.#first > 64 && this.#first * 2 > this.#places.length) {
      this.#places = this.#places.slice(this.#first)
      this.#first = 0
    }
    this.#arm(now)
  }

  #arm(now: number): void {
    const due = this.#line.size === 0 ? Number.NaN : (this.#places[this.#first] as Place).at
    // Stryker disable next-line ConditionalExpression: a short cut: armed anew it is armed for the same time
    if (due === this.#armedFor) return
    this.#disarm?.()
    this.#armedFor = due
    if (Number.isNaN(due)) return this.#onEmpty()
    this.#disarm = this.#clock.setTimer(due - now, () => {
      this.#armedFor = Number.NaN
      this.#settle(this.#clock.now())
    })
  }
}
