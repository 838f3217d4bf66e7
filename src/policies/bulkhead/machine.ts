/**
 * At most `limit` at once, and a bounded queue of those who wait. A freed place goes straight to the head of the queue, so no
 * newcomer takes it in between.
 *
 * Invariants: nobody waits while a place is free; `queued` is the sum of all levels; a waiter is granted, dropped or leaves,
 * once.
 */
import type { Permit, Rejection } from '../../core/permit.ts'
import { type Waiter, WaitingLine } from './waiting-line.ts'

export type { Waiter } from './waiting-line.ts'

/**
 * Who is refused when the queue is full. `'reject-new'`: the newcomer. `'drop-oldest'`: whoever has waited longest among the
 * least urgent, if the newcomer is at least as urgent. `'drop-lowest-priority'`: the same, if the newcomer is more urgent.
 */
export type Overflow = 'reject-new' | 'drop-oldest' | 'drop-lowest-priority'

class Slot implements Permit {
  readonly generation = 0
  readonly #machine: BulkheadMachine
  #released = false

  constructor(machine: BulkheadMachine) {
    this.#machine = machine
  }

  release(): void {
    if (this.#released) return
    this.#released = true
    this.#machine.free()
  }
}

export class BulkheadMachine {
  readonly queueLimit: number
  readonly #overflow: Overflow
  readonly #line = new WaitingLine()
  #limit: number
  #inFlight = 0

  constructor(limit: number, queueLimit: number, overflow: Overflow = 'reject-new') {
    this.#limit = limit
    this.queueLimit = queueLimit
    this.#overflow = overflow
  }

  get limit(): number {
    return this.#limit
  }

  get inFlight(): number {
    return this.#inFlight
  }

  get queued(): number {
    return this.#line.size
  }

  /** Takes a place for a caller that calls `free` exactly once. */
  enter(): boolean {
    if (this.#inFlight >= this.#limit) return false
    this.#inFlight++
    return true
  }

  /** Takes a place whatever the limit says; for trying a limit out without enforcing it. */
  enterAnyway(): void {
    this.#inFlight++
  }

  tryAcquire(): Permit | Rejection {
    return this.enter() ? new Slot(this) : { rejected: true, reason: `${this.#limit} calls are in flight` }
  }

  /** `tryAcquire` whatever the limit says. */
  acquireAnyway(): Permit {
    this.enterAnyway()
    return new Slot(this)
  }

  /** Takes a place in the queue; false when there is none for it. Only sensible after `enter` refused. */
  wait(waiter: Waiter): boolean {
    if (this.#line.size >= this.queueLimit && !this.#makeRoom(waiter.priority ?? 0)) return false
    this.#line.join(waiter)
    return true
  }

  /** True when `wait` would find a place for somebody of this priority. */
  hasRoom(priority: number): boolean {
    return this.#line.size < this.queueLimit || this.#victim(priority) !== undefined
  }

  #makeRoom(priority: number): boolean {
    const victim = this.#victim(priority)
    if (victim === undefined) return false
    this.#line.leave(victim)
    victim.drop?.()
    return true
  }

  #victim(priority: number): Waiter | undefined {
    if (this.#overflow === 'reject-new') return undefined
    const victim = this.#line.leastUrgent
    if (victim === undefined) return undefined
    const theirs = victim.priority ?? 0
    return theirs < priority || (theirs === priority && this.#overflow === 'drop-oldest') ? victim : undefined
  }

  /** Leaves the queue; the place is free at once. */
  leave(waiter: Waiter): void {
    this.#line.leave(waiter)
  }

  /** Gives a place back, to the head of the queue if there is one. */
  free(): void {
    if (this.#line.size === 0 || this.#inFlight > this.#limit) this.#inFlight--
    else this.#line.next()!.grant()
  }

  /** More places go to those who wait, at once; of fewer, what is in flight stays until it ends. */
  resize(limit: number): void {
    this.#limit = limit
    while (this.#line.size > 0 && this.enter()) this.#line.next()!.grant()
  }
}
