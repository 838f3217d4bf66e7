/**
 * What keeps a rate, whatever its algorithm: says how long a cost must wait, and counts it. Pure, and told the time.
 */
export interface RateDecision {
  readonly allowed: boolean
  /** 0 when allowed, else how long until the same cost would be allowed if nobody else took any. */
  readonly retryAfterMs: number
  /** Whole permits left after this decision. */
  readonly remaining: number
}

/** Times that differ by less are the same: sums of fractions are off by a little. */
export const SAME_TIME_MS = 1e-3

/** What is worth keeping of a machine over a restart: ms relative to when it was asked; what they mean is the machine's. */
export type RateState = readonly (number | RateState)[]

export abstract class RateMachine {
  /** The largest cost that can ever be allowed. */
  abstract readonly capacity: number
  /** When it is as good as new: its state may be forgotten then. */
  abstract readonly idleAt: number
  /** Changes with every cost that is counted; while it is the same, that cost is the latest. */
  abstract readonly mark: number
  /** How long until `cost` would be allowed; 0 is now. */
  abstract wait(now: number, cost: number): number
  /** Whole permits left. */
  abstract remaining(now: number): number
  /** Counts a cost for a call at `at`, which is not before `now + wait(now, cost)`. */
  abstract occupy(now: number, at: number, cost: number): void
  /** The same, and answers what `undo` needs to take it back without a trace; undefined when `refund` must. */
  abstract occupyAndRemember(now: number, at: number, cost: number): unknown
  /** Takes the latest cost back. Without what was remembered, whatever left the window for it or was full by then stays so. */
  abstract undo(at: number, cost: number, remembered?: unknown): void
  /**
   * Gives a place back that was not used. One in the future goes to the next who can use it. One whose time has come is worth
   * something only while nobody has taken another since, which is while `mark` is what it was.
   */
  abstract refund(at: number, cost: number, now?: number, mark?: number): boolean
  /** Counts a cost that nobody was asked for; may leave less than nothing. */
  abstract penalize(now: number, cost: number): void
  /** Gives back so much of what was counted, up to all of it. */
  abstract reward(now: number, cost: number): void
  /** Nothing is left as of now. */
  abstract drain(now: number): void
  abstract dump(now: number): RateState
  /** Takes over a dump that is `elapsedMs` old. Numbers that this machine could not have made are clamped, others ignored. */
  abstract load(state: RateState, now: number, elapsedMs: number): void

  /** What `take` would answer. */
  peek(now: number, cost: number): RateDecision {
    const wait = this.wait(now, cost)
    return { allowed: wait === 0, retryAfterMs: wait, remaining: this.remaining(now) }
  }

  /** Decides, and counts the cost when allowed. */
  take(now: number, cost: number): RateDecision {
    const wait = this.tryTake(now, cost)
    return { allowed: wait === 0, retryAfterMs: wait, remaining: this.remaining(now) }
  }

  /** The same in a number: 0 when allowed, else how long until it would be. */
  tryTake(now: number, cost: number): number {
    const wait = this.wait(now, cost)
    if (wait === 0) this.occupy(now, now, cost)
    return wait
  }

  /** Counts the cost now for a call that starts later; answers the wait in ms. */
  reserve(now: number, cost: number): number {
    const wait = this.wait(now, cost)
    this.occupy(now, now + wait, cost)
    return wait
  }

  isIdle(now: number): boolean {
    return this.idleAt <= now
  }
}

/** The numbers of a state; what is not a finite number is left out. */
export function numbersOf(state: unknown): number[] {
  return Array.isArray(state) ? state.filter((one): one is number => Number.isFinite(one)) : []
}
