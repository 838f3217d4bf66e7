/**
 * Two ways to keep a rate, both O(1) per decision, both exact, both told the time.
 *
 * Token bucket as GCRA (ITU-T I.371, the "theoretical arrival time"): one number per key. `burst` may go at once, after that
 * one per emission interval. Sliding window: a ring of the last admissions; never more than `limit` in any window of that
 * length.
 *
 * A place that was reserved and given up again is free at once: the latest one is undone, an earlier one, behind which others
 * already sleep, goes to the next who asks for as much.
 */
import { FreedPlaces } from './freed-places.ts'
import { numbersOf, RateMachine, type RateState, SAME_TIME_MS } from './rate-machine.ts'

export class TokenBucket extends RateMachine {
  readonly capacity: number
  /** When the bucket will be full again: all that there is to know of it. */
  fullAt = Number.NEGATIVE_INFINITY
  readonly #intervalMs: number
  readonly #toleranceMs: number
  #freed: FreedPlaces | undefined

  constructor(limit: number, perMs: number, burst: number) {
    super()
    this.capacity = burst
    this.#intervalMs = perMs / limit
    this.#toleranceMs = Math.min(SAME_TIME_MS, this.#intervalMs / 100)
  }

  get idleAt(): number {
    return this.fullAt
  }

  get mark(): number {
    return this.fullAt
  }

