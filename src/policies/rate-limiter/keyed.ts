/**
 * One machine per key, without a timer per key: keys that are as good as new are forgotten, a few with every new key, and at
 * most `maxKeys` are kept. When all of them are busy, the one of those looked at goes that would have been idle first.
 *
 * A token bucket is one number, so it is kept as one: the map holds a slot in an array, and one bucket is lent to each slot
 * in turn. A key becomes an object of its own when there is more to know of it: places, quotas, or somebody holds on to it.
 */
import { TokenBucket } from './machine.ts'
import type { RateDecision, RateMachine, RateState } from './rate-machine.ts'

/** How many old keys are looked at when a new one comes. Above 1, so that the idle ones are caught up with. */
const SWEEP = 4
const FIRST_SLOTS = 16

export class KeyedMachines {
  readonly #make: () => RateMachine
  readonly #maxKeys: number
  readonly #held = new Map<string, number | RateMachine>()
  /** The bucket that is lent; undefined where a machine is more than one number. */
  readonly #lent: TokenBucket | undefined
  /** As good as new, for keys that are only asked about. */
  readonly #fresh: RateMachine
  #fullAt = new Float64Array(0)
  /** Slots of keys that were forgotten. */
  readonly #free: number[] = []
  #used = 0
  #sweep: MapIterator<[string, number | RateMachine]> | undefined

  constructor(make: () => RateMachine, maxKeys: number) {
    this.#make = make
    this.#maxKeys = maxKeys
    this.#fresh = make()
    if (this.#fresh instanceof TokenBucket) this.#lent = make() as TokenBucket
  }

  get size(): number {
    return this.#held.size
  }

  tryTake(key: string, now: number, cost: number): number {
    const held = this.#held.get(key) ?? this.#add(key, now)
    if (typeof held !== 'number') return held.tryTake(now, cost)
    const bucket = this.#lend(held)
    const wait = bucket.tryTake(now, cost)
    this.#fullAt[held] = bucket.fullAt
    return wait
  }

  /** How long it would be until `cost` is allowed; remembers nothing of a key that is not known yet. */
  wait(key: string, now: number, cost: number): number {
    const held = this.#held.get(key)
    return (held === undefined ? this.#fresh : this.#see(held)).wait(now, cost)
  }

  take(key: string, now: number, cost: number): RateDecision {
    const wait = this.tryTake(key, now, cost)
    return { allowed: wait === 0, retryAfterMs: wait, remaining: this.peek(key, now, cost).remaining }
  }

  peek(key: string, now: number, cost: number): RateDecision {
    const held = this.#held.get(key)
    return (held === undefined ? this.#fresh : this.#see(held)).peek(now, cost)
  }

  /** The key's own machine, to be kept and used at will. */
  at(key: string, now: number): RateMachine {
    const held = this.#held.get(key) ?? this.#add(key, now)
    if (typeof held !== 'number') return held
    const machine = this.#make() as TokenBucket
    machine.fullAt = this.#fullAt[held] as number
    this.#free.push(held)
    this.#held.set(key, machine)
    return machine
  }

  /** The key's machine if it has one of its own already. */
  known(key: string): RateMachine | undefined {
    const held = this.#held.get(key)
    return typeof held === 'number' ? undefined : held
  }

  replace(key: string, machine: RateMachine): void {
    this.#held.set(key, machine)
  }

  /** Takes over what `busy` told of a key. */
  load(key: string, state: RateState, now: number, elapsedMs: number): void {
    const held = this.#held.get(key) ?? this.#add(key, now)
    if (typeof held !== 'number') return held.load(state, now, elapsedMs)
    const bucket = this.#lend(held)
    bucket.load(state, now, elapsedMs)
    this.#fullAt[held] = bucket.fullAt
  }

  /** Keys that are not idle; the machine may be lent, so it must not be kept. */
  *busy(now: number): Generator<[key: string, machine: RateMachine]> {
    for (const [key, held] of this.#held) if (this.#idleAt(held) > now) yield [key, this.#see(held)]
  }

  #see(held: number | RateMachine): RateMachine {
    return typeof held === 'number' ? this.#lend(held) : held
  }

  #lend(slot: number): TokenBucket {
    const bucket = this.#lent as TokenBucket
    bucket.fullAt = this.#fullAt[slot] as number
    return bucket
  }

  #idleAt(held: number | RateMachine): number {
    return typeof held === 'number' ? (this.#fullAt[held] as number) : held.idleAt
  }

  #add(key: string, now: number): number | RateMachine {
    this.#makeRoom(now)
    const held = this.#lent === undefined ? this.#make() : this.#newSlot()
    this.#held.set(key, held)
    return held
  }

  #newSlot(): number {
    const slot = this.#free.pop() ?? this.#used++
    // Stryker disable ConditionalExpression,MethodExpression: room that is not needed changes no answer
    if (slot >= this.#fullAt.length) {
      const larger = new Float64Array(Math.min(Math.max(FIRST_SLOTS, this.#fullAt.length * 2), this.#maxKeys + SWEEP))
      larger.set(this.#fullAt)
      this.#fullAt = larger
    }
    // Stryker restore ConditionalExpression,MethodExpression
    this.#fullAt[slot] = Number.NEGATIVE_INFINITY
    return slot
  }

  #makeRoom(now: number): void {
    let first: string | undefined
    let firstAt = Number.POSITIVE_INFINITY
    for (let looked = 0; looked < SWEEP; looked++) {
      this.#sweep ??= this.#held.entries()
      const next = this.#sweep.next()
      if (next.done) {
        this.#sweep = undefined
        continue
      }
      const idleAt = this.#idleAt(next.value[1])
      if (idleAt <= now) this.#forget(next.value[0])
      else if (idleAt < firstAt) {
        first = next.value[0]
        firstAt = idleAt
      }
    }
    // Then none of those looked at was idle.
    if (this.#held.size >= this.#maxKeys) this.#forget(first as string)
  }

  #forget(key: string): void {
    const held = this.#held.get(key)
    if (typeof held === 'number') this.#free.push(held)
    this.#held.delete(key)
  }
}
