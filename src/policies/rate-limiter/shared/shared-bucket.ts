/**
 * One limit, or one key of it, as this process has a share in it: who comes is answered at once where that can be known, and
 * otherwise by the store, which those who come together ask together.
 */
import { abortable } from '../../../core/abortable.ts'
import { sleep } from '../../../core/clock.ts'
import type { TokenBucket } from '../machine.ts'
import type { RateDecision } from '../rate-machine.ts'
import { Hand } from './machine.ts'
import type { SharedRules } from './options.ts'
import type { StoreLink } from './store-link.ts'

export interface Caller {
  readonly cost: number
  /** It may wait so long. */
  readonly maxWaitMs: number
  /** Monotonic ms. */
  readonly deadline: number
  readonly signal: AbortSignal | undefined
  /** Its turn is so far off; who answers false goes now all the same. */
  readonly onWait?: (ms: number) => boolean
}

interface Asker extends Caller {
  /** 0: go now. Above: refused for so long. A promise: its turn comes later. */
  readonly answer: (wait: number | Promise<number>) => void
}

interface Place {
  readonly granted: boolean
  readonly waitMs: number
  readonly giveBack: () => void
}

export class SharedBucket {
  readonly hand: Hand
  readonly #name: string
  readonly #rules: SharedRules
  readonly #link: StoreLink
  /** In the order in which they came. */
  #asking: Asker[] = []
  #busy = false
  /** While the store is lost. */
  #own: TokenBucket | undefined

  constructor(name: string, rules: SharedRules, link: StoreLink) {
    this.#name = name
    this.#rules = rules
    this.#link = link
    this.hand = new Hand(rules)
  }

  /** No answer is awaited, and nothing is in hand. */
  get isUnused(): boolean {
    return !this.#busy && this.hand.tokens === 0
  }

  peek(now: number, cost: number): RateDecision {
    if (!this.#link.lost || this.hand.tokens >= cost) return this.hand.peek(now, cost)
    const own = this.#ownBucket(now)
    return own.peek(now, Math.min(cost, own.capacity))
  }

  /**
   * @returns 0 for go, how long it is refused, or a promise of either: the turn has come then, or the signal has aborted
   */
  admit(now: number, caller: Caller): number | Promise<number> {
    if (this.#asking.length === 0) {
      if (this.hand.take(now, caller.cost)) {
        this.#askAhead(now)
        return 0
      }
      const wait = this.hand.waitFor(now, caller.cost)
      if (wait > 0 && !this.#link.lost) return fits(caller, now, wait) ? this.reserve(caller) : wait
    }
    if (this.#link.lost) {
      this.#link.look()
      return this.#alone(now, caller)
    }
    return this.#ask(caller)
  }

  /** The same for who cannot wait for any answer; undefined when only the store knows. */
  admitNow(now: number, cost: number): number | undefined {
    const taken = this.hand.take(now, cost)
    if (!taken && this.#link.lost) {
      this.#link.look()
      return this.#alone(now, { cost, maxWaitMs: 0, deadline: Number.POSITIVE_INFINITY, signal: undefined }) as number
    }
    const known = taken ? 0 : this.hand.waitFor(now, cost) || undefined
    this.#askAhead(now, known === undefined ? Math.min(cost, this.#rules.most) : 0)
    return known
  }

  /** Nothing goes for so long, for all processes. */
  block(now: number, ms: number): void {
    this.hand.block(now, ms)
    this.#link.block(this.#name, ms)
  }

  /** What is in hand goes back, but for so many. */
  putBack(keep = 0): void {
    this.#link.giveBack(this.#name, this.hand.putBack(keep))
  }

  /** The store is back. */
  restored(): void {
    this.#own = undefined
  }

  #ownBucket(now: number): TokenBucket {
    this.#own ??= this.hand.share(now, this.#link.processes)
    return this.#own
  }

  #ownWait(now: number, cost: number): number {
    const own = this.#ownBucket(now)
    return Math.max(own.wait(now, Math.min(cost, own.capacity)), this.hand.blockedFor(now))
  }

