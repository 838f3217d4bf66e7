/**
 * At most `limit` at once, and a bounded queue of those who wait. A freed place goes straight to the head of the queue, so no
 * newcomer takes it in between.
 */
import type { Permit, Rejection } from '../../core/permit.ts'

/** Somebody who waits. `grant` is called once, with the place taken; it calls `free` exactly once. */
export interface Waiter {
  readonly grant: () => void
}

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
  readonly limit: number
  readonly queueLimit: number
  #inFlight = 0
  /** Insertion order is the queue; removal of an aborted waiter is O(1). */
  readonly #queue = new Set<Waiter>()

  constructor(limit: number, queueLimit: number) {
    this.limit = limit
    this.queueLimit = queueLimit
  }

  get inFlight(): number {
    return this.#inFlight
  }

  get queued(): number {
    return this.#queue.size
  }

  /** Takes a place for a caller that calls `free` exactly once. */
  enter(): boolean {
    if (this.#inFlight >= this.limit) return false
    this.#inFlight++
    return true
  }

  tryAcquire(): Permit | Rejection {
    return this.enter() ? new Slot(this) : { rejected: true, reason: `${this.limit} calls are in flight` }
  }

  /** Takes a place in the queue; false when it is full. Only sensible after `tryAcquire` refused. */
  wait(waiter: Waiter): boolean {
    if (this.#queue.size >= this.queueLimit) return false
    this.#queue.add(waiter)
    return true
  }

  /** Leaves the queue; the place is free at once. */
  leave(waiter: Waiter): void {
    this.#queue.delete(waiter)
  }

  /** Gives a place back, to the head of the queue if there is one. */
  free(): void {
    if (this.#queue.size === 0) {
      this.#inFlight--
      return
    }
    const head = this.#queue.values().next().value as Waiter
    this.#queue.delete(head)
    head.grant()
  }
}
