/**
 * One native timer for all timeouts of a clock.
 *
 * A native timer per call costs over a microsecond; linking an entry into a shared bucket costs a few nanoseconds, and most
 * timeouts are cancelled long before they are due. Deadlines are rounded up to 1/64 of the duration (a power of two, at
 * least 1 ms; not at all on an exact clock), so a timeout is never early, at most 1.6 % late, and at most some 128 buckets
 * per octave of duration exist. Never keeps a process alive.
 */
import type { Cancel, Clock } from './clock.ts'

/** A pending timeout. Bucket lists are circular and doubly linked, so cancelling is O(1). */
export class WheelEntry {
  prev: WheelEntry = this
  next: WheelEntry = this
  readonly wake: () => void

  constructor(wake: () => void) {
    this.wake = wake
  }

  /** Unlinks the entry; harmless when it has fired. */
  cancel(): void {
    this.prev.next = this.next
    this.next.prev = this.prev
    this.prev = this
    this.next = this
  }
}

const unused = (): void => {}

export class TimerWheel {
  readonly #clock: Clock
  readonly #buckets = new Map<number, WheelEntry>()
  /** Due times of the buckets, as a binary min-heap. Empty buckets stay until they are due. */
  readonly #due: number[] = []
  #armedFor = Number.POSITIVE_INFINITY
  #disarm: Cancel = unused

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** How many buckets exist; for tests of boundedness. */
  get size(): number {
    return this.#buckets.size
  }

  /** Calls `entry.wake` once `ms` have passed since `now`, a reading of this wheel's clock. */
  add(entry: WheelEntry, ms: number, now: number): void {
    const due = this.#roundUp(now + ms, ms)
    let head = this.#buckets.get(due)
    if (head === undefined) {
      head = new WheelEntry(unused)
      this.#buckets.set(due, head)
      pushHeap(this.#due, due)
      if (due < this.#armedFor) this.#arm(due, now)
    }
    entry.prev = head.prev
    entry.next = head
    head.prev.next = entry
    head.prev = entry
  }

  #roundUp(due: number, ms: number): number {
    if (this.#clock.precision === 'exact') return due
    const grain = ms < 128 ? 1 : 2 ** (26 - Math.clz32(Math.min(ms, 0x7fffffff)) - 1)
    return Math.ceil(due / grain) * grain
  }

  #arm(due: number, now: number): void {
    this.#disarm()
    this.#armedFor = due
    this.#disarm = this.#clock.setTimer(due - now, () => this.#turn(), true)
  }

  #turn(): void {
    const now = this.#clock.now()
    this.#armedFor = Number.POSITIVE_INFINITY
    // A native timer may fire a fraction of a millisecond early; then nothing is due yet, and it is armed for the rest.
    while (this.#due.length > 0 && (this.#due[0] as number) <= now) this.#fire(popHeap(this.#due))
    while (this.#due.length > 0 && this.#isEmpty(this.#due[0] as number)) this.#buckets.delete(popHeap(this.#due))
    if (this.#due.length > 0 && (this.#due[0] as number) < this.#armedFor) this.#arm(this.#due[0] as number, now)
  }

  #isEmpty(due: number): boolean {
    const head = this.#buckets.get(due)
    return head === undefined || head.next === head
  }

  #fire(due: number): void {
    const head = this.#buckets.get(due)
    this.#buckets.delete(due)
    if (head === undefined) return
    while (head.next !== head) {
      const entry = head.next
      entry.cancel()
      entry.wake()
    }
  }
}

const wheels = new WeakMap<Clock, TimerWheel>()

/** The wheel that serves all timeouts on this clock. */
export function wheelOf(clock: Clock): TimerWheel {
  let wheel = wheels.get(clock)
  if (wheel === undefined) {
    wheel = new TimerWheel(clock)
    wheels.set(clock, wheel)
  }
  return wheel
}

function pushHeap(heap: number[], value: number): void {
  let at = heap.push(value) - 1
  while (at > 0) {
    const parent = (at - 1) >> 1
    if ((heap[parent] as number) <= value) break
    heap[at] = heap[parent] as number
    at = parent
  }
  heap[at] = value
}

function popHeap(heap: number[]): number {
  const top = heap[0] as number
  const last = heap.pop() as number
  if (heap.length > 0) {
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && (heap[child + 1] as number) < (heap[child] as number)) child++
      if ((heap[child] as number) >= last) break
      heap[at] = heap[child] as number
      at = child
    }
    heap[at] = last
  }
  return top
}