  wait(now: number, cost: number): number {
    let at = Math.max(this.fullAt, now) + (cost - this.capacity) * this.#intervalMs
    if (this.#freed !== undefined) at = Math.min(at, this.#freed.earliest(now, cost) ?? at)
    return at - now > this.#toleranceMs ? at - now : 0
  }

  /** On the path of every call: `wait` and `occupy` in one. */
  override tryTake(now: number, cost: number): number {
    // Stryker disable next-line ConditionalExpression: a short cut: in two steps it comes to the same
    if (this.#freed !== undefined) return super.tryTake(now, cost)
    // Stryker disable next-line EqualityOperator: where both are equal, either will do
    const from = this.fullAt > now ? this.fullAt : now
    const wait = from + (cost - this.capacity) * this.#intervalMs - now
    if (wait > this.#toleranceMs) return wait
    this.fullAt = from + cost * this.#intervalMs
    return 0
  }

  remaining(now: number): number {
    const missing = Math.max(0, this.fullAt - now) / this.#intervalMs
    return Math.max(0, Math.floor(this.capacity - missing + this.#toleranceMs / this.#intervalMs))
  }

  occupy(_now: number, at: number, cost: number): void {
    if (this.#freed?.take(at, cost)) return
    this.fullAt = Math.max(this.fullAt, at) + cost * this.#intervalMs
  }

  occupyAndRemember(_now: number, at: number, cost: number): number | undefined {
    if (this.#freed?.take(at, cost)) return undefined
    const before = this.fullAt
    this.fullAt = Math.max(this.fullAt, at) + cost * this.#intervalMs
    return before
  }

  undo(_at: number, cost: number, remembered?: unknown): void {
    this.fullAt = typeof remembered === 'number' ? remembered : this.fullAt - cost * this.#intervalMs
  }

  refund(at: number, cost: number, now = Number.NEGATIVE_INFINITY, mark = Number.NaN): boolean {
    if (at <= now) {
      if (mark !== this.fullAt) return false
      this.undo(at, cost)
      return true
    }
    this.#freed ??= new FreedPlaces()
    this.#freed.add(at, cost)
    for (let latest = this.#freed.latest; latest !== undefined; latest = this.#freed.latest) {
      if (Math.abs(latest.at + this.capacity * this.#intervalMs - this.fullAt) > this.#toleranceMs) return true
      this.undo(latest.at, latest.cost)
      this.#freed.dropLatest()
    }
    this.#freed = undefined
    return true
  }

  penalize(now: number, cost: number): void {
    this.#move(Math.max(this.fullAt, now) + cost * this.#intervalMs)
  }

  reward(_now: number, cost: number): void {
    this.#move(this.fullAt - cost * this.#intervalMs)
  }

  drain(now: number): void {
    this.#move(Math.max(this.fullAt, now + this.capacity * this.#intervalMs))
  }

  /** Freed places were told by their distance from `fullAt`, so they go. */
  #move(fullAt: number): void {
    this.#freed = undefined
    this.fullAt = fullAt
  }

  dump(now: number): RateState {
    return this.fullAt > now ? [this.fullAt - now] : []
  }

  /** What was reserved ahead died with its callers: the bucket is empty at worst. */
  load(state: RateState, now: number, elapsedMs: number): void {
    const [missingMs = 0] = numbersOf(state)
    this.#move(now + Math.min(Math.max(missingMs - elapsedMs, 0), this.capacity * this.#intervalMs))
  }
}

/** Admissions that left the ring for others, and the mark of then. */
class Replaced {
  readonly times: number[] = []
  readonly mark: number

  constructor(mark: number) {
    this.mark = mark
  }
}

/** Rings begin with room for so many, since most keys are seen a few times only. */
const FIRST_ROOM = 4

export class SlidingWindow extends RateMachine {
  readonly capacity: number
  readonly #perMs: number
  /** Times of the last admissions, oldest at `#next`; as many as ever were in one window, up to `capacity`. */
  #ring: number[]
  #next = 0
  #latest = Number.NEGATIVE_INFINITY
  #freed: FreedPlaces | undefined
  #mark = 0

  constructor(limit: number, perMs: number) {
    super()
    this.capacity = limit
    this.#perMs = perMs
    this.#ring = emptyRing(Math.min(limit, FIRST_ROOM))
  }

  get idleAt(): number {
    return this.#latest + this.#perMs
  }

  get mark(): number {
    return this.#mark
  }

  /** The `cost` oldest admissions of the last `capacity` must have left the window. */
  wait(now: number, cost: number): number {
    const unused = this.capacity - this.#ring.length
    let at = this.#latest
    if (cost > unused)
      at = Math.max(at, (this.#ring[(this.#next + cost - 1 - unused) % this.#ring.length] as number) + this.#perMs)
    if (this.#freed !== undefined) at = Math.min(at, this.#freed.earliest(now, cost) ?? at)
    return at - now > SAME_TIME_MS ? at - now : 0
  }

  remaining(now: number): number {
    // Times in the ring only grow from the oldest on, so the ones that have left are found by bisection.
    let low = 0
    let high = this.#ring.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#ring[(this.#next + middle) % this.#ring.length] as number) + this.#perMs <= now) low = middle + 1
      else high = middle
    }
    return this.capacity - this.#ring.length + low
  }

  occupy(_now: number, time: number, cost: number): void {
    if (this.#freed?.take(time, cost)) return
    this.#count(Math.max(time, this.#latest), cost)
  }

  occupyAndRemember(_now: number, time: number, cost: number): Replaced | undefined {
    if (this.#freed?.take(time, cost)) return undefined
    const remembered = new Replaced(this.#mark)
    this.#count(Math.max(time, this.#latest), cost, remembered.times)
    return remembered
  }

  #count(at: number, cost: number, replaced?: number[]): void {
    for (let count = 0; count < cost; count++) {
      // Stryker disable next-line ConditionalExpression,EqualityOperator,LogicalOperator: room that is not needed changes no answer
      if (this.#ring.length < this.capacity && (this.#ring[this.#next] as number) + this.#perMs > at) this.#grow()
      replaced?.push(this.#ring[this.#next] as number)
      this.#ring[this.#next] = at
      this.#next = this.#next + 1 === this.#ring.length ? 0 : this.#next + 1
    }
    this.#latest = at
    // Stryker disable next-line UpdateOperator: any other number will do
    this.#mark++
  }

  /** Nothing is forgotten that is still in the window. */
  #grow(): void {
    const inOrder = this.#inOrder()
    // Stryker disable next-line MethodExpression,ArithmeticOperator: room that is not needed changes no answer
    this.#ring = emptyRing(Math.min(this.capacity, this.#ring.length * 2) - this.#ring.length).concat(inOrder)
    this.#next = 0
  }

  #inOrder(): number[] {
    return [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)]
  }

  /** What the latest admissions replaced had left the window by then, and that is all that counts. */
  undo(at: number, cost: number, remembered?: unknown): void {
    if (remembered instanceof Replaced) return this.#bringBack(remembered, cost)
    const oldest = Math.min(at - this.#perMs, this.#ring[this.#next] as number)
    for (let count = 0; count < cost; count++) {
      this.#next = (this.#next + this.#ring.length - 1) % this.#ring.length
      this.#ring[this.#next] = oldest
    }
    this.#latest = this.#ring[(this.#next + this.#ring.length - 1) % this.#ring.length] as number
    // Stryker disable next-line UpdateOperator: any other number will do
    this.#mark++
  }

  #bringBack({ times, mark }: Replaced, cost: number): void {
    const kept = this.#inOrder().slice(0, this.#ring.length - cost)
    const freed = this.#freed
    // The ring may have grown since, at its old end: what comes back belongs behind that.
    this.#load([...times, ...kept].sort((one, other) => one - other))
    this.#freed = freed
    this.#mark = mark
  }

  refund(at: number, cost: number, now = Number.NEGATIVE_INFINITY, mark = Number.NaN): boolean {
    if (at <= now) {
      if (mark !== this.#mark) return false
      this.undo(at, cost)
      return true
    }
    this.#freed ??= new FreedPlaces()
    this.#freed.add(at, cost)
    for (let latest = this.#freed.latest; latest !== undefined; latest = this.#freed.latest) {
      if (Math.abs(latest.at - this.#latest) > SAME_TIME_MS) return true
      this.undo(latest.at, latest.cost)
      this.#freed.dropLatest()
    }
    this.#freed = undefined
    return true
  }

  penalize(now: number, cost: number): void {
    this.#freed = undefined
    this.#count(Math.max(now, this.#latest), cost)
  }

  /** The newest admissions are forgotten. */
  reward(_now: number, cost: number): void {
    const kept = this.#inOrder().slice(0, Math.max(0, this.#ring.length - cost))
    this.#load(kept)
  }

  drain(now: number): void {
    this.#load(Array.from({ length: this.capacity }, () => Math.max(now, this.#latest)))
  }

  /**
   * Places ahead die with their callers; what they replaced may be in the window yet. When that was is not known any more, but
   * it had left by the place, and was no later than any that is left.
   */
  dump(now: number): RateState {
    const inOrder = this.#inOrder()
    const oldest = inOrder[0] as number
    const admitted = inOrder.map((at) => (at > now ? Math.min(at - this.#perMs, oldest, now) : at))
    return admitted.filter((at) => at + this.#perMs > now).map((at) => at - now)
  }

  load(state: RateState, now: number, elapsedMs: number): void {
    const times = numbersOf(state).map((ago) => now + Math.min(ago, 0) - elapsedMs)
    this.#load(times.sort((one, other) => one - other).slice(-this.capacity))
  }

  /** Begins anew with these admissions, oldest first. */
  #load(times: readonly number[]): void {
    // Stryker disable next-line MethodExpression,ArithmeticOperator: room that is not needed changes no answer
    this.#ring = emptyRing(Math.max(0, Math.min(this.capacity, FIRST_ROOM) - times.length)).concat(times)
    this.#next = 0
    this.#latest = this.#ring.at(-1) as number
    this.#freed = undefined
    // Stryker disable next-line UpdateOperator: any other number will do
    this.#mark++
  }
}

function emptyRing(room: number): number[] {
  return Array.from({ length: room }, () => Number.NEGATIVE_INFINITY)
}
