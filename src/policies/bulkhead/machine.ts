/**
 * At most `limit` at once, and a bounded queue of those who wait. A freed place goes straight to the head of the queue, so no
 * newcomer takes it in between.
 */
import { isRejection, type Permit, type Rejection } from '../../core/permit.ts'

/** Somebody who waits. `grant` is called once, with the permit. */
export interface Waiter {
  readonly grant: (permit: Permit) => void
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

  tryAcquire(): Permit | Rejection {
    if (this.#inFlight >= this.limit) return { rejected: true, reason: `${this.limit} calls are in flight` }
    this.#inFlight++
    return new Slot(this)
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

  /** @internal called by a slot, once */
  free(): void {
    this.#inFlight--
    for (const head of this.#queue) {
      this.#queue.delete(head)
      const permit = this.tryAcquire()
      if (!isRejection(permit)) head.grant(permit)
      return
    }
  }
}
