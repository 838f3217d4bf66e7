/**
 * Time for libraries that know no clock but the platform's: either the platform's timers and clocks replaced, for as long as a
 * scenario runs, or the real ones, waited for.
 *
 * Replaced timers keep Node's rules: a delay below 1 ms or above 2³¹−1 ms is 1 ms.
 */
import type { ConformanceTime } from '../../src/testing/conformance/index.ts'

const real = {
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
  setImmediate: globalThis.setImmediate,
  dateNow: Date.now,
  performanceNow: performance.now.bind(performance),
}

const LONGEST = 2 ** 31 - 1

export interface PatchedTime {
  readonly time: ConformanceTime
  /** Gives the platform its own time back. */
  restore(): void
}

class FakeTimer {
  due: number
  readonly order: number
  readonly everyMs: number | undefined
  readonly wake: () => void
  readonly #timers: Set<FakeTimer>

  constructor(timers: Set<FakeTimer>, due: number, order: number, everyMs: number | undefined, wake: () => void) {
    this.#timers = timers
    this.due = due
    this.order = order
    this.everyMs = everyMs
    this.wake = wake
    timers.add(this)
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  hasRef(): boolean {
    return true
  }

  close(): this {
    this.#timers.delete(this)
    return this
  }
}

/** Replaces timers, `Date.now` and `performance.now`. */
export function virtualTime(): PatchedTime {
  const timers = new Set<FakeTimer>()
  let now = 1000
  let wallOffset = Date.UTC(2026, 0, 1) - now
  let order = 0
  const delayOf = (ms: unknown): number => {
    const delay = Math.trunc(Number(ms))
    return delay >= 1 && delay <= LONGEST ? delay : 1
  }
  const add = (wake: (...args: unknown[]) => void, ms: unknown, args: unknown[], repeat: boolean): FakeTimer => {
    const delay = delayOf(ms)
    return new FakeTimer(timers, now + delay, order++, repeat ? delay : undefined, () => wake(...args))
  }
  const remove = (timer: unknown): void => {
    if (timer instanceof FakeTimer) timer.close()
  }
  Object.assign(globalThis, {
    setTimeout: (wake: () => void, ms?: number, ...args: unknown[]) => add(wake, ms, args, false),
    setInterval: (wake: () => void, ms?: number, ...args: unknown[]) => add(wake, ms, args, true),
    clearTimeout: remove,
    clearInterval: remove,
  })
  Date.now = () => now + wallOffset
  performance.now = () => now
  const nextDue = (end: number): FakeTimer | undefined => {
    let next: FakeTimer | undefined
    for (const timer of timers) {
      if (timer.due > end) continue
      if (next === undefined || timer.due < next.due || (timer.due === next.due && timer.order < next.order)) next = timer
    }
    return next
  }
  return {
    time: {
      exact: true,
      now: () => now,
      wallNow: () => now + wallOffset,
      stepWall: (ms) => {
        wallOffset += ms
      },
      pendingTimers: () => timers.size,
      async advance(ms) {
        const end = now + ms
        await settle()
        for (let timer = nextDue(end); timer !== undefined; timer = nextDue(end)) {
          now = Math.max(now, timer.due)
          if (timer.everyMs === undefined) timer.close()
          else timer.due = now + timer.everyMs
          timer.wake()
          await settle()
        }
        now = end
      },
    },
    restore: giveBack,
  }
}

/** Real timers; only the wall clock can be moved. */
export function realTime(): PatchedTime {
  let wallOffset = 0
  Date.now = () => real.dateNow() + wallOffset
  return {
    time: {
      exact: false,
      now: real.performanceNow,
      wallNow: () => real.dateNow() + wallOffset,
      stepWall: (ms) => {
        wallOffset += ms
      },
      advance: (ms) => new Promise((resolve) => real.setTimeout(resolve, ms === 0 ? 1 : ms + 3)),
    },
    restore: giveBack,
  }
}

function giveBack(): void {
  const { setTimeout, clearTimeout, setInterval, clearInterval } = real
  Object.assign(globalThis, { setTimeout, clearTimeout, setInterval, clearInterval })
  Date.now = real.dateNow
  delete (performance as { now?: unknown }).now
}

/** Runs every microtask there is, and what they lead to. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => real.setImmediate(resolve))
}

/** Rejects when a promise takes longer than this in real time. */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  try {
    return await Promise.race([
      promise,
      new Promise<never>((_, reject) => {
        timer = real.setTimeout(() => reject(new Error(`no end within ${ms / 1000} s`)), ms)
      }),
    ])
  } finally {
    real.clearTimeout(timer)
  }
}
