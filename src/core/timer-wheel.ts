/**
 * One native timer for all timeouts of a clock.
 *
 * A native timer per call costs over a microsecond; linking an entry into a shared bucket costs a few nanoseconds, and most
 * timeouts are cancelled long before they are due. Deadlines are rounded up to 1/64 of the duration (a power of two, at
 * least 1 ms; not at all on an exact clock), so a timeout is never early, at most 1.6 % late, and at most some 128 buckets
 * per octave of duration exist. Never keeps a process alive.
 *
 * Members are `private _x` instead of `#x`: this is on the path of every call, see docs/decisions/0006.
 */
import type { Cancel, Clock } from './clock.ts'

/** A pending timeout. Bucket lists are circular and doubly linked, so cancelling is O(1). */
export class WheelEntry {
  prev: WheelEntry = this
  next: WheelEntry = this
  private readonly _wake: (subject: never) => void
  private readonly _subject: unknown

  /** @param subject given to `wake`, so that a caller with many timeouts needs no closure for each */
  constructor(wake: () => void)
  constructor(wake: (subject: never) => void, subject: unknown)
  constructor(wake: (subject: never) => void, subject?: unknown) {
    this._wake = wake
    this._subject = subject
  }

  wake(): void {
    this._wake(this._subject as never)
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
  private readonly _clock: Clock
  private readonly _buckets = new Map<number, WheelEntry>()
  /** Due times of the buckets, sorted. Empty buckets stay until they are due, or the earliest. */
  private readonly _due: number[] = []
  /** The bucket that was used last: calls with one timeout share it for a while, and finding it in the map costs more than all else. */
  private _recentDue = Number.NaN
  private _recent = new WheelEntry(unused)
  /** The last duration, and what its deadlines are rounded up to; 0 is not at all. */
  private _ms = Number.NaN
  private _grain = 0
  private _disarm: Cancel = unused

  constructor(clock: Clock) {
    this._clock = clock
  }

  /** How many buckets exist; for tests of boundedness. */
  get size(): number {
    return this._buckets.size
  }

  /** Calls `entry.wake` once `ms` have passed since `now`, a reading of this wheel's clock. */
  add(entry: WheelEntry, ms: number, now: number): void {
    // Stryker disable next-line ConditionalExpression: computed anew it would be the same
    if (ms !== this._ms) {
      this._ms = ms
      this._grain = this._clock.precision === 'exact' ? 0 : grainOf(ms)
    }
    const due = this._grain === 0 ? now + ms : Math.ceil((now + ms) / this._grain) * this._grain
    // Stryker disable next-line ConditionalExpression: the map knows the bucket too, and costs more
    if (due !== this._recentDue) this._find(due, now)
    const head = this._recent
    entry.prev = head.prev
    entry.next = head
    head.prev.next = entry
    head.prev = entry
  }

  private _find(due: number, now: number): void {
    let head = this._buckets.get(due)
    if (head === undefined) {
      head = new WheelEntry(unused)
      this._buckets.set(due, head)
      insert(this._due, due)
      if (this._due[0] === due) this._arm(due, now)
    }
    this._recentDue = due
    this._recent = head
  }

  private _arm(due: number, now: number): void {
    this._disarm()
    this._disarm = this._clock.setTimer(due - now, () => this._turn(), true)
  }

  private _turn(): void {
    const now = this._clock.now()
    let due = this._due[0]
    while (due !== undefined && (due <= now || this._isEmpty(due))) {
      this._fire(due)
      due = this._due[0]
    }
    // A native timer may fire a fraction of a millisecond early; then nothing was due yet, and it is armed for the rest.
    if (due !== undefined) this._arm(due, now)
  }

  private _isEmpty(due: number): boolean {
    const head = this._buckets.get(due)!
    return head.next === head
  }

  /** The earliest bucket goes, and what is left in it is woken. */
  private _fire(due: number): void {
    const head = this._buckets.get(due)!
    this._due.shift()
    this._buckets.delete(due)
    this._recentDue = Number.NaN
    while (head.next !== head) {
      const entry = head.next
      entry.cancel()
      entry.wake()
    }
  }
}

/** 1/64 of a duration, as a power of two of at least 1 ms. */
function grainOf(ms: number): number {
  return Math.max(1, 2 ** (25 - Math.clz32(Math.min(ms, 0x7fffffff))))
}

const wheels = new WeakMap<Clock, TimerWheel>()

/** Nearly always there is one clock; looking it up in the map would cost more than adding the timeout. */
let recentClock: Clock | undefined
let recentWheel: TimerWheel | undefined

/** The wheel that serves all timeouts on this clock. */
export function wheelOf(clock: Clock): TimerWheel {
  // Stryker disable next-line ConditionalExpression: the map knows the wheel too, and costs more
  if (clock === recentClock) return recentWheel as TimerWheel
  let wheel = wheels.get(clock)
  if (wheel === undefined) {
    wheel = new TimerWheel(clock)
    wheels.set(clock, wheel)
  }
  recentClock = clock
  recentWheel = wheel
  return wheel
}

/** A new time is nearly always among the last. */
function insert(sorted: number[], value: number): void {
  // Stryker disable next-line EqualityOperator: each time is there once
  sorted.splice(sorted.findLastIndex((known) => known < value) + 1, 0, value)
}
