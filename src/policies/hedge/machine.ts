/**
 * One call and its hedges: whether another may start, and what the end of one of them means for the whole.
 *
 * The first acceptable result wins. A failure alone never ends the call while another still runs, unless it is fatal.
 * Source: gRPC proposal A6 (hedging); the acceptable result after Polly.
 */

/**
 * `acceptable`: the answer. `failed`: another call could do better. `hopeless`: another could only fail in the same way, so none
 * is started, and those that run may still win. `fatal`: not even those.
 */
export type HedgeOutcome = 'acceptable' | 'failed' | 'hopeless' | 'fatal'

/** `start`: the next hedge, at once. `wait`: for those that run. `fail`: with this outcome, which is the last. */
export type HedgeVerdict = 'win' | 'start' | 'wait' | 'fail'

export class HedgeMachine {
  readonly #most: number
  #started = 0
  #running = 0
  #stopped = false

  /** @param maxHedges how many besides the first call */
  constructor(maxHedges: number) {
    this.#most = maxHedges + 1
  }

  /** How many have started, the first call included; so this is the next one's number. */
  get started(): number {
    return this.#started
  }

  get mayStart(): boolean {
    return !this.#stopped && this.#started < this.#most
  }

  /** Another one runs. Answers its number: 0 is the first call. */
  start(): number {
    this.#running++
    return this.#started++
  }

  /** No more hedges for this call: the budget or the deadline has no room. The verdict for those that wait. */
  stop(): HedgeVerdict {
    this.#stopped = true
    return this.#running > 0 ? 'wait' : 'fail'
  }

  /** One of them has ended. */
  settle(outcome: HedgeOutcome): HedgeVerdict {
    this.#running--
    if (outcome === 'acceptable') return 'win'
    if (outcome === 'fatal') return 'fail'
    if (outcome === 'hopeless') this.#stopped = true
    if (this.mayStart) return 'start'
    return this.#running > 0 ? 'wait' : 'fail'
  }
}

/** Whether a hedge that starts then can be done by the deadline, when a call usually takes so long. */
export function fits(startsAt: number, usualMs: number, deadline: number): boolean {
  return startsAt + usualMs < deadline
}