  /** Decides without the store. What costs more than our share ever holds goes when the share is whole. */
  #alone(now: number, caller: Caller): number | Promise<number> {
    const wait = this.#ownWait(now, caller.cost)
    if (wait > 0 && !fits(caller, now, wait)) return wait
    const { waitMs, giveBack } = this.ownPlace(now, caller.cost)
    return waitMs === 0 ? 0 : this.#sleep(waitMs, caller, giveBack)
  }

  #ask(caller: Caller): Promise<number> {
    const answer = new Promise<number>((resolve) => this.#asking.push({ ...caller, answer: resolve }))
    if (!this.#busy) void this.#askForAll()
    return abortable(answer, caller.signal)
  }

  #askAhead(now: number, more = 0): void {
    if (!this.#busy && !this.#link.lost && this.hand.ahead(now) + more > 0) void this.#askForAll(more)
  }

  /** One question at a time, for all who have come by then, and for what is foreseen. */
  async #askForAll(more = 0): Promise<void> {
    this.#busy = true
    try {
      // Those who come in the same turn are asked for together.
      await Promise.resolve()
      do await this.#askOnce(more)
      while (this.#asking.length > 0)
    } catch {
      const now = this.#rules.clock.now()
      this.#answer(
        () => true,
        (asker) => this.#alone(now, asker),
      )
    } finally {
      this.#busy = false
    }
  }

  async #askOnce(more: number): Promise<void> {
    const { clock, burst, most } = this.#rules
    const before = clock.now()
    this.#asking = this.#asking.filter(isThere)
    this.#serve(before)
    // What was granted before a block cannot be used during it, so there is nothing to ask for.
    const blockedMs = this.hand.blockedFor(before)
    if (blockedMs > 0) return this.#refuse(1, blockedMs)
    const wanted = this.#asking.reduce((sum, { cost }) => sum + cost, this.hand.ahead(before) + more)
    if (wanted === 0) return
    const first = this.#asking[0]?.cost ?? 1
    const atLeast = Math.max(1, first - this.hand.tokens)
    const { answer } = await this.#link.take({ name: this.#name, cost: Math.min(wanted, burst), atLeast })
    const now = clock.now()
    if (answer.granted > 0) {
      this.hand.granted(now, answer.granted, answer.remaining)
      this.#serve(now)
      this.putBack(most)
    } else {
      this.hand.refused(now, atLeast, answer.waitMs)
      this.#refuse(first, answer.waitMs)
    }
  }

  /** There may be enough for those who want less. */
  #refuse(from: number, waitMs: number): void {
    const now = this.#rules.clock.now()
    this.#answer(
      ({ cost }) => cost >= from,
      (asker) => (fits(asker, now, waitMs) ? this.reserve(asker) : waitMs),
    )
  }

  /** In turn, as long as it lasts. */
  #serve(now: number): void {
    for (let asker = this.#asking[0]; asker !== undefined; asker = this.#asking[0]) {
      if (isThere(asker)) {
        if (!this.hand.take(now, asker.cost)) return
        asker.answer(0)
      }
      this.#asking.shift()
    }
  }

  #answer(whom: (asker: Asker) => boolean, decide: (asker: Asker) => number | Promise<number>): void {
    const all = this.#asking
    this.#asking = all.filter((asker) => !whom(asker))
    for (const asker of all) if (whom(asker) && isThere(asker)) asker.answer(decide(asker))
  }

  /** Takes a token of the future, and sleeps until it is there. */
  async reserve(caller: Caller): Promise<number> {
    const { clock } = this.#rules
    const placing = this.place(clock.now(), caller)
    let place: Place | undefined
    try {
      place = await abortable(placing, caller.signal)
    } catch (reason) {
      void placing.then((late) => late?.granted && late.giveBack())
      throw reason
    }
    if (place === undefined) return this.#alone(clock.now(), caller)
    if (!place.granted) return place.waitMs
    return this.#sleep(place.waitMs, caller, place.giveBack)
  }

  /** A token of the future, or when to ask again; undefined when the store is lost. */
  async place(now: number, { cost, maxWaitMs, deadline }: Omit<Caller, 'signal'>): Promise<Place | undefined> {
    if (this.#link.lost) return undefined
    const most = Math.max(0, Math.floor(Math.min(maxWaitMs, deadline - now, LONGEST_WAIT_MS)))
    const taken = await this.#link.take({ name: this.#name, cost, maxWaitMs: most }).catch(() => undefined)
    if (taken === undefined) return undefined
    const { answer, requestId } = taken
    if (answer.granted > 0) this.hand.reserved(this.#rules.clock.now(), answer.waitMs)
    const giveBack = (): void => this.#link.giveBack(this.#name, cost, requestId)
    return { granted: answer.granted > 0, waitMs: answer.waitMs, giveBack }
  }

  /** A place under our own share, for while the store is lost. */
  ownPlace(now: number, cost: number): Pick<Place, 'waitMs' | 'giveBack'> {
    const own = this.#ownBucket(now)
    const waitMs = this.#ownWait(now, cost)
    own.occupy(now, now + waitMs, cost)
    return { waitMs, giveBack: () => own.refund(now + waitMs, cost) }
  }

  async #sleep(ms: number, caller: Caller, giveBack: () => void): Promise<0> {
    if (ms === 0 || caller.onWait?.(ms) === false) return 0
    try {
      await sleep(this.#rules.clock, ms, caller.signal)
      return 0
    } catch (reason) {
      giveBack()
      throw reason
    }
  }
}

/** A year: a store has to add it to a time. */
const LONGEST_WAIT_MS = 31_536_000_000

function isThere({ signal }: Caller): boolean {
  return !signal?.aborted
}

function fits({ maxWaitMs, deadline }: Caller, now: number, waitMs: number): boolean {
  return waitMs <= maxWaitMs && now + waitMs < deadline
}
