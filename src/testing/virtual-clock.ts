/**
 * A clock that stands still until a test moves it. Timers fire in order of their due time, and the promises that each one
 * wakes settle before the next fires, so a test never sleeps and never races.
 */
import type { Cancel, Clock } from '../core/clock.ts'

interface Timer {
  readonly due: number
  readonly order: number
  readonly idle: boolean
  readonly wake: () => void
}

export interface VirtualClockOptions {
  /** First reading of `now`, in ms. Default 0. */
  readonly now?: number
  /** First reading of `wallNow`, in epoch ms. Default 2026-01-01T00:00:00Z. */
  readonly wallNow?: number
}

/**
 * @example
 * const clock = new VirtualClock()
 * const waiting = sleep(clock, 1000)
 * await clock.advance(1000)
 * await waiting
 */
export class VirtualClock implements Clock {
  readonly precision = 'exact'
  #now: number
  #wallOffset: number
  #order = 0
  readonly #timers = new Set<Timer>()

  constructor(options: VirtualClockOptions = {}) {
    this.#now = options.now ?? 0
    this.#wallOffset = (options.wallNow ?? Date.UTC(2026, 0, 1)) - this.#now
  }

  now(): number {
    return this.#now
  }

  wallNow(): number {
    return this.#now + this.#wallOffset
  }

  setTimer(ms: number, wake: () => void, idle = false): Cancel {
    const timer: Timer = { due: this.#now + Math.max(0, ms), order: this.#order++, idle, wake }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  /** Moves time forward by `ms`, firing what becomes due on the way; then lets promises settle. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    await drainMicrotasks()
    for (let timer = this.#nextDue(end); timer !== undefined; timer = this.#nextDue(end)) {
      this.#now = Math.max(this.#now, timer.due)
      this.#timers.delete(timer)
      timer.wake()
      await drainMicrotasks()
    }
    this.#now = end
  }

  /** Moves the wall clock alone, as NTP or a person would. The monotonic reading does not change. */
  stepWall(ms: number): void {
    this.#wallOffset += ms
  }

  /** Timers that wait; `idle` ones, which keep no process alive, only when asked for. For leak tests. */
  pendingTimers(options: { readonly includeIdle?: boolean } = {}): number {
    let count = 0
    for (const timer of this.#timers) if (options.includeIdle || !timer.idle) count++
    return count
  }

  #nextDue(end: number): Timer | undefined {
    let next: Timer | undefined
    for (const timer of this.#timers) {
      if (timer.due > end) continue
      if (next === undefined || timer.due < next.due || (timer.due === next.due && timer.order < next.order)) next = timer
    }
    return next
  }
}

/** Promise chains of a call settle within so many turns; what takes longer waits for real time and is not for this clock. */
const TURNS = 50

async function drainMicrotasks(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await Promise.resolve()
}
